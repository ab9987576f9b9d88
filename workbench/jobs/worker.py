"""The worker: a process that claims one job, does it and writes down how it ended.

``python -m workbench.jobs.worker RUN_FOLDER``: started by the supervisor. It says that the job runs
before it loads what the job needs, and follows a request to end from its first moment on.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from workbench.jobs.attempt import EXIT_CODES, Attempt, claim, conclude
from workbench.jobs.interrupts import check, interruptible
from workbench.jobs.priority import step_back
from workbench.jobs.processes import TAKEN
from workbench.jobs.queue import read_entry
from workbench.jobs.queue_files import changing, ring
from workbench.jobs.service import ensure_supervisor
from workbench.store.files import StoreError
from workbench.store.runs import SPEC, Run


def main(folder: str) -> int:
    """Work on the job in `folder`; return the exit code of the process."""
    step_back()
    run = Run(Path(folder))
    try:
        with interruptible():
            attempt = claim(run)
            if attempt is None:
                return TAKEN
            state, _ = conclude(attempt, lambda: _work(attempt), "interrupted")
    except KeyboardInterrupt:  # while it claimed the job: the supervisor writes how it ended
        return EXIT_CODES["interrupted"]
    _wake_supervisor(run.path.parent)
    return EXIT_CODES[state]


def _work(attempt: Attempt) -> None:
    entry = read_entry(attempt.run)
    if entry is None:
        raise StoreError(f"{attempt.run.path}: the job is no longer in the queue")
    from recsys_core.pipeline.spec import read_stored
    from workbench.jobs.execute import do_job

    path = attempt.run.path / SPEC
    do_job(
        attempt,
        read_stored(attempt.run.spec, str(path)),
        data_dir=Path(entry.data_dir),
        offline=entry.offline,
        on_event=lambda _: check(),
    )


def _wake_supervisor(runs_dir: Path) -> None:
    """Let the queue go on, even if its supervisor was killed meanwhile."""
    if not runs_dir.is_dir():  # taken away: it is not made anew
        return
    with suppress(StoreError), changing(runs_dir):
        ring(runs_dir)
    with suppress(StoreError):
        ensure_supervisor(runs_dir)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
