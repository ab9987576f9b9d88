"""The first thing somebody without runs sees: what to type, what it takes, what happens then."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from workbench.store.text import plain

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


class Welcome(VerticalScroll, can_focus=False):
    """Says how to get runs; the table takes its place by itself when one starts."""

    def __init__(self, runs_dir: Path) -> None:
        super().__init__(id="welcome")
        self._runs_dir = runs_dir

    def compose(self) -> ComposeResult:
        """Make the text."""
        yield Static(self._text(), id="first-steps")

    def _text(self) -> Content:
        parts: list[Content | str] = [
            Content.styled("No runs yet\n\n", "bold"),
            "Train recommenders, compare them side by side, look at what they do.\n",
            "Open a second terminal in this folder and type one of these:\n\n",
        ]
        for command, explanation in FIRST_STEPS:
            parts += [Content.styled(f"{command}\n", "bold $primary"), f"  {explanation}\n\n"]
        parts.append("The table appears here by itself as soon as a run starts.\n\n")
        folder = plain(str(self._runs_dir.absolute()))
        parts.append(Content.styled(f"Watching {folder}", "$secondary"))
        return Content.assemble(*parts)
