"""The state of the queue; a session opens before it is read (`queue_reading`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.jobs.queue import Entry
    from workbench.tui.view.sweeps import SweepView


@dataclass(frozen=True, slots=True)
class QueueState:
    """What the queue does.

    Parameters
    ----------
    waiting
        Run ids of the jobs that wait, the next one first, with their entries.
    parallel
        How many jobs may run at once: as set, or as asked for by one that runs or waits.
    supervised
        Whether a process is there that starts jobs.
    """

    paused: bool = False
    waiting: tuple[tuple[str, Entry], ...] = ()
    parallel: int = 1
    supervised: bool = False
    sweeps: tuple[SweepView, ...] = ()

    @property
    def word(self) -> str:
        """The state in one word."""
        if self.paused:
            return "paused"
        return "running" if self.supervised else "idle"
