"""`train`: one job, new or resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recsys_core.errors import InputError
from workbench.cli.context import Settings, pass_settings
from workbench.cli.options import JobOptions, job_options, set_option
from workbench.cli.progress import at_work

if TYPE_CHECKING:
    from recsys_core.events import OnEvent
    from recsys_core.pipeline.spec import JobSpec
    from recsys_core.pipeline.suites import Suite
    from recsys_core.protocols.split import Split
    from workbench.jobs.execute import Outcome


@click.command
@click.option("--model", metavar="NAME", help="Model to train: see models list.")
@click.option("--config", type=Path, metavar="FILE", help="YAML file with fields of the model.")
@click.option("--resume", metavar="RUN", help="Go on with a run that did not finish.")
@click.option("--label", default="", help="Name in reports.  [default: the model's name]")
@click.option(
    "--features",
    metavar="NAME|FILE",
    help="Feature schema: what the model sees of users, items and rows.",
)
@set_option("FIELD=VALUE")
@job_options
@pass_settings
def train(
    settings: Settings,
    model: str | None,
    config: Path | None,
    resume: str | None,
    label: str,
    features: str | None,
    options: JobOptions,
) -> int:
    """Train and evaluate one model.

    The data set is ml-100k and the protocol user-timeline unless told otherwise.
    """
    if resume is not None:
        given = (model, config, features, label, *_job_fields(options))
        if any(value is not None and value not in ("", ()) for value in given):
            raise InputError(
                "--resume goes on with a job as it was: no --model, --config, --set and the like",
                "leave them out, or train a new run without --resume",
            )
        return _resume(resume, options, settings)
    if model is None:
        raise InputError(
            "train needs --model NAME or --resume RUN", "see: recsys-workbench models list"
        )
    with at_work(options) as display:
        from workbench.cli.plan import make_plan
        from workbench.cli.work import prepare, report_on, run_or_reuse

        suite = suite_of_model(model, label, features, config)
        options = replace(options, changes=tuple(labelled(x, suite) for x in options.changes))
        plan, split = prepare(make_plan(suite, options, settings), options, settings, display)
        outcomes = run_or_reuse(plan, split, options, settings, display)
    return report_on(plan, outcomes)


def _job_fields(options: JobOptions) -> tuple[Any, ...]:
    fields = (options.dataset, options.protocol, options.ks, options.changes, options.seeds)
    return (*fields, options.threads)


def suite_of_model(model: str, label: str, features: str | None, config: Path | None) -> Suite:
    """Make a suite of one job."""
    from recsys_core.config import parse_config, read_yaml
    from recsys_core.pipeline.suites import Suite
    from recsys_core.registry import model_info

    model_info(model)  # the nearest name, before anything else is looked at
    job = {
        "model": model,
        "label": label,
        "features": features,
        "params": read_yaml(config) if config else {},
    }
    values = {
        "name": "train",
        "dataset": "ml-100k",
        "protocol": {"name": "user-timeline"},
        "jobs": [job],
    }
    return parse_config(Suite, values, "train")


def labelled(change: str, suite: Suite) -> str:
    """Put the only label before a field: the plan wants LABEL.FIELD=VALUE."""
    from workbench.cli.plan import PROTOCOL

    label = suite.labels[0]
    key = change.partition("=")[0]
    if "=" not in change:
        raise InputError(
            f"--set '{change}' is not of the form FIELD=VALUE", "write e.g. --set epochs=5"
        )
    return change if key.startswith((f"{PROTOCOL}.", f"{label}.")) else f"{label}.{change}"


def _resume(text: str, options: JobOptions, settings: Settings) -> int:
    with at_work(options) as display:
        from recsys_core.pipeline.suites import Suite, SuiteJob
        from workbench.cli.plan import make_plan
        from workbench.cli.work import do_jobs, prepare, report_on
        from workbench.jobs.execute import resumable_spec
        from workbench.jobs.execute import resume as resume_run
        from workbench.store.manage import resolve_run

        run = resolve_run(settings.runs_dir, text)
        spec = resumable_spec(run)
        job = SuiteJob(
            model=spec.model, label=spec.label, params=spec.params, features=spec.features
        )
        suite = Suite(
            name="train",
            dataset=spec.dataset,
            protocol=spec.protocol,
            ks=spec.ks,
            seeds=(spec.seed,),
            jobs=(job,),
        )
        plan = replace(make_plan(suite, options, settings), specs=[spec])

        def go_on(spec: JobSpec, split: Split, on_event: OnEvent) -> Outcome:
            return resume_run(run, spec, split, data_dir=settings.data_dir, on_event=on_event)

        plan, split = prepare(plan, options, settings, display)
        outcomes = do_jobs(plan, split, display, go_on)
    return report_on(plan, outcomes)
