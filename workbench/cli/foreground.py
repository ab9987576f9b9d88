"""`queue work --foreground`: a supervisor in this terminal, for CI and systemd."""

from __future__ import annotations

import math
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from workbench.jobs.executors import Executors
from workbench.jobs.queue import ENTRY
from workbench.jobs.supervisor import Supervisor, serve
from workbench.store.files import StoreError
from workbench.store.listing import list_runs
from workbench.store.runs import Run, Status
from workbench.store.text import plain

#: seconds between two tries to take over from another supervisor
_PATIENCE = 0.2


def work_here(runs_dir: Path, *, stay: bool, scheduler: str) -> int:
    """Supervise the queue until all is done; where another process does, wait for it to end.

    Parameters
    ----------
    stay
        Wait for more jobs when all is done.
    scheduler
        Address of the Dask cluster that does the jobs; empty: this machine.

    Returns
    -------
    3 when a job of the queue failed or was interrupted, 130 after ctrl-C, else 0.
    """
    signals: list[int] = []
    ended: set[str] = set(_jobs(runs_dir))

    def note(number: int, frame: FrameType | None) -> None:
        signals.append(number)

    def remember(run: Run, status: Status) -> None:
        ended.add(run.run_id)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, note) for number in numbers]
    try:
        supervisor = Supervisor(runs_dir, Executors(scheduler), on_end=(remember,), log=_log)
        linger = math.inf if stay else 0.0
        while not serve(supervisor, linger=linger, until=lambda: bool(signals)):
            if signals:
                break
            time.sleep(_PATIENCE)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
    if signals:
        raise KeyboardInterrupt
    bad = [run_id for run_id in ended if _ended_badly(runs_dir / run_id)]
    return 3 if bad else 0


def _jobs(runs_dir: Path) -> list[str]:
    """List the jobs of the queue that wait or run."""
    return [
        run.run_id
        for run in list_runs(runs_dir)
        if run.state in ("queued", "running") and (run.folder / ENTRY).exists()
    ]


def _ended_badly(folder: Path) -> bool:
    try:
        return folder.exists() and Run(folder).status().state in ("failed", "interrupted")
    except StoreError:  # damaged
        return True


def _log(text: str) -> None:
    sys.stderr.write(plain(text) + "\n")
    sys.stderr.flush()
