"""The archived runs, to bring some back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from recsys_core.errors import InputError
from workbench.store.listing import RunSummary, list_runs
from workbench.store.manage import ARCHIVE, restore_run
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.tui.view.columns import name_of


class ArchiveScreen(ModalScreen[None]):
    """A list of the runs in the archive; Enter brings back the one under the cursor."""

    CSS_PATH = "archive.tcss"
    BINDINGS: ClassVar = [
        Binding("escape", "dismiss", "close", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, runs_dir: Path) -> None:
        super().__init__()
        self._folder = runs_dir / ARCHIVE
        self._runs: list[RunSummary] = []

    def compose(self) -> ComposeResult:
        """Put the list into a frame."""
        with Vertical(id="archive") as frame:
            frame.border_title = "archived runs"
            frame.border_subtitle = "Enter brings back · Esc closes"
            yield Static("reading …", id="archive-about", markup=False)
            yield OptionList(markup=False)

    def on_mount(self) -> None:
        """Read the archive."""
        self._read()

    @work(exclusive=True)
    async def _read(self) -> None:
        try:
            self._runs = await asyncio.to_thread(list_runs, self._folder)
        except InputError as error:
            self._say(plain_lines(str(error)))
            return
        count = len(self._runs)
        where = plain(str(self._folder))
        self._say(f"{count} in {where}" if count else "Nothing is archived; D archives runs.")
        choices, place = self.query_one(OptionList), self.query_one(OptionList).highlighted or 0
        choices.clear_options()
        choices.add_options([Option(_line(run)) for run in self._runs])
        choices.highlighted = min(place, count - 1) if count else None

    def _say(self, text: str) -> None:
        self.query_one("#archive-about", Static).update(text)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Bring the run back."""
        self._restore(self._runs[event.option_index])

    @work(group="restore")
    async def _restore(self, run: RunSummary) -> None:
        try:
            await asyncio.to_thread(restore_run, Run(run.folder))
        except InputError as error:
            self._say(plain_lines(str(error)))
            return
        self.app.notify(f"{plain(name_of(run))} is back", markup=False)
        self._read()

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        choices = self.query_one(OptionList)
        if by > 0:
            choices.action_cursor_down()
        else:
            choices.action_cursor_up()


def _line(run: RunSummary) -> str:
    return plain(f"{name_of(run)}  {run.dataset}  {run.run_id}")
