"""The queue of a runs folder: files that say which jobs wait, in which order, and what was asked.

Anybody may read them and make requests: command line, interactive session, a program. Only the
supervisor starts jobs. What must not happen at the same time as something else (a worker claims a
job, somebody edits it) happens under one lock, `changing`. This module is light: no pydantic.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from workbench.jobs.queue_files import changing, ring
from workbench.store.files import StoreError, read_json, write_json
from workbench.store.kinds import Kind, check, flag, list_of, number, optional, text, whole
from workbench.store.listing import RunSummary
from workbench.store.runs import EVENTS, STOP, Run, State, Status, create_run

#: in a run folder: place in the queue, who works on it
ENTRY, CLAIM = "queue.json", "claim.json"
#: seconds between a request to end and SIGKILL
GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Entry:
    """A job's place in the queue and its limits.

    Parameters
    ----------
    data_dir, folder
        Absolute paths: prepared data, and the working folder that paths in the spec refer to.
    position
        Among jobs of the same priority the lowest goes first.
    priority
        The highest goes first.
    after
        Ids of runs that must have succeeded before.
    time_limit, memory_limit
        Seconds and MiB of resident memory; None for no limit. The job fails beyond.
    jobs
        While it waits or runs so many jobs may run at once, where the queue's setting is lower.
    offline
        Never download a data set.
    trial
        The sweep that it is a trial of, and its number: ``<sweep id>/<number>``; else empty.
    scheduler
        Address of the Dask cluster that does it; empty: what the supervisor was told.
    track
        Trackers that are told of it: ``NAME:WHERE``.
    """

    data_dir: str
    folder: str
    position: float = 0.0
    priority: int = 0
    after: tuple[str, ...] = ()
    time_limit: float | None = None
    memory_limit: float | None = None
    jobs: int = 1
    offline: bool = False
    trial: str = ""
    scheduler: str = ""
    track: tuple[str, ...] = ()

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: Path) -> Entry:
        """Read what `write_entry` wrote; fields of later versions are left out.

        Raises
        ------
        StoreError
            A field is missing or of the wrong kind.
        """
        check(values, _PLACE, where)
        check(values, _KINDS, where, required=False)
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        lists = {name: tuple(known.get(name) or ()) for name in ("after", "track")}
        return cls(**known | lists)

    @property
    def rank(self) -> tuple[int, float]:
        """Sort key: the job with the smallest goes first."""
        return -self.priority, self.position


def _path(value: Any) -> bool:
    return text(value) and "\0" not in value


def _run_id(value: Any) -> bool:
    return _path(value) and os.sep not in value


_PLACE: dict[str, Kind] = {"data_dir": _path, "folder": _path}
_KINDS: dict[str, Kind] = {
    "position": number,
    "priority": whole,
    "after": optional(list_of(_run_id)),
    "time_limit": optional(number),
    "memory_limit": optional(number),
    "jobs": whole,
    "offline": flag,
    "trial": text,
    "scheduler": text,
    "track": optional(list_of(_path)),
}


@dataclass(frozen=True)
class Waiting:
    """A job that waits."""

    run: Run
    entry: Entry


def read_entry(run: Run) -> Entry | None:
    """Read a job's place in the queue; None for a run that never was in it.

    Raises
    ------
    StoreError
        The file is damaged.
    """
    path = run.path / ENTRY
    return Entry.parse(read_json(path), path) if path.exists() else None


def readable_entry(run: Run) -> Entry | None:
    """Read a job's place in the queue; None also where it is damaged."""
    with suppress(StoreError):
        return read_entry(run)
    return None


def write_entry(run: Run, entry: Entry) -> None:
    """Replace a job's place in the queue."""
    write_json(run.path / ENTRY, asdict(entry))


def add_job(runs_dir: Path, spec: Mapping[str, Any], label: str, entry: Entry) -> Run:
    """Put a job at the end of the queue (of its priority).

    Parameters
    ----------
    spec
        A validated JobSpec as plain values.
    entry
        Its position is set here.

    Raises
    ------
    StoreError
        The runs folder cannot be written.
    """
    with changing(runs_dir):
        entry = replace(entry, position=float(ring(runs_dir)))
        run = create_run(runs_dir, spec, label, {ENTRY: asdict(entry)})
        ring(runs_dir)
    return run


def waiting_jobs(runs: Iterable[RunSummary]) -> list[Waiting]:
    """List the jobs that wait, the next one first; damaged entries are left out.

    Parameters
    ----------
    runs
        All runs of a folder, as a listing gives them.
    """
    found = []
    for summary in runs:
        if summary.state == "queued":
            run = Run(summary.folder)
            entry = readable_entry(run)
            if entry is not None:
                found.append(Waiting(run, entry))
    found.sort(key=lambda job: (*job.entry.rank, job.run.run_id))
    return found


def damaged_jobs(runs: Iterable[RunSummary]) -> list[tuple[RunSummary, str]]:
    """List the jobs that wait and whose place in the queue cannot be read, and what is wrong."""
    found = []
    for summary in runs:
        if summary.state == "queued":
            try:
                read_entry(Run(summary.folder))
            except StoreError as error:
                found.append((summary, error.problem))
    return found


def blocking(entry: Entry, states: Mapping[str, State]) -> tuple[str, State | None] | None:
    """Find what a job has to wait for.

    Parameters
    ----------
    states
        State by run id, of all runs.

    Returns
    -------
    The first run that it needs and that has not succeeded, and that run's state (None when it is
    gone); None when nothing is in the way.
    """
    for run_id in entry.after:
        state = states.get(run_id)
        if state != "succeeded":
            return run_id, state
    return None


def request_stop(run: Run, state: State, reason: str) -> None:
    """Ask for a job that runs to be ended, and say as what (`cancelled` or `failed`)."""
    write_json(run.path / STOP, {"state": state, "reason": reason})


def cancel(run: Run) -> bool:
    """Cancel a job: at once when it waits, else ask the supervisor to end it.

    Returns
    -------
    Whether it is over already; otherwise it will be within seconds.

    Raises
    ------
    InputError
        It ended before, or it runs outside the queue.
    """
    runs_dir = run.path.parent
    with changing(runs_dir):
        status = run.status()
        if _withdraw(run, status, "cancelled before it began"):
            return True
        if status.state not in ("queued", "running"):
            raise InputError(f"run {run.run_id} {_ended(status)}: there is nothing to cancel")
        if not (run.path / ENTRY).exists():
            raise InputError(
                f"run {run.run_id} is not in the queue: process {status.pid} is running it",
                "end it with ctrl-C in its own terminal",
            )
        request_stop(run, "cancelled", "cancelled while it ran")
        ring(runs_dir)
        return False


def withdraw(run: Run, reason: str) -> bool:
    """Cancel a job if it waits; one that a worker has goes on.

    Returns
    -------
    Whether it waited.
    """
    with changing(run.path.parent):
        return _withdraw(run, run.status(), reason)


def _withdraw(run: Run, status: Status, reason: str) -> bool:
    if status.state != "queued" or (run.path / CLAIM).exists():
        return False
    run.write_status(replace(status, state="cancelled", ended=time.time(), reason=reason))
    ring(run.path.parent)
    return True


def _ended(status: Status) -> str:
    was = "" if status.state in ("succeeded", "failed") else "was "
    return was + status.state


def check_unfinished(run: Run) -> None:
    """Raise InputError unless a job ended without a result."""
    state = run.status().state
    if state == "queued" and not (run.path / ENTRY).exists():
        return  # its process died before it began
    doing = {
        "queued": "waits in the queue",
        "running": "is still running",
        "succeeded": "succeeded",
    }.get(state)
    if doing is not None:
        raise InputError(
            f"run {run.run_id} {doing}: there is nothing to resume",
            "name one that failed, was cancelled or interrupted: see recsys-workbench runs list",
        )


def requeue(run: Run, entry: Entry, *, resume: bool) -> None:
    """Put a job that ended without a result back into the queue, as the same run.

    Parameters
    ----------
    entry
        Used for a run that was not of the queue.
    resume
        Go on from its checkpoint; otherwise start anew.

    Raises
    ------
    InputError
        It succeeded, waits or runs.
    """
    runs_dir = run.path.parent
    with changing(runs_dir):
        check_unfinished(run)
        status = run.noted_status()
        kept = read_entry(run) or entry
        write_entry(run, replace(kept, position=float(ring(runs_dir))))
        run.remove_unfinished()
        if not resume:
            run.remove_checkpoint()
            (run.path / EVENTS).unlink(missing_ok=True)
        for name in (STOP, CLAIM):
            (run.path / name).unlink(missing_ok=True)
        run.write_status(Status("queued", created=status.created))
        ring(runs_dir)


@contextmanager
def editing(run: Run) -> Iterator[Entry]:
    """Give a waiting job's entry to change; it does not start inside the block.

    Raises
    ------
    InputError
        It does not wait, or never was in the queue.
    """
    runs_dir = run.path.parent
    with changing(runs_dir):
        status = run.status()
        entry = read_entry(run)
        if status.state != "queued" or entry is None or (run.path / CLAIM).exists():
            doing = "is running" if status.state in ("running", "queued") else _ended(status)
            raise InputError(
                f"run {run.run_id} {doing}: only a waiting job can be changed",
                "see: recsys-workbench queue list",
            )
        yield entry
        ring(runs_dir)


def placed_before(entry: Entry, other: Run, runs: Iterable[RunSummary]) -> Entry:
    """Move a job right before another one that waits.

    Raises
    ------
    InputError
        The other one does not wait.
    """
    waiting = waiting_jobs(runs)
    places = [place for place, job in enumerate(waiting) if job.run.run_id == other.run_id]
    if not places:
        raise InputError(
            f"run {other.run_id} is not waiting in the queue",
            "see: recsys-workbench queue list",
        )
    follower = waiting[places[0]].entry
    ahead = waiting[places[0] - 1].entry if places[0] else None
    if ahead is None or ahead.priority != follower.priority:
        position = follower.position - 1
    else:
        position = (ahead.position + follower.position) / 2
    return replace(entry, priority=follower.priority, position=position)


def check_no_cycle(run: Run, after: Iterable[str]) -> None:
    """Raise InputError when a job would wait for itself, directly or through others."""
    runs_dir = run.path.parent
    seen: set[str] = set()
    open_ids = list(after)
    while open_ids:
        run_id = open_ids.pop()
        if run_id == run.run_id:
            raise InputError(f"run {run.run_id} would wait for itself", "choose another --after")
        if run_id not in seen:
            seen.add(run_id)
            entry = readable_entry(Run(runs_dir / run_id))  # a damaged job never starts
            open_ids += entry.after if entry else ()
