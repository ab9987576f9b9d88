"""Ending a sweep, for whoever must load neither Optuna nor pydantic."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from recsys_core.errors import InputError
from workbench.jobs.queue import cancel, readable_entry
from workbench.jobs.queue_files import changing, ring
from workbench.jobs.sweep_progress import DEFINITION, read_head
from workbench.store.files import read_json, write_json
from workbench.store.listing import list_runs
from workbench.store.runs import Run


def end_sweep(folder: Path) -> bool:
    """Begin no more trials, and cancel those that wait or run; what was found is kept.

    Trials are known by their place in the queue: Optuna's file may be damaged.

    Returns
    -------
    Whether it was under way.

    Raises
    ------
    StoreError
        There is no such sweep, or it is damaged.
    """
    runs_dir = folder.parent.parent
    with changing(runs_dir):
        if read_head(folder).state != "active":
            return False
        path = folder / DEFINITION
        write_json(path, {**read_json(path), "state": "cancelled"})
        ring(runs_dir)
    for summary in list_runs(runs_dir):
        if summary.state in ("queued", "running"):
            run = Run(summary.folder)
            entry = readable_entry(run)
            if entry is not None and entry.trial.partition("/")[0] == folder.name:
                with suppress(InputError):  # it ended meanwhile
                    cancel(run)
    return True
