"""The time in which the trials of a sweep may run."""

from __future__ import annotations

import time

from workbench.jobs.sweep import Sweep
from workbench.jobs.sweep_progress import read_progress
from workbench.store.files import StoreError


class Budget:
    """Counts the seconds in which a trial runs, several at once like one.

    Neither waiting behind other jobs nor a time without a driver counts, nor does the clock of the
    system. What an earlier driver counted stands in the sweep's folder.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.seconds = spent_seconds(sweep)  # where that is damaged, it is written anew
        self._at, self._ran = time.monotonic(), False

    def tick(self, running: bool) -> None:
        """Count the time since the last call if a trial ran then; tell whether one runs now."""
        now = time.monotonic()
        if self._ran:
            self.seconds += now - self._at
        self._at, self._ran = now, running

    def spent_of(self, sweep: Sweep) -> bool:
        """Tell whether the sweep's budget is spent."""
        return sweep.budget is not None and self.seconds >= sweep.budget


def spent_seconds(sweep: Sweep) -> float:
    """Read how long its trials ran; 0 where nothing is written down, or it is damaged."""
    try:
        return read_progress(sweep.folder).spent
    except StoreError:
        return 0.0


def spent_text(sweep: Sweep) -> str:
    """Say that the budget is spent: ``the budget of 30 min is spent``."""
    return f"the budget of {(sweep.budget or 0.0) / 60:.4g} min is spent"
