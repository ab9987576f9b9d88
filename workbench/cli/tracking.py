"""The end of a command that tells trackers: a short wait, and a line where something is missing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import suppress

from workbench.jobs.trackers import wait_for_trackers
from workbench.store.runs import Run
from workbench.store.text import plain
from workbench.tracking.journal import read_journal
from workbench.tracking.targets import Target, parse_target

#: seconds that a tracker's process has after the last job; it gives up before
_PATIENCE = 90.0
_POLL = 0.1


def say_of_trackers(runs: Iterable[Run], targets: Iterable[str]) -> None:
    """Wait until the trackers were told of the runs, and say what they were not told of.

    Ctrl-C ends the wait: the jobs are done, and the processes go on by themselves.
    """
    told = [(run, parse_target(text)) for text in targets for run in dict.fromkeys(runs)]
    if not told:
        return
    give_up = time.monotonic() + _PATIENCE
    with suppress(KeyboardInterrupt):
        wait_for_trackers(_PATIENCE)
        while any(_goes_on(*each) for each in told) and time.monotonic() < give_up:
            time.sleep(_POLL)
    for run, target in told:
        line = _missing(run, target)
        if line:
            sys.stderr.write(f"note: run {run.run_id}: {plain(line)}\n")


def _goes_on(run: Run, target: Target) -> bool:
    journal = read_journal(run.path, target)
    return journal is None or journal.state == "following"


def _missing(run: Run, target: Target) -> str:
    journal = read_journal(run.path, target)
    if journal is None or journal.state == "following":
        doing = "has not begun" if journal is None else "is not through"
        return f"tracker {target}: its process {doing}: see the end of log.txt in the run's folder"
    return "" if journal.state == "sent" else f"{journal.said()}; {_AGAIN}"


_AGAIN = "the same command sends them again"
