"""The queue's own files in a runs folder: lock, bell, pause, settings."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.store.files import StoreError, explain, read_json, write_json
from workbench.store.kinds import whole

QUEUE = ".queue"
_BELL, _CHANGES, _PAUSED, _SETTINGS = "bell", "changes.lock", "paused", "settings.json"
#: seconds to wait for somebody else's change, which takes milliseconds
_LOCK_PATIENCE = 10.0


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
    return jobs if whole(jobs) and jobs >= 1 else 1
