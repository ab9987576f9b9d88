"""The first screen of somebody who has no runs yet: what to type, what it takes, what happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.containers import Center, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from workbench.store.text import plain
from workbench.tui.screens.base import FullScreen

#: command and what it does, in the order to try them
FIRST_STEPS = (
    (
        "recsys-workbench --headless eval --dataset sample --models popularity,item-cf",
        "two quick models on the built-in synthetic data; no download, a few seconds",
    ),
    (
        "make eval",
        "five models on MovieLens 100K; fetches 5 MB once, under a minute",
    ),
    (
        "recsys-workbench data import FOLDER --name mine",
        "your own ratings; then: recsys-workbench eval --dataset mine",
    ),
)


class WelcomeScreen(FullScreen):
    """Says how to get runs; the table takes its place by itself when one starts."""

    CSS_PATH = "welcome.tcss"
    BINDINGS: ClassVar = []

    def body(self) -> Iterable[Widget]:
        """Make the text."""
        yield VerticalScroll(Center(Static(self._text(), id="welcome")), can_focus=False)

    def on_mount(self) -> None:
        """Name the folder that is watched."""
        self.title_line.what = "first steps"

    def _text(self) -> Text:
        text = Text()
        text.append("No runs yet\n\n", "bold")
        text.append("Train recommenders, compare them side by side, look at what they do.\n")
        text.append("Open a second terminal in this folder and type one of these:\n\n")
        for command, explanation in FIRST_STEPS:
            text.append(f"  {command}\n", "bold cyan")
            text.append(f"    {explanation}\n\n")
        text.append("The table appears here by itself as soon as a run starts.\n\n")
        text.append(f"Watching {plain(str(self.workbench.runs_dir.absolute()))}", "dim")
        return text
