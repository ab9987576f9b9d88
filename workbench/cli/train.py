"""`train`: one job, new or resumed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recsys_core.errors import InputError
from workbench.cli.completing import run_ids
from workbench.cli.context import Settings, pass_settings
from workbench.cli.options import JobOptions, job_options, model_options, refuse_any, set_option
from workbench.cli.progress import at_work
from workbench.cli.refits import check_refit_options, job_of_refit
from workbench.cli.updates import check_update_options, job_of_update

if TYPE_CHECKING:
    from recsys_core.events import OnEvent
    from recsys_core.pipeline.spec import JobSpec
    from recsys_core.protocols.split import Split
    from workbench.cli.progress import Display
    from workbench.jobs.execute import Outcome


@click.command
@model_options
@click.option(
    "--resume", metavar="RUN", shell_complete=run_ids, help="Resume a run that did not finish."
)
@set_option("FIELD=VALUE")
@job_options
@pass_settings
def train(
    settings: Settings,
    model: str | None,
    config: Path | None,
    resume: str | None,
    refit: str | None,
    origin: str | None,
    label: str,
    features: str | None,
    options: JobOptions,
) -> int:
    """Train and evaluate one model.

    By default the data set is ml-100k and the protocol user-timeline. With --refit nothing is
    evaluated: the run is for use, and the run that it repeats says how good it is. With --from the
    job is that of a run, on data that have grown.
    """
    if origin is not None:
        check_update_options((model, config, features, resume, refit), options)
        return _update(origin, label, options, settings)
    if refit is not None:
        check_refit_options((model, config, features, resume), options)
        return _refit(refit, label, options, settings)
    if resume is not None:
        if options.estimate:
            raise InputError(
                "--estimate is for a job that has not begun: --resume is not allowed with it",
                "leave out one of them",
            )
        given = (model, config, features, label, *_job_fields(options))
        refuse_any(
            given,
            "--resume continues a job unchanged: --model, --config, --set and the like are not "
            "allowed",
            "leave them out, or train a new run without --resume",
        )
        return _resume(resume, options, settings)
    if model is None:
        raise InputError(
            "train needs --model NAME, --resume RUN, --refit RUN or --from RUN",
            "see: recsys-workbench models list",
        )
    with at_work(options) as display:
        from workbench.cli.specs import specs_of_model

        specs = specs_of_model(model, label, features, config, options, settings)
        return _do(specs, options, settings, display)


def _do(specs: list[JobSpec], options: JobOptions, settings: Settings, display: Display) -> int:
    from workbench.cli.plan import make_plan
    from workbench.cli.work import prepare, report_on, run_or_reuse

    plan = make_plan("train", specs, options, settings)
    plan, split = prepare(plan, options, settings, display)
    if options.estimate:
        from workbench.cli.estimate import estimate_plan

        return estimate_plan(plan, split, options, settings, display)
    return report_on(plan, run_or_reuse(plan, split, options, settings, display), options)


def _refit(text: str, label: str, options: JobOptions, settings: Settings) -> int:
    with at_work(options) as display:
        spec = job_of_refit(text, label, options, settings)
        return _do([spec], options, settings, display)


def _update(text: str, label: str, options: JobOptions, settings: Settings) -> int:
    with at_work(options) as display:
        spec = job_of_update(text, label, options, settings)
        return _do([spec], options, settings, display)


def _job_fields(options: JobOptions) -> tuple[Any, ...]:
    fields = (options.dataset, options.protocol, options.ks, options.changes, options.seeds)
    return (*fields, options.threads, options.device)


def _resume(text: str, options: JobOptions, settings: Settings) -> int:
    with at_work(options) as display:
        from workbench.cli.plan import make_plan
        from workbench.cli.specs import checked
        from workbench.cli.work import do_jobs, prepare, report_on
        from workbench.jobs.execute import resumable_spec
        from workbench.jobs.execute import resume as resume_run
        from workbench.store.manage import resolve_run

        run = resolve_run(settings.runs_dir, text)
        spec = resumable_spec(run)
        if options.nproc is not None:  # a checkpoint is the same, however many made it
            spec = spec.model_copy(update={"nproc": options.nproc})
        spec = checked(spec, settings)
        plan = make_plan("train", [spec], options, settings)

        def go_on(spec: JobSpec, split: Split, on_event: OnEvent) -> Outcome:
            return resume_run(
                run,
                spec,
                split,
                data_dir=settings.data_dir,
                track=options.track,
                on_event=on_event,
            )

        plan, split = prepare(plan, options, settings, display)
        outcomes = do_jobs(plan, split, display, go_on)
    return report_on(plan, outcomes, options)
