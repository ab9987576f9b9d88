"""What a person asks of jobs, carried out; each returns a sentence that says what was done.

They write files under the queue's lock: call them off the thread that answers keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recsys_core.errors import InputError
from workbench.jobs import queue, queue_files, sweep_end
from workbench.jobs.queue import Entry
from workbench.jobs.service import ensure_supervisor
from workbench.jobs.sweep_progress import SWEEPS
from workbench.store.listing import RunSummary, list_runs
from workbench.store.runs import CHECKPOINT, Run
from workbench.tui.view.sweeps import SweepView

#: what the first steps train: seconds each, no settings to choose
BASELINES = ("popularity", "item-cf", "ease")


def cancel(run: RunSummary) -> str:
    """Cancel a job that waits or runs.

    Raises
    ------
    InputError
        It ended before, or it is not of the queue.
    """
    if queue.cancel(Run(run.folder)):
        return f"{run.label} is cancelled; r puts it back into the queue"
    ensure_supervisor(run.runs_dir)
    again = "resumes it from its checkpoint" if _has_checkpoint(run) else "starts it again"
    return f"{run.label} is being cancelled; R {again}"


def _has_checkpoint(run: RunSummary) -> bool:
    return (run.folder / CHECKPOINT).exists()


def end_sweep(sweep: SweepView, runs_dir: Path) -> str:
    """End a sweep with its trials that wait or run; what was found is kept.

    Raises
    ------
    InputError
        It ended before.
    """
    if not sweep_end.end_sweep(runs_dir / SWEEPS / sweep.sweep_id):
        raise InputError(f"sweep {sweep.name} has ended: there is nothing to cancel")
    ensure_supervisor(runs_dir)
    return f"sweep {sweep.name} is being cancelled: results of its trials stay"


def cancel_all(runs: Sequence[RunSummary], sweeps: Sequence[SweepView], runs_dir: Path) -> None:
    """End the sweeps, which would go on with new trials, and cancel all jobs that wait or run."""
    ending = [sweep_end.end_sweep(runs_dir / SWEEPS / sweep.sweep_id) for sweep in sweeps]
    mine = [Run(run.folder) for run in reversed(runs) if of_queue(run)]
    left = [run for run in mine if run.status().state in ("queued", "running")]
    going = [run for run in left if not queue.cancel(run)]
    if going or any(ending):
        ensure_supervisor(runs_dir)


def under_way(runs: Sequence[RunSummary], queue_works: bool) -> list[RunSummary]:
    """List the jobs of the queue that run, and those that will start by themselves."""
    going = [run for run in runs if of_queue(run)]
    if queue_works or any(run.state == "running" for run in going):
        return going
    return []


def of_queue(run: RunSummary) -> bool:
    """Tell whether a job that waits or runs can be cancelled from here."""
    return run.state in ("queued", "running") and (run.folder / queue.ENTRY).exists()


def add_baselines(runs_dir: Path, data_dir: Path) -> list[str]:
    """Add three quick models on a small data set; return their run ids.

    The data is ml-100k where it has been prepared, else the synthetic `sample`, which is built in.
    """
    prepared = (data_dir / "ml-100k" / "meta.json").exists()
    dataset = "ml-100k" if prepared else "sample"
    entry = Entry(str(data_dir.absolute()), str(Path.cwd()))
    added = []
    for model in BASELINES:
        spec = {"dataset": dataset, "protocol": {"name": "user-timeline"}, "model": model}
        added.append(queue.add_job(runs_dir, spec, model, entry).run_id)
    ensure_supervisor(runs_dir)
    return added


def requeue(run: RunSummary, data_dir: Path, *, resume: bool) -> str:
    """Put a job that ended without a result back into the queue.

    Raises
    ------
    InputError
        It succeeded, waits or runs.
    """
    entry = Entry(str(data_dir.absolute()), str(Path.cwd()))
    how = "starts again"
    if resume:
        how = "is resumed" if _has_checkpoint(run) else "has no checkpoint: it starts again"
    queue.requeue(Run(run.folder), entry, resume=resume)
    return f"{run.label} {how}{go_on(run.runs_dir)}"


def go_on(runs_dir: Path) -> str:
    """See to it that jobs are done; say so where they are not, because the queue is paused."""
    if queue_files.is_paused(runs_dir):
        return " when the queue is no longer paused (p)"
    ensure_supervisor(runs_dir)
    return ""


def pause(runs_dir: Path) -> str:
    """Pause the queue, or go on."""
    if queue_files.is_paused(runs_dir):
        queue_files.unpause(runs_dir)
        ensure_supervisor(runs_dir)
        return "the queue is no longer paused"
    queue_files.pause(runs_dir)
    return "the queue is paused: running jobs continue, no new one starts"


def swap(sooner: RunSummary, before: RunSummary) -> str:
    """Move a job that waits right before another one that waits.

    Raises
    ------
    InputError
        One of them waits no longer.
    """
    run = Run(sooner.folder)
    with queue.editing(run) as entry:
        moved = queue.placed_before(entry, Run(before.folder), list_runs(before.runs_dir))
        queue.write_entry(run, moved)
    return f"{sooner.label} starts before {before.label}"


def change_priority(run: RunSummary, step: int) -> str:
    """Raise or lower the priority of a job that waits.

    Raises
    ------
    InputError
        It waits no longer.
    """
    with queue.editing(Run(run.folder)) as entry:
        changed = replace(entry, priority=entry.priority + step)
        queue.write_entry(Run(run.folder), changed)
    return f"{run.label} has priority {changed.priority}"
