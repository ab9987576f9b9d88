"""Reads the state of the queue, again only when something rang its bell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.jobs.queue import Entry, readable_entry, waiting_jobs
from workbench.jobs.queue_files import QUEUE, bell, is_paused, parallel_jobs
from workbench.jobs.service import supervisor_pid
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.tui.view.queue import QueueState
from workbench.tui.view.sweeps import SweepReader


class QueueReader:
    """Reads the queue of one runs folder."""

    def __init__(self, runs_dir: Path) -> None:
        self._runs_dir = runs_dir
        self._seen: tuple[object, ...] = ()
        self._waiting: tuple[tuple[str, Entry], ...] = ()
        self._asked = 1
        self._sweeps = SweepReader(runs_dir)

    def refresh(self, runs: Sequence[RunSummary]) -> QueueState:
        """Read what may have changed; `runs` are all runs of the folder."""
        if not (self._runs_dir / QUEUE).is_dir():
            return QueueState()  # looking must not make the folder
        queued = tuple(run.run_id for run in runs if run.state == "queued")
        running = tuple(Run(run.folder) for run in runs if run.state == "running")
        seen = (bell(self._runs_dir), queued, running)
        if seen != self._seen:
            jobs = waiting_jobs(runs)
            self._waiting = tuple((job.run.run_id, job.entry) for job in jobs)
            asked = [job.entry.jobs for job in jobs] + [_asked_by(run) for run in running]
            self._asked = max(asked, default=1)
            self._seen = seen
        return QueueState(
            is_paused(self._runs_dir),
            self._waiting,
            max(parallel_jobs(self._runs_dir), self._asked),
            supervisor_pid(self._runs_dir) is not None,
            self._sweeps.refresh(runs),
        )


def _asked_by(run: Run) -> int:
    """Return how many jobs a running one lets run beside it, itself included."""
    entry = readable_entry(run)
    return entry.jobs if entry is not None else 1
