"""The first screen of somebody without runs: what to type, what it takes, what happens then."""

from __future__ import annotations

from collections.abc import Iterable

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from workbench.store.text import plain
from workbench.tui.screens.base import FullScreen

#: command and what it does, in the order to try them
FIRST_STEPS = (
    (
        "recsys-workbench --headless eval --dataset sample --models popularity,item-cf",
        "two models on the built-in synthetic data; no download, a few seconds",
    ),
    ("make eval", "five models on MovieLens 100K; fetches 5 MB once, under a minute"),
    (
        "recsys-workbench data import FOLDER --name mine",
        "your own ratings; then: recsys-workbench eval --dataset mine",
    ),
)


class WelcomeScreen(FullScreen):
    """Says how to get runs; the app puts the table in its place when one starts."""

    CSS_PATH = "welcome.tcss"

    def body(self) -> Iterable[Widget]:
        """Make the text."""
        yield VerticalScroll(Static(self._text()), id="welcome")

    def on_mount(self) -> None:
        """Say where we are."""
        self.title_line.what = "first steps"

    def _text(self) -> Content:
        parts: list[Content | str] = [
            Content.styled("No runs yet\n\n", "bold"),
            "Train recommenders, compare them side by side, look at what they do.\n",
            "Open a second terminal in this folder and type one of these:\n\n",
        ]
        for command, explanation in FIRST_STEPS:
            parts += [Content.styled(f"{command}\n", "bold $primary"), f"  {explanation}\n\n"]
        parts.append("The table appears here by itself as soon as a run starts.\n\n")
        folder = plain(str(self.workbench.runs_dir.absolute()))
        parts.append(Content.styled(f"Watching {folder}", "$secondary"))
        return Content.assemble(*parts)
