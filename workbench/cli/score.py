"""`score`: a file of scores from elsewhere becomes a run, compared, gated and reported as any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from workbench.cli.context import Settings, pass_settings
from workbench.cli.options import JobOptions, score_options, set_option
from workbench.cli.progress import at_work


@click.command
@click.argument("file", type=Path, metavar="FILE")
@click.option("--label", default="", help="Name in reports.  [default: the file's name]")
@click.option(
    "--stage",
    type=click.Choice(["recall", "ranking"]),
    default="recall",
    show_default=True,
    help="What FILE holds: recommendations, or predictions of the test rows.",
)
@click.option(
    "--split",
    "split_file",
    type=Path,
    metavar="FILE",
    help="Description of the split that FILE is for.  [default: split.json beside FILE, if any]",
)
@set_option("protocol.FIELD=VALUE")
@score_options
@pass_settings
def score(
    settings: Settings,
    file: Path,
    label: str,
    stage: str,
    split_file: Path | None,
    options: JobOptions,
) -> int:
    """Evaluate the scores of a model from elsewhere.

    FILE is a table with a header and the original ids, csv, tsv or parquet: user,item,score or
    user,item,rank for recommendations; with --stage ranking user,item,score, perhaps with time, for
    predictions of the test rows. By default the data set is ml-100k and the protocol user-timeline.
    """
    with at_work(options) as display:
        from recsys_core.pipeline.external import ScoreJob, find_split_file
        from workbench.cli.plan import make_plan
        from workbench.cli.work import listener, report_on
        from workbench.jobs.scores import score_into

        values = _values(label, options)
        described = find_split_file(file, split_file)
        job = ScoreJob.read(file, values, "ranking" if stage == "ranking" else "recall")
        plan = make_plan("score", [job.spec], options, settings)
        listen = listener(display)
        display.begin("data", 0, 1)
        split = job.load_split(
            described, data_dir=settings.data_dir, offline=options.offline, on_event=listen
        )
        display.begin(job.spec.name, 1, 1)
        outcome = score_into(
            job, split, runs_dir=settings.runs_dir, fresh=options.fresh, on_event=listen
        )
        display.end(outcome)
    return report_on(plan, [outcome], options)


def _values(label: str, options: JobOptions) -> dict[str, Any]:
    """Write what the line says as fields of a job."""
    from workbench.cli.specs import protocol_of

    values: dict[str, Any] = {
        "dataset": "ml-100k" if options.dataset is None else options.dataset,
        "protocol": protocol_of(options),
    }
    if label:
        values["label"] = label
    if options.ks is not None:
        values["ks"] = options.ks
    return values
