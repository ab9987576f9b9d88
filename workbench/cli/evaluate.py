"""`eval`: train or reuse a suite of models, compare them, judge gates, write reports."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import click

from recsys_core.errors import InputError
from workbench.cli.cluster import judging_options
from workbench.cli.context import Settings, pass_settings
from workbench.cli.options import JobOptions, job_options, set_option
from workbench.cli.progress import at_work
from workbench.cli.runs_groups import names

if TYPE_CHECKING:
    from workbench.cli.work import Judge


@click.command("eval")
@click.option(
    "--suite",
    default="quick",
    show_default=True,
    metavar="NAME|FILE",
    help="Suite to run: a YAML file or a name such as quick or seed; a wrong name lists all.",
)
@click.option(
    "--models",
    metavar="A,B",
    help="Labels of the suite, or model names, separated by commas.  [default: the whole suite]",
)
@set_option("LABEL.FIELD=VALUE")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Number of jobs to run at once, each in a process with its own --threads.",
)
@click.option(
    "--groups",
    default="",
    callback=names,
    metavar="A,B…",
    help="Also judge the runs by groups in the reports, such as age,genre: see runs groups.",
)
@judging_options
@job_options
@pass_settings
def evaluate(
    settings: Settings,
    suite: str,
    models: str | None,
    jobs: int,
    groups: tuple[str, ...],
    scheduler: str,
    judges: str,
    options: JobOptions,
) -> int:
    """Train (or reuse) and evaluate a suite of models, then compare, gate and report.

    A run with the same spec, data, split, code and library versions is reused unless --fresh.
    """
    if groups and not options.reports:
        raise InputError("--groups is for reports", "add --report FILE, or use runs groups RUN…")
    if judges and (jobs > 1 or options.nproc or options.device not in (None, "cpu")):
        raise InputError(
            "--executor dask-eval trains one job at a time, in one process, on the CPU",
            "leave out --jobs, --nproc and --device",
        )
    with at_work(options) as display:
        from recsys_core.pipeline.suites import load_suite
        from workbench.cli.parallel import check_not_paused, run_in_queue
        from workbench.cli.plan import plan_of_suite
        from workbench.cli.work import prepare, report_on, run_or_reuse

        chosen = load_suite(suite)
        if models is not None:
            chosen = chosen.select(label.strip() for label in models.split(","))
        plan = plan_of_suite(chosen, options, settings, named=models is not None)
        if (jobs > 1 or scheduler) and not options.estimate:
            check_not_paused(settings.runs_dir)
        plan, split = prepare(plan, options, settings, display)
        judge = _judge(settings, split.dataset.name, groups) if groups else None
        if options.estimate:
            from workbench.cli.estimate import estimate_plan

            return estimate_plan(plan, split, options, settings, display)
        if jobs > 1 or scheduler:
            outcomes = run_in_queue(plan, split, options, settings, display, jobs, scheduler)
        else:
            from recsys_core.pipeline.judges import judged_by

            with judged_by(judges) if judges else nullcontext():
                outcomes = run_or_reuse(plan, split, options, settings, display)
    return report_on(plan, outcomes, options, judge)


def _judge(settings: Settings, dataset: str, groups: tuple[str, ...]) -> Judge:
    """Check the attributes before the first job starts; what judges the runs when all are done."""
    from workbench.reports.groups import check_attributes, groups_of_report

    check_attributes(settings.data_dir, dataset, groups)
    return partial(groups_of_report, settings.data_dir, by=groups)
