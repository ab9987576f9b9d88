"""The queue of a runs folder: files that say which jobs wait, in which order, and what was asked.

Anybody may read them and make requests: command line, interactive session, a program. Only the
supervisor starts jobs. What must not happen at the same time as something else (a worker claims a
job, somebody edits it) happens under one lock, `changing`. This module is light: no pydantic.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from workbench.store.files import StoreError, explain, read_json, write_json
from workbench.store.listing import RunSummary
from workbench.store.runs import CHECKPOINT, EVENTS, Run, State, Status, create_run

#: in a run folder: place in the queue, who works on it, a request to end it
ENTRY, CLAIM, STOP = "queue.json", "claim.json", "stop.json"
#: in the runs folder
QUEUE = ".queue"
_BELL, _CHANGES, _PAUSED, _SETTINGS = "bell", "changes.lock", "paused", "settings.json"
#: seconds to wait for somebody else's change, which takes milliseconds
_LOCK_PATIENCE = 10.0
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

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: Path) -> Entry:
        """Read what `write_entry` wrote; fields of later versions are left out.

        Raises
        ------
        StoreError
            A field is missing or of the wrong kind.
        """
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        known["after"] = tuple(known.get("after") or ())
        try:
            entry = cls(**known)
        except TypeError as error:
            raise StoreError(f"{where}: damaged: {error}") from None
        for name, kinds in _KINDS.items():
            value = getattr(entry, name)
            if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                raise StoreError(f"{where}: damaged: {name} is {value!r}")
        if not all(isinstance(name, str) and os.sep not in name for name in entry.after):
            raise StoreError(f"{where}: damaged: after is {list(entry.after)!r}")
        return entry

    @property
    def rank(self) -> tuple[int, float]:
        """Sort key: the job with the smallest goes first."""
        return -self.priority, self.position


_NUMBER: tuple[type, ...] = (int, float)
_OPTIONAL: tuple[type, ...] = (int, float, type(None))
_KINDS: dict[str, tuple[type, ...]] = {
    "data_dir": (str,),
    "folder": (str,),
    "position": _NUMBER,
    "priority": (int,),
    "time_limit": _OPTIONAL,
    "memory_limit": _OPTIONAL,
    "jobs": (int,),
    "offline": (bool,),
}


@dataclass(frozen=True)
class Waiting:
    """A job that waits."""

    run: Run
    entry: Entry


def queue_folder(runs_dir: Path) -> Path:
    """Return the folder of the queue's own files, and make it first where needed.

    Raises
    ------
    StoreError
        It cannot be made.
    """
    folder = runs_dir / QUEUE
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, runs_dir) from error
    return folder


@contextmanager
def changing(runs_dir: Path) -> Iterator[None]:
    """Let nobody else change the queue inside the block; the system ends it with the process.

    Raises
    ------
    StoreError
        The folder cannot be written, or somebody keeps the lock for seconds.
    """
    path = queue_folder(runs_dir) / _CHANGES
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise explain(error, path) from error
    try:
        _wait_for(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path) -> None:
    give_up = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                raise StoreError(
                    f"{path}: another process has been changing the queue for"
                    f" {_LOCK_PATIENCE:.0f} s",
                    "end that process (is it suspended?), then try again",
                ) from None
            time.sleep(0.005)
        except OSError as error:
            raise explain(error, path) from error
        else:
            return


def ring(runs_dir: Path) -> int:
    """Tell the supervisor that something changed; call it inside `changing`.

    Returns
    -------
    The number of changes so far: it orders jobs whatever the clock says.
    """
    path = queue_folder(runs_dir) / _BELL
    try:
        with path.open("ab", buffering=0) as file:
            file.write(b".")
            return file.tell()
    except OSError as error:
        raise explain(error, path) from error


def bell(runs_dir: Path) -> int:
    """Return the number of changes so far."""
    try:
        return (runs_dir / QUEUE / _BELL).stat().st_size
    except OSError:
        return 0


def read_entry(run: Run) -> Entry | None:
    """Read a job's place in the queue; None for a run that never was in it.

    Raises
    ------
    StoreError
        The file is damaged.
    """
    path = run.path / ENTRY
    return Entry.parse(read_json(path), path) if path.exists() else None


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
            with suppress(StoreError):
                entry = read_entry(run)
                if entry is not None:
                    found.append(Waiting(run, entry))
    found.sort(key=lambda job: (*job.entry.rank, job.run.run_id))
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
        if status.state == "queued" and not (run.path / CLAIM).exists():
            reason = "cancelled before it began"
            run.write_status(replace(status, state="cancelled", ended=time.time(), reason=reason))
            ring(runs_dir)
            return True
        if status.state not in ("queued", "running"):
            raise InputError(f"run {run.run_id} {_ended(status)}: there is nothing to cancel")
        if not (run.path / ENTRY).exists():
            raise InputError(
                f"run {run.run_id} is not of the queue: process {status.pid} runs it",
                "end it with ctrl-C in its own terminal",
            )
        request_stop(run, "cancelled", "cancelled while it ran")
        ring(runs_dir)
        return False


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
            f"run {run.run_id} {doing}: there is nothing to take up again",
            "name a run that failed or was cancelled or interrupted: see runs list",
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
            shutil.rmtree(run.path / CHECKPOINT, ignore_errors=True)
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
                f"run {run.run_id} {doing}: only a job that waits can be changed",
                "see: recsys-workbench queue list",
            )
        yield entry
        ring(runs_dir)


def pause(runs_dir: Path) -> None:
    """Start no more jobs; those that run go on."""
    with changing(runs_dir):
        write_json(runs_dir / QUEUE / _PAUSED, {"since": time.time()})
        ring(runs_dir)


def unpause(runs_dir: Path) -> None:
    """Start jobs again."""
    with changing(runs_dir):
        (runs_dir / QUEUE / _PAUSED).unlink(missing_ok=True)
        ring(runs_dir)


def is_paused(runs_dir: Path) -> bool:
    """Tell whether no jobs are started."""
    return (runs_dir / QUEUE / _PAUSED).exists()


def set_parallel_jobs(runs_dir: Path, jobs: int) -> None:
    """Let so many jobs run at once from now on."""
    with changing(runs_dir):
        write_json(runs_dir / QUEUE / _SETTINGS, {"jobs": jobs})
        ring(runs_dir)


def parallel_jobs(runs_dir: Path) -> int:
    """Return how many jobs may run at once; one where nothing (or nonsense) is set."""
    path = runs_dir / QUEUE / _SETTINGS
    if not path.exists():
        return 1
    try:
        jobs = read_json(path).get("jobs")
    except StoreError:
        return 1
    return jobs if isinstance(jobs, int) and jobs >= 1 else 1
