"""What screens and widgets know of the session that they are part of; `app` makes it work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App
from textual.reactive import reactive

from workbench.store.listing import RunSummary
from workbench.tui.errands import Errand, TakesErrand
from workbench.tui.messages import Said
from workbench.tui.settings import Settings
from workbench.tui.state import SessionState
from workbench.tui.view.queue import QueueState

if TYPE_CHECKING:
    from workbench.store.groups import GroupReader


class Session(App[None]):
    """Runs, queue and choices, and the ways from one screen to another."""

    # what shows one of these follows it; the whole screen is not drawn anew
    runs: reactive[tuple[RunSummary, ...]] = reactive((), init=False, repaint=False)
    queue: reactive[QueueState] = reactive(QueueState(), init=False, repaint=False)
    trouble: reactive[str] = reactive("", init=False, repaint=False)
    #: name of the screen that was chosen by its key
    chosen: reactive[str] = reactive("results", init=False, repaint=False)
    #: stands in the last line in place of the keys
    said: reactive[Said | None] = reactive(None, init=False, repaint=False)
    now = staticmethod(time.time)

    def __init__(
        self, runs_dir: Path, data_dir: Path, settings: Settings, state: SessionState
    ) -> None:
        super().__init__()
        self.runs_dir = runs_dir
        self.data_dir = data_dir
        self.settings = settings
        self.state = state
        self.errands: dict[str, Errand] = {}

    @cached_property
    def group_reader(self) -> GroupReader:
        """What reads groups of users and items, and keeps what it read."""
        from workbench.store.groups import GroupReader

        return GroupReader()

    def action_go(self, name: str) -> None:
        """Go to a screen of `modes.SCREENS`."""
        self.chosen = name

    def visit(self, name: str, errand: Errand) -> None:
        """Go to a screen that is asked to show something."""
        self.errands[name] = errand
        self.chosen = name
        if isinstance(self.screen, TakesErrand):  # it may be there already
            self.screen.take_errand()

    def start_baselines(self, run_ids: Iterable[str]) -> None:
        """Show the jobs of the first steps while they run, then how they compare."""
        raise NotImplementedError

    def explain_metric(self, metric: str) -> None:
        """Show what a metric is, before what the keys do."""
        raise NotImplementedError

    def keep_keys(self, ready: Callable[[], bool]) -> None:
        """Keep what is typed until a part that it is meant for is there."""
        raise NotImplementedError

    def watch_runs(self) -> None:
        """Show the right screen."""
        raise NotImplementedError
