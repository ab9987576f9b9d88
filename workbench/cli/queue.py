"""`queue`: jobs in the background; this process only reads files and writes requests."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recsys_core.errors import InputError
from recsys_core.values import counted
from workbench.cli.cluster import cluster_options
from workbench.cli.completing import run_ids
from workbench.cli.context import NamingGroup, Settings, pass_settings
from workbench.cli.options import JobOptions, model_options, set_option, spec_options
from workbench.cli.place import limit, place_options
from workbench.cli.queue_list import list_command
from workbench.cli.refits import check_refit_options, job_of_refit
from workbench.cli.sweep import (
    SweepOptions,
    add_sweep,
    cancel_sweeps,
    sweep_command,
    sweep_options,
)
from workbench.cli.table import say
from workbench.cli.updates import check_update_options, job_of_update
from workbench.jobs import queue as requests
from workbench.jobs import queue_files
from workbench.jobs.queue import ENTRY, Entry, waiting_jobs
from workbench.jobs.service import ensure_supervisor, wait_for_supervisor
from workbench.store.listing import list_runs
from workbench.store.manage import resolve_run
from workbench.store.runs import Run, check_writable

if TYPE_CHECKING:
    from recsys_core.pipeline.spec import JobSpec

#: seconds to wait for cancelled jobs to be gone; they get five
_CANCEL_SECONDS = 10.0


@click.group(cls=NamingGroup, invoke_without_command=True)
@click.pass_context
def queue(ctx: click.Context) -> None:
    """Run jobs in the background, one or several at a time; they outlive the terminal."""
    if ctx.invoked_subcommand is None:
        sys.stdout.write(ctx.get_help() + "\n")


queue.add_command(list_command)
queue.add_command(sweep_command)


@queue.command
@model_options
@click.option("--suite", metavar="NAME|FILE", help="Add every job of a suite.")
@click.option("--models", metavar="A,B", help="With --suite: only these labels.")
@click.option(
    "--spec", "spec_file", type=Path, metavar="FILE", help="A job as YAML: a run's spec.yaml."
)
@set_option("FIELD=VALUE")
@sweep_options
@spec_options
@place_options
@pass_settings
def add(
    settings: Settings,
    model: str | None,
    config: Path | None,
    label: str,
    features: str | None,
    suite: str | None,
    models: str | None,
    spec_file: Path | None,
    refit: str | None,
    origin: str | None,
    spaces: tuple[str, ...],
    sweeping: SweepOptions,
    options: JobOptions,
    priority: int | None,
    after: tuple[str, ...],
    time_limit: float | None,
    memory_limit: float | None,
) -> None:
    """Add a model, a suite, a file's job, a refit or an update; print the run ids.

    They run in the background, in turn: see queue list. With --sweep it is a search over fields
    of the job, and its id is printed: see queue sweep.
    """
    if sum(source is not None for source in (model, suite, spec_file, refit, origin)) != 1:
        raise InputError(
            "queue add needs one of --model NAME, --suite NAME, --spec FILE, --refit RUN and "
            "--from RUN",
            "see: recsys-workbench queue add --help",
        )
    _check_belonging(suite, models, spaces, sweeping)
    if refit is not None:
        check_refit_options((config, features, *spaces), options)
    if origin is not None:
        check_update_options((config, features, *spaces), options)
    needed = tuple(resolve_run(settings.runs_dir, text).run_id for text in after)
    entry = Entry(
        data_dir=str(settings.data_dir.absolute()),
        folder=str(Path.cwd()),
        priority=priority or 0,
        after=needed,
        time_limit=limit(time_limit),
        memory_limit=limit(memory_limit),
        offline=options.offline,
        track=options.track,
    )
    from workbench.cli.submit import jobs_of_model, jobs_of_suite, spec_from_file

    if spec_file is not None:
        specs = [spec_from_file(spec_file, options, settings)]
    elif refit is not None:
        check_writable(settings.runs_dir)
        specs = [job_of_refit(refit, label, options, settings)]
    elif origin is not None:
        check_writable(settings.runs_dir)
        specs = [job_of_update(origin, label, options, settings)]
    elif suite is not None:
        plan = jobs_of_suite(suite, models, options, settings)
        specs = plan.specs
        for line in plan.said_of_left_out():
            say(line)
    else:
        assert model is not None, "one of the five was given"
        specs = jobs_of_model(model, label, features, config, options, settings)
    if spaces:
        add_sweep(settings, specs, spaces, sweeping, entry)
    else:
        _add_all(settings, specs, entry)
    _go_on(settings)


def _check_belonging(
    suite: str | None, models: str | None, spaces: Sequence[str], sweeping: SweepOptions
) -> None:
    """Raise InputError for an option without the one that it belongs to."""
    if models is not None and suite is None:
        raise InputError("--models chooses from a suite", "add --suite NAME, or use --model")
    sweeping.check_sweep(spaces)


def _add_all(settings: Settings, specs: Sequence[JobSpec], entry: Entry) -> None:
    for spec in specs:
        run = requests.add_job(settings.runs_dir, spec.model_dump(mode="json"), spec.name, entry)
        sys.stdout.write(f"{run.run_id}\n")


def _go_on(settings: Settings) -> None:
    """See to it that the jobs are done, unless the queue is paused."""
    if queue_files.is_paused(settings.runs_dir):
        say("the queue is paused; continue with: recsys-workbench queue resume")
    else:
        ensure_supervisor(settings.runs_dir)


@queue.command
@click.argument("names", nargs=-1, metavar="[RUN]…", shell_complete=run_ids)
@click.option("--all", "everything", is_flag=True, help="Cancel all jobs, waiting or running.")
@pass_settings
def cancel(settings: Settings, names: tuple[str, ...], everything: bool) -> None:
    """Cancel waiting or running jobs; running ones keep their checkpoint.

    To cancel a sweep: queue sweep SWEEP --cancel; --all ends sweeps too.
    """
    if everything:
        cancel_sweeps(settings)
    chosen = _named(settings, names, everything, ("queued", "running"), "cancel")
    going = [run for run in chosen if not requests.cancel(run)]
    if going:
        ensure_supervisor(settings.runs_dir)
    give_up = time.monotonic() + _CANCEL_SECONDS
    while going and time.monotonic() < give_up:
        time.sleep(0.05)
        going = [run for run in going if run.status().state in ("queued", "running")]
    if going:
        raise InputError(
            f"run {going[0].run_id} was asked to end but is still running",
            f"see {settings.runs_dir}/.queue/supervisor.log",
        )
    say(f"{counted(len(chosen), 'job')} cancelled")


@queue.command
@click.argument("names", nargs=-1, metavar="RUN…", shell_complete=run_ids)
@pass_settings
def retry(settings: Settings, names: tuple[str, ...]) -> None:
    """Restart jobs that failed, were cancelled or were interrupted; they keep their run id."""
    _requeue(settings, names, resume=False)


@queue.command
@click.argument("names", nargs=-1, metavar="[RUN]…", shell_complete=run_ids)
@pass_settings
def resume(settings: Settings, names: tuple[str, ...]) -> None:
    """Resume jobs from their last checkpoint; without RUN, resume a paused queue."""
    if names:
        _requeue(settings, names, resume=True)
        return
    queue_files.unpause(settings.runs_dir)
    if waiting_jobs(list_runs(settings.runs_dir)):
        ensure_supervisor(settings.runs_dir)


def _requeue(settings: Settings, names: Sequence[str], *, resume: bool) -> None:
    chosen = _named(settings, names, False, (), "resume" if resume else "retry")
    entry = Entry(str(settings.data_dir.absolute()), str(Path.cwd()))
    for run in chosen:
        requests.requeue(run, entry, resume=resume)
    _go_on(settings)


def _named(
    settings: Settings, names: Sequence[str], everything: bool, states: Sequence[str], verb: str
) -> list[Run]:
    """Find the runs that are meant; with `everything` those of the queue in one of `states`."""
    if everything and not names:
        found = [Run(run.folder) for run in list_runs(settings.runs_dir) if run.state in states]
        return [run for run in found if (run.path / ENTRY).exists()]
    if everything or not names:
        options = "RUN, or --all" if states else "RUN"
        raise InputError(f"queue {verb} needs {options}", "see: recsys-workbench queue list")
    return [resolve_run(settings.runs_dir, name) for name in dict.fromkeys(names)]


@queue.command
@pass_settings
def pause(settings: Settings) -> None:
    """Start no more jobs; running ones go on. Undo with queue resume."""
    queue_files.pause(settings.runs_dir)


@queue.command
@click.argument("name", metavar="RUN", shell_complete=run_ids)
@click.option("--label", help="Name in reports.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Random seed.")
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads of each process.")
@click.option("--nproc", type=click.IntRange(1, 1024), help="Processes that work together.")
@click.option(
    "--before", metavar="RUN", shell_complete=run_ids, help="Move it before this waiting job."
)
@set_option("FIELD=VALUE")
@place_options
@pass_settings
def edit(
    settings: Settings,
    name: str,
    label: str | None,
    seed: int | None,
    threads: int | None,
    nproc: int | None,
    before: str | None,
    changes: tuple[str, ...],
    priority: int | None,
    after: tuple[str, ...],
    time_limit: float | None,
    memory_limit: float | None,
) -> None:
    """Change a waiting job: its fields, its place, its limits (``none`` for no limit)."""
    run = resolve_run(settings.runs_dir, name)
    fields = {"label": label, "seed": seed, "threads": threads, "nproc": nproc}
    given = {key: value for key, value in fields.items() if value is not None}
    needed = tuple(resolve_run(settings.runs_dir, text).run_id for text in after)
    other = resolve_run(settings.runs_dir, before) if before is not None else None
    with requests.editing(run) as entry:
        if given or changes:
            from workbench.cli.submit import changed_spec

            spec = changed_spec(run, given, changes, Path(entry.data_dir))
            run.write_spec(spec.model_dump(mode="json"))
        if priority is not None:
            entry = replace(entry, priority=priority)
        if needed:
            requests.check_no_cycle(run, needed)
            entry = replace(entry, after=needed)
        if time_limit is not None:
            entry = replace(entry, time_limit=limit(time_limit))
        if memory_limit is not None:
            entry = replace(entry, memory_limit=limit(memory_limit))
        if other is not None:
            entry = requests.placed_before(entry, other, list_runs(settings.runs_dir))
        requests.write_entry(run, entry)


@queue.command
@click.option(
    "--foreground",
    is_flag=True,
    help="Run the jobs in this process until all are done, e.g. for CI or systemd.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 1024), help="Number of jobs to run at once, from now on."
)
@click.option(
    "--stay", is_flag=True, help="With --foreground: when all jobs are done, wait for more."
)
@cluster_options
@pass_settings
def work(settings: Settings, foreground: bool, jobs: int | None, stay: bool, scheduler: str) -> int:
    """Run the waiting jobs, in the background or here.

    With --foreground, the exit code is 3 if a job failed. Ctrl-C or SIGTERM ends the running
    jobs; they can be resumed.
    """
    if (stay or scheduler) and not foreground:
        option = "--stay" if stay else "--executor dask"
        raise InputError(f"{option} is for --foreground", "add --foreground")
    if jobs is not None:
        queue_files.set_parallel_jobs(settings.runs_dir, jobs)
    if foreground:
        from workbench.cli.foreground import work_here

        return work_here(settings.runs_dir, stay=stay, scheduler=scheduler)
    ensure_supervisor(settings.runs_dir)
    say(f"process {wait_for_supervisor(settings.runs_dir)} runs the jobs; see queue list")
    return 0
