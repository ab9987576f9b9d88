"""Starts the processes that tell trackers of runs; whatever becomes of them, the jobs go on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress

from recsys_core.processes import python_command
from workbench.jobs.logs import TextLog
from workbench.store.files import open_regular
from workbench.store.runs import LOG, Run

_children: list[subprocess.Popen[bytes]] = []


def start_trackers(run: Run, targets: Iterable[str]) -> None:
    """Let a process follow the run for each target ``NAME:WHERE``; it outlives this one."""
    _children[:] = [child for child in _children if child.poll() is None]
    for target in targets:
        folder = str(run.path.absolute())
        line = python_command("-m", "workbench.tracking.follow", folder, target)
        try:
            child = subprocess.Popen(  # noqa: S603 - this program
                line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:  # too many processes
            with suppress(OSError), open_regular(run.path / LOG, "ab") as file:
                TextLog(file, run.path / LOG)(f"tracker {target}: not started: {error.strerror}")
        else:
            _children.append(child)


def wait_for_trackers(seconds: float) -> None:
    """Wait for the processes that `start_trackers` started here, `seconds` at most."""
    give_up = time.monotonic() + seconds
    for child in _children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0.0, give_up - time.monotonic()))
