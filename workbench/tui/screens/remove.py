"""Ask whether runs are archived, deleted, or stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from recsys_core.errors import InputError
from recsys_core.values import counted
from workbench.store.listing import RunSummary
from workbench.store.manage import archive_run, delete_run, removable
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.tui.commands import bindings, commands_of
from workbench.tui.view.columns import name_of

#: runs that are named; of more the number is
_NAMED = 4


class RemoveScreen(ModalScreen[None]):
    """Archive the runs, delete them, or leave them; what runs or waits stays."""

    CSS_PATH = "remove.tcss"
    BINDINGS: ClassVar = bindings("remove")

    def __init__(self, runs: Sequence[RunSummary]) -> None:
        super().__init__()
        self._runs = [run for run in runs if removable(run)]
        self._kept = len(runs) - len(self._runs)
        self._asked = self._busy = False

    def compose(self) -> ComposeResult:
        """Name the runs and what can be done."""
        with Vertical(id="remove") as frame:
            frame.border_title = f"remove {counted(len(self._runs), 'run')}"
            yield Static(self._text(), markup=False)
            yield Static("", id="remove-problem", markup=False)

    def _text(self) -> Content:
        names = [plain(f"{name_of(run)}  {run.run_id}") for run in self._runs[:_NAMED]]
        if len(self._runs) > _NAMED:
            names.append(f"and {len(self._runs) - _NAMED} more")
        if self._kept:
            names.append(f"{counted(self._kept, 'run')} running or waiting: not touched")
        lines: list[Content | str] = ["\n".join(names), "\n\n"]
        for command in commands_of("remove"):
            key = Content.styled(f"{command.shown_keys[0]:>6}  ", "bold $primary")
            lines += [key, f"{command.help}\n"]
        return Content.assemble(*lines)

    def _say(self, text: str) -> None:
        self.query_one("#remove-problem", Static).update(text)

    def action_archive(self) -> None:
        """Move the runs into the archive."""
        self._do(archive_run, "archived; B brings archived runs back")

    def action_delete(self) -> None:
        """Ask whether it is meant; the second time delete the runs."""
        if self._asked:
            self._do(delete_run, "deleted")
        else:
            self._asked = True
            key = commands_of("remove")[1].shown_keys[0]
            self._say(
                f"{key} again deletes {counted(len(self._runs), 'run')}. This cannot be undone."
            )

    @work(exclusive=True)
    async def _do(self, remove: Callable[[Run], object], done: str) -> None:
        if self._busy:
            return
        self._busy = True
        gone = 0
        try:
            for run in self._runs:
                await asyncio.to_thread(remove, Run(run.folder))
                gone += 1
        except InputError as error:
            self._say(plain_lines(str(error)))
            self._runs = self._runs[gone:]
            self._busy = False
            return
        self.app.notify(f"{counted(gone, 'run')} {done}", markup=False)
        self.dismiss()

    def action_close(self) -> None:
        """Leave the runs where they are."""
        self.dismiss()
