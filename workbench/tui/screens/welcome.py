"""The first screen of somebody without runs: one key to a first result, and what else to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from workbench.store.text import plain, plain_lines
from workbench.tui.commands import bindings
from workbench.tui.screens.base import FullScreen

#: key or command, and what it does
_KEYS = (
    ("Enter", "train and compare three baselines on a small data set (a minute)"),
    ("a", "choose data, model and its fields yourself"),
    ("5", "data sets: what is here, what can be fetched, your own"),
    ("?", "what the keys do"),
)
FIRST_STEPS = (
    (
        "recsys-workbench --headless eval --dataset sample --models popularity,item-cf",
        "the same in a script or in CI",
    ),
    (
        "recsys-workbench --headless data import FOLDER --name mine",
        "your own ratings, to be chosen as data set mine",
    ),
)


class WelcomeScreen(FullScreen):
    """Leads to the first runs; the app puts another screen in its place when one comes."""

    CSS_PATH = "welcome.tcss"
    BINDINGS: ClassVar = bindings("welcome")

    def body(self) -> Iterable[Widget]:
        """Make the text."""
        yield VerticalScroll(Static(self._text()), id="welcome", can_focus=False)

    def on_mount(self) -> None:
        """Say where we are."""
        self.title_line.what = "first steps"
        self._started = False

    def _text(self) -> Content:
        parts: list[Content | str] = [
            Content.styled("No runs yet\n\n", "bold"),
            "Train recommenders, compare them side by side, look at what they do.\n\n",
        ]
        for key, explanation in _KEYS:
            parts += [Content.styled(f"{key:>7}  ", "bold $primary"), f"{explanation}\n"]
        parts.append("\nOr in another terminal in this folder; runs appear here by themselves:\n\n")
        for command, explanation in FIRST_STEPS:
            parts += [Content.styled(f"{command}\n", "bold $primary"), f"  {explanation}\n\n"]
        folder = plain(str(self.workbench.runs_dir.absolute()))
        parts.append(Content.styled(f"Watching {folder}", "$secondary"))
        return Content.assemble(*parts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell that the baselines are started once."""
        return not (action == "start" and self._started)

    def action_start(self) -> None:
        """Train the baselines; the jobs appear, then the results."""
        self._started = True
        self.title_line.remark = "starting …"
        self._start()

    @work(exclusive=True)
    async def _start(self) -> None:
        from workbench.tui.view.changes import add_baselines

        app = self.workbench
        try:
            app.start_baselines(await asyncio.to_thread(add_baselines, app.runs_dir, app.data_dir))
        except InputError as error:
            self._started = False
            self.title_line.remark = ""
            self.notify(plain_lines(str(error)), severity="error", markup=False)

    def action_add(self) -> None:
        """Open the dialog for a new job."""
        from workbench.tui.screens.new_job import NewJobScreen

        self.app.push_screen(NewJobScreen(None), self._added)

    def _added(self, run_id: str | None) -> None:
        self.workbench.chosen = "jobs"
        self.workbench.watch_runs()
