"""`eval --jobs N`: the jobs of a plan through the queue, several at once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from recsys_core.events import Event
from recsys_core.pipeline.run import reuse_key
from recsys_core.pipeline.spec import JobSpec
from recsys_core.protocols.split import Split
from workbench.cli.context import Settings
from workbench.cli.options import JobOptions
from workbench.cli.plan import Plan
from workbench.cli.progress import Display
from workbench.cli.work import name_of
from workbench.jobs.execute import Outcome
from workbench.jobs.interrupts import check, deferred, undisturbed
from workbench.jobs.queue import Entry, add_job, cancel
from workbench.jobs.queue_files import is_paused
from workbench.jobs.service import ensure_supervisor
from workbench.jobs.trackers import start_trackers
from workbench.store.files import StoreError
from workbench.store.manage import find_reusable
from workbench.store.runs import Run

#: seconds between two looks at the jobs
_POLL = 0.1
#: seconds between two looks whether there is a supervisor
_GUARD = 1.0
#: seconds that cancelled jobs get to be gone
_CANCEL_SECONDS = 10.0
#: somebody waits for these jobs
_PRIORITY = 1


@dataclass
class _Job:
    """One job of the plan.

    Parameters
    ----------
    number
        Its place in the plan, from 1.
    leader
        An earlier job that does the same; its run is reused.
    """

    number: int
    spec: JobSpec
    name: str
    key: str
    leader: _Job | None = None
    run: Run | None = None
    offset: int = 0
    outcome: Outcome | None = None
    begun: bool = field(default=False)


def run_in_queue(
    plan: Plan,
    split: Split,
    options: JobOptions,
    settings: Settings,
    display: Display,
    jobs: int,
    scheduler: str,
) -> list[Outcome]:
    """Run or reuse all jobs of a plan, `jobs` at a time; what is reused is as with one at a time.

    Parameters
    ----------
    scheduler
        Address of the Dask cluster that does them; empty: this machine.

    Raises
    ------
    KeyboardInterrupt
        Asked to end; the jobs are cancelled.
    """
    batch = _Batch(plan, options, settings, display, split)
    entry = Entry(
        data_dir=str(settings.data_dir.absolute()),
        folder=str(Path.cwd()),
        priority=_PRIORITY,
        jobs=jobs,
        offline=options.offline,
        scheduler=scheduler,
        track=options.track,
    )
    try:
        batch.start(entry)
        batch.follow(entry)
    except KeyboardInterrupt:
        with undisturbed():
            batch.cancel()
        raise
    return [job.outcome for job in batch.jobs if job.outcome is not None]


def check_not_paused(runs_dir: Path) -> None:
    """Raise InputError when the queue is paused."""
    if is_paused(runs_dir):
        raise InputError(
            "the queue is paused, so no jobs start",
            "continue with: recsys-workbench queue resume; or leave out --jobs and --executor",
        )


class _Batch:
    """The jobs of a plan in the queue."""

    def __init__(
        self,
        plan: Plan,
        options: JobOptions,
        settings: Settings,
        display: Display,
        split: Split,
    ) -> None:
        self._fresh = options.fresh
        self._track = options.track
        self._settings = settings
        self._display = display
        self._guarded = 0.0
        self.jobs: list[_Job] = []
        leaders: dict[str, _Job] = {}
        for number, spec in enumerate(plan.specs, start=1):
            key = reuse_key(spec, split)
            job = _Job(number, spec, name_of(spec, plan.specs), key)
            if not self._fresh:
                job.leader = leaders.get(key)
                leaders.setdefault(key, job)
            self.jobs.append(job)

    def start(self, entry: Entry) -> None:
        """Find what can be reused, and add the others to the queue."""
        for job in self.jobs:
            check()
            found = None if self._fresh else find_reusable(self._settings.runs_dir, job.key)
            if found is not None:
                self._begin(job)
                start_trackers(found, self._track)
                self._end(job, Outcome(found, job.spec.name, "succeeded", reused=True))
            elif job.leader is None:
                self._add(job, entry)

    def follow(self, entry: Entry) -> None:
        """Show progress until every job has ended."""
        while any(job.outcome is None for job in self.jobs):
            check()
            self._guard()
            for job in self.jobs:
                if job.outcome is None:
                    self._look_at(job, entry)
            time.sleep(_POLL)

    def cancel(self) -> None:
        """Cancel what is left and wait until it is gone."""
        left = [job.run for job in self.jobs if job.run is not None and job.outcome is None]
        for run in left:
            with suppress(InputError):  # it ended by itself meanwhile
                cancel(run)
        ensure_supervisor(self._settings.runs_dir)
        give_up = time.monotonic() + _CANCEL_SECONDS
        while _under_way(left) and time.monotonic() < give_up:
            time.sleep(_POLL)
        done = sum(job.outcome is not None for job in self.jobs)
        if done:
            self._display.note(f"{done} of {len(self.jobs)} runs are done, to be reused")

    def _add(self, job: _Job, entry: Entry) -> None:
        values: dict[str, Any] = job.spec.model_dump(mode="json")
        with deferred():  # what was added is known, and cancelled with the rest
            job.run = add_job(self._settings.runs_dir, values, job.spec.name, entry)

    def _guard(self) -> None:
        """See to it that somebody does the jobs, even if the supervisor was killed."""
        now = time.monotonic()
        if now - self._guarded > _GUARD:
            self._guarded = now
            ensure_supervisor(self._settings.runs_dir)

    def _look_at(self, job: _Job, entry: Entry) -> None:
        if job.run is None:
            self._follow_leader(job, entry)
            return
        try:
            status = job.run.status()
        except StoreError as error:  # its folder was taken away, or its state is damaged
            self._begin(job)
            self._end(job, Outcome(job.run, job.spec.name, "failed", reason=error.problem))
            return
        if status.state == "queued":
            return
        self._begin(job)
        self._show_events(job)
        if status.state != "running":
            self._end(
                job, Outcome(job.run, job.spec.name, status.state, reason=status.reason or "")
            )

    def _follow_leader(self, job: _Job, entry: Entry) -> None:
        """Reuse the run of the job that does the same; try again where that failed."""
        leader = job.leader.outcome if job.leader is not None else None
        if leader is None:
            return
        if leader.state == "succeeded":
            self._begin(job)
            self._end(job, Outcome(leader.run, job.spec.name, "succeeded", reused=True))
        else:
            self._add(job, entry)

    def _begin(self, job: _Job) -> None:
        if job.begun:
            self._display.turn_to(job.number)
        else:
            job.begun = True
            self._display.begin(job.name, job.number, len(self.jobs))

    def _show_events(self, job: _Job) -> None:
        assert job.run is not None, "it is in the queue"
        events, job.offset = job.run.events(job.offset)
        for event in events:
            if not event["usage"]:  # beside progress that was shown
                self._display.event(_event(event))

    def _end(self, job: _Job, outcome: Outcome) -> None:
        job.outcome = outcome
        self._display.end(outcome)


def _under_way(runs: Iterable[Run]) -> bool:
    return any(_is_under_way(run) for run in runs)


def _is_under_way(run: Run) -> bool:
    try:
        return run.status().state in ("queued", "running")
    except StoreError:  # taken away or damaged: nobody ends it any more
        return False


def _event(values: dict[str, Any]) -> Event:
    metrics = {name: float("nan") if x is None else x for name, x in values["metrics"].items()}
    return Event(values["stage"], values["step"], values["total"], metrics, values["message"])
