"""One supervisor a runs folder: its lock, and how it is started when there is work."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recsys_core.processes import python_command
from workbench.jobs.queue_files import QUEUE, queue_folder
from workbench.store.files import StoreError, explain

_LOCK, _LOG = "supervisor.lock", "supervisor.log"
#: bytes of supervisor.log before the next supervisor starts a new one
_LONGEST_LOG = 1_000_000
#: somebody who only looks holds the lock for microseconds; seconds to outlast that
_LOOKERS = 0.3
#: seconds that a supervisor may take to start
_START_SECONDS = 10.0

_children: list[subprocess.Popen[bytes]] = []


@contextmanager
def being_supervisor(runs_dir: Path) -> Iterator[bool]:
    """Be the one supervisor of a folder inside the block; the system ends it with the process.

    Returns
    -------
    False when another process is.

    Raises
    ------
    StoreError
        The folder cannot be written.
    """
    path = queue_folder(runs_dir) / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise explain(error, path) from error
    try:
        held = _lock(descriptor, path)
        if held:
            with suppress(OSError):  # only people read it
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
        yield held
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> bool:
    give_up = time.monotonic() + _LOOKERS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                return False
            time.sleep(0.01)
        except OSError as error:
            raise explain(error, path) from error
        else:
            return True


def supervisor_pid(runs_dir: Path) -> int | None:
    """Return the process that supervises the folder; None when there is none, 0 if unknown."""
    try:
        descriptor = os.open(runs_dir / QUEUE / _LOCK, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32).strip()
        return int(text) if text.isdigit() else 0
    except OSError:
        return 0
    else:
        return None
    finally:
        os.close(descriptor)


def ensure_supervisor(runs_dir: Path) -> None:
    """Start a supervisor in the background unless there is one; it ends when nothing is to do.

    It outlives this process and its terminal.

    Raises
    ------
    StoreError
        The runs folder cannot be written, or no process can be started.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    if supervisor_pid(runs_dir) is not None:
        return
    path = queue_folder(runs_dir) / _LOG
    line = python_command("-m", "workbench.jobs.supervisor", str(runs_dir.absolute()))
    try:
        if path.exists() and path.stat().st_size > _LONGEST_LOG:
            path.replace(path.with_suffix(".1.log"))
        with path.open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - this program
                line,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
    except OSError as error:
        raise explain(error, path) from error
    _children.append(child)


def wait_for_supervisor(runs_dir: Path) -> int:
    """Wait until there is a supervisor; return its process.

    Raises
    ------
    StoreError
        It did not start.
    """
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up:
        pid = supervisor_pid(runs_dir)
        if pid is not None:
            return pid
        time.sleep(0.02)
    raise StoreError(
        "the supervisor of the queue did not start", f"see {queue_folder(runs_dir) / _LOG}"
    )
