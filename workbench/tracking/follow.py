"""A process beside a job: it follows the files of one run and tells one tracker of it.

``python -m workbench.tracking.follow RUN_FOLDER TARGET``: started by `start_trackers` when a job
begins, and for a run that is reused. The job knows nothing of it.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from workbench.jobs.priority import step_back
from workbench.store.files import StoreError
from workbench.store.runs import STATUS, Run
from workbench.tracking.journal import Journal, following, read_journal
from workbench.tracking.targets import Target, load_tracker, parse_target

#: seconds between two looks at the run
_POLL = 0.5


def follow(run: Run, target: Target) -> None:
    """Tell a tracker of a run until that has ended, unless another process does."""
    with following(run.path, target) as alone:
        if not alone:
            return
        known = read_journal(run.path, target)
        if known is not None and known.state == "sent" and _ended_before(run, known):
            return
        from workbench.tracking.follower import Follower  # reports are slow to import

        follower = Follower(run, target, lambda: load_tracker(target))
        while (run.path / STATUS).exists() and follower.step():  # else the run was deleted
            time.sleep(_POLL)


def _ended_before(run: Run, journal: Journal) -> bool:
    """Tell whether nothing of a run is new since it was sent."""
    ended = run.status().state not in ("queued", "running")
    return ended and run.events(journal.offset)[1] == journal.offset


def main(folder: str, target: str) -> int:
    """Follow the run in `folder`; return the exit code of the process."""
    step_back()
    with suppress(StoreError):  # the disk is full, the run was taken away: the job will say so
        follow(Run(Path(folder)), parse_target(target))
    return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # a call that never returns keeps its thread
