"""The supervisor: starts jobs of the queue, ends them when asked, and writes what a dead one left.

``python -m workbench.jobs.supervisor RUNS_DIR``: started by `ensure_supervisor` when there is work,
gone when there is none. All it knows stands in files, so another one can go on at any moment.
"""

from __future__ import annotations

import errno
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from workbench.jobs.attempt import claimant
from workbench.jobs.executors import Executors
from workbench.jobs.limits import in_words
from workbench.jobs.processes import Executor, Exit, Usage, Worker
from workbench.jobs.queue import (
    CLAIM,
    ENTRY,
    GRACE_SECONDS,
    Entry,
    Waiting,
    blocking,
    read_entry,
    request_stop,
    waiting_jobs,
)
from workbench.jobs.queue_files import bell, changing, is_paused, parallel_jobs
from workbench.jobs.service import being_supervisor
from workbench.jobs.settle import Remains, refuse, settle
from workbench.jobs.sweep import Drivers
from workbench.jobs.trackers import start_trackers
from workbench.store.files import DamagedFileError, StoreError, explain
from workbench.store.listing import RunListing, RunSummary
from workbench.store.runs import STOP, Run, State, Status
from workbench.store.streams import open_streams

#: seconds between two looks at the jobs, and at what they use
_TICK, _MEASURE = 0.05, 0.5
#: all run folders are looked at after so many seconds even if nobody rang
_RESCAN = 5.0
#: seconds before something that a full disk prevented is tried again
_RETRY = 1.0
#: seconds without work before a supervisor in the background ends
_LINGER = 5.0

#: told of a job that ended: its run, and the state it ended in
OnEnd = Callable[[Run, Status], None]


@dataclass
class _Job:
    """A job that a worker has in hand."""

    run: Run
    entry: Entry
    worker: Worker
    asked_at: float | None = None
    measured_at: float = 0.0
    retry_at: float = 0.0
    usage: Usage | None = None
    peak_mb: float = 0.0


class Supervisor:
    """Looks after the jobs of one runs folder, a `tick` at a time.

    Parameters
    ----------
    executor
        Starts workers.
    on_end
        Called with each job that ended while it was looked after.
    log
        Takes a line for people.
    """

    def __init__(
        self,
        runs_dir: Path,
        executor: Executor | None = None,
        on_end: Sequence[OnEnd] = (),
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.runs_dir = runs_dir
        self.closing = False
        self._executor = executor or Executors()
        self._on_end = on_end
        self._log = log
        self._drivers = Drivers(runs_dir, log)
        self._listing = RunListing(runs_dir)
        self._jobs: dict[str, _Job] = {}
        self._waiting: list[Waiting] = []
        self._states: dict[str, State] = {}
        self._damaged: set[str] = set()
        self._heard = -1
        self._scanned_at = 0.0
        self._hold_until = 0.0

    def tick(self) -> bool:
        """Look after every job and start what may start.

        Returns
        -------
        Whether jobs run or may start; False means that there is nothing to do.
        """
        sweeping = False
        try:
            for job in list(self._jobs.values()):
                self._watch(job)
            self._scan_if_needed()
            self._start_jobs()
            sweeping = not self.closing and self._drivers.tend()
        except StoreError as error:  # a full disk: what is in hand is kept, and tried again
            self._log(f"trouble: {error.problem}")
            self._hold_until = time.monotonic() + _RETRY
        return bool(self._jobs) or sweeping or self._may_start()

    def close(self) -> None:
        """Start nothing any more and ask the jobs that run to end; they can be resumed."""
        self.closing = True
        self._drivers.close()
        for job in self._jobs.values():
            self._ask_to_end(job)

    def look(self) -> bool:
        """Read all run folders anew; tell whether there is something to do."""
        self._heard = -1
        try:
            self._scan_if_needed()
        except StoreError as error:
            self._log(f"trouble: {error.problem}")
        return bool(self._jobs) or self._drivers.tend() or self._may_start()

    def _may_start(self) -> bool:
        if self.closing or is_paused(self.runs_dir):
            return False
        return any(blocking(job.entry, self._states) is None for job in self._waiting)

    # looking after jobs that run

    def _watch(self, job: _Job) -> None:
        now = time.monotonic()
        if now < job.retry_at:
            return
        end = job.worker.exit()
        if end is not None:
            job.retry_at = now + _RETRY  # for when it cannot be written down
            self._ended(job, end)
        elif job.asked_at is not None:
            if now - job.asked_at > GRACE_SECONDS:
                job.worker.kill()
        elif (job.run.path / STOP).exists():
            self._ask_to_end(job)
        else:
            self._check_limits(job, now)

    def _ask_to_end(self, job: _Job) -> None:
        if job.asked_at is None:
            job.asked_at = time.monotonic()
            job.worker.terminate()

    def _check_limits(self, job: _Job, now: float) -> None:
        if now - job.measured_at < _MEASURE:
            return
        job.measured_at = now
        usage = job.worker.usage()
        if usage is not None:
            job.usage = usage
            job.peak_mb = max(job.peak_mb, usage.memory_mb)
        reason = _broken_limit(job)
        if reason:
            with suppress(StoreError):  # the disk is full: it is ended all the same
                request_stop(job.run, "failed", reason)
            self._ask_to_end(job)

    def _ended(self, job: _Job, end: Exit) -> None:
        """Write the end state where the worker did not, and let go of the job."""
        if not job.run.path.is_dir():  # else it would be tried for ever
            del self._jobs[job.run.run_id]
            self._log(f"{job.run.run_id}: its folder was removed")
            return
        overdue = "it was asked to end and did not" if job.asked_at is not None else ""
        try:
            with changing(self.runs_dir):
                tried = not self.closing and not _put_back(job)
                left = Remains(end, job.usage, job.peak_mb, overdue, tried)
                status = settle(job.run, left)
        except DamagedFileError as error:  # nobody can tell what it was
            status = Status("failed", reason=error.problem)
        del self._jobs[job.run.run_id]
        self._heard = -1  # other jobs may wait for this one
        if status.state not in ("queued", "running"):
            self._tell(job.run, status)

    def _tell(self, run: Run, status: Status) -> None:
        self._log(f"{run.run_id}: {status.state}" + (f": {status.reason}" if status.reason else ""))
        for listener in self._on_end:
            listener(run, status)

    # finding jobs

    def _scan_if_needed(self) -> None:
        now, rung = time.monotonic(), bell(self.runs_dir)
        if now < self._hold_until:
            return
        if rung != self._heard or now - self._scanned_at > _RESCAN:
            runs = self._listing.refresh()
            self._heard, self._scanned_at = rung, now
            self._states = {run.run_id: run.state for run in runs}
            for summary in runs:
                if summary.ended is None or summary.problem:
                    self._look_at(summary)
            self._waiting = [
                job
                for job in waiting_jobs(runs)
                if self._states[job.run.run_id] == "queued" and job.run.run_id not in self._jobs
            ]

    def _look_at(self, summary: RunSummary) -> None:
        """Take charge of a job that an earlier supervisor had, or write how it ended."""
        run_id = summary.run_id
        run = Run(summary.folder)
        if run_id in self._jobs or run_id in self._damaged or not (run.path / ENTRY).exists():
            return
        if summary.problem and summary.state == "failed":
            self._damaged.add(run_id)
            self._refuse(run, summary.problem)
            return
        try:
            self._take_charge(run, summary)
        except DamagedFileError as error:
            self._damaged.add(run_id)
            self._log(f"{run_id}: {error.problem}")

    def _take_charge(self, run: Run, summary: RunSummary) -> None:
        if summary.state == "queued" and not (run.path / CLAIM).exists():
            self._check_entry(run)
            return
        with changing(self.runs_dir):
            before = run.noted_status()
            status = settle(run, Remains())
        if status != before:
            self._states[run.run_id] = status.state
            self._tell(run, status)
        elif status.state in ("queued", "running"):
            self._adopt(run)

    def _check_entry(self, run: Run) -> None:
        try:
            read_entry(run)
        except StoreError as error:
            self._refuse(run, error.problem)

    def _adopt(self, run: Run) -> None:
        owner = claimant(run)
        try:
            entry = read_entry(run)
        except StoreError:  # it has no limits, and can be ended
            entry = Entry(data_dir="", folder="")
        worker = self._executor.adopt(run, owner) if owner is not None else None
        if worker is not None and entry is not None:
            self._jobs[run.run_id] = _Job(run, entry, worker)
            self._log(f"{run.run_id}: found running")

    # starting jobs

    def _start_jobs(self) -> None:
        if self.closing or time.monotonic() < self._hold_until or not self._waiting:
            return
        if is_paused(self.runs_dir):
            return
        asked = [job.entry.jobs for job in self._waiting]
        asked += [job.entry.jobs for job in self._jobs.values()]
        most = max(parallel_jobs(self.runs_dir), *asked)
        for job in list(self._waiting):
            if len(self._jobs) >= most:
                return
            obstacle = blocking(job.entry, self._states)
            if obstacle is None:
                self._waiting.remove(job)
                self._start(job)
            elif obstacle[1] in (None, "failed", "cancelled"):
                self._waiting.remove(job)
                needed, state = obstacle
                became = {None: "is gone", "failed": "failed"}.get(state, "was cancelled")
                self._refuse(job.run, f"it needs run {needed}, which {became}")

    def _start(self, job: Waiting) -> None:
        run_id = job.run.run_id
        try:
            worker = self._executor.start(job.run, job.entry)
        except StoreError as error:
            self._refuse(job.run, error.problem)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self._heard = -1  # it waits until there is space
                raise explain(error, job.run.path) from error
            where = f": {error.filename}" if error.filename else ""
            self._refuse(job.run, f"its worker could not start: {error.strerror}{where}")
        else:
            self._jobs[run_id] = _Job(job.run, job.entry, worker)
            self._log(f"{run_id}: started")
            start_trackers(job.run, job.entry.track)

    def _refuse(self, run: Run, reason: str) -> None:
        """Note that a waiting job can never start."""
        self._heard = -1  # others may wait for it
        try:
            with changing(self.runs_dir):
                status = refuse(run, reason)
        except DamagedFileError as error:  # its state cannot be told from that of one that ended
            self._log(f"{run.run_id}: {error.problem}")
            return
        if status is not None:
            self._tell(run, status)


def _put_back(job: _Job) -> bool:
    """Tell whether a job went back to the queue before its last worker was quite gone."""
    with suppress(StoreError):
        return read_entry(job.run) != job.entry
    return False


def _broken_limit(job: _Job) -> str:
    """Say which limit a job broke; empty when none."""
    seconds, megabytes = job.entry.time_limit, job.entry.memory_limit
    if seconds is not None and job.worker.seconds() > seconds:
        return f"stopped: longer than {in_words(seconds)}"
    if megabytes is not None and job.usage is not None and job.usage.memory_mb > megabytes:
        return f"stopped: {job.usage.memory_mb:.0f} MiB is more than its limit of {megabytes:g} MiB"
    return ""


def serve(supervisor: Supervisor, *, linger: float, until: Callable[[], bool]) -> bool:
    """Supervise until there has been nothing to do for `linger` seconds.

    Parameters
    ----------
    until
        Asked at every tick; once it says True, jobs are asked to end and nothing starts.

    Returns
    -------
    False when another process supervises the folder.
    """
    while True:
        with being_supervisor(supervisor.runs_dir) as held:
            if not held:
                return False
            _work(supervisor, linger, until)
        # a job that was added after the last look, by somebody who still saw this supervisor
        if supervisor.closing or not supervisor.look():
            return True


def _work(supervisor: Supervisor, linger: float, until: Callable[[], bool]) -> None:
    idle_since = time.monotonic()
    while True:
        if until() and not supervisor.closing:
            supervisor.close()
        busy = supervisor.tick()
        now = time.monotonic()
        if busy:
            idle_since = now
        elif supervisor.closing or now - idle_since >= linger:
            return
        time.sleep(_TICK)


def main(runs_dir: str) -> int:
    """Supervise in the background; return the exit code of the process."""
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    def log(text: str) -> None:
        sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    supervisor = Supervisor(Path(runs_dir), log=log)
    serve(supervisor, linger=_LINGER, until=lambda: bool(asked))
    return 0


if __name__ == "__main__":
    open_streams()
    sys.exit(main(sys.argv[1]))
