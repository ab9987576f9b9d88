"""Ask what becomes of jobs under way when the session ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
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
from workbench.store.text import plain, plain_lines
from workbench.tui.commands import bindings, commands_of
from workbench.tui.view import changes
from workbench.tui.view.sweeps import SweepView

#: labels that are named; of more the number is
_NAMED = 4


class QuitScreen(ModalScreen[None]):
    """Leave the jobs running, cancel them, or stay."""

    CSS_PATH = "quit.tcss"
    BINDINGS: ClassVar = bindings("quit")

    def __init__(
        self, runs_dir: Path, jobs: Sequence[RunSummary], sweeps: Sequence[SweepView]
    ) -> None:
        super().__init__()
        self._runs_dir, self._jobs, self._sweeps = runs_dir, list(jobs), list(sweeps)
        self._asked = False

    def compose(self) -> ComposeResult:
        """Say what is under way and what can be done."""
        with Vertical(id="quit") as frame:
            frame.border_title = "leave"
            yield Static(self._text(), markup=False)
            yield Static("", id="quit-problem", markup=False)

    def _text(self) -> Content:
        lines: list[Content | str] = [self._under_way(), "\n\n"]
        for command in commands_of("quit"):
            key = Content.styled(f"{command.shown_keys[0]:>6}  ", "bold $primary")
            lines += [key, f"{command.help}\n"]
        return Content.assemble(*lines)

    def _under_way(self) -> str:
        running = [run for run in self._jobs if run.state == "running"]
        waiting = len(self._jobs) - len(running)
        names = ", ".join(plain(run.label) for run in running[:_NAMED])
        more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
        parts = []
        if running:
            parts.append(f"{counted(len(running), 'job')} running: {names}{more}")
        if waiting:
            parts.append(f"{counted(waiting, 'job')} waiting")
        if self._sweeps:
            parts.append("sweeps under way: " + ", ".join(sweep.short for sweep in self._sweeps))
        return "\n".join(parts)

    def action_leave(self) -> None:
        """End the session; the jobs go on."""
        self.app.exit()

    def action_cancel(self) -> None:
        """Ask whether it is meant; the second time cancel the jobs, then end the session."""
        if self._asked:
            self._cancel()
            return
        self._asked = True
        key = commands_of("quit")[1].shown_keys[0]
        jobs, sweeps = len(self._jobs), len(self._sweeps)
        what = [
            counted(number, word) for number, word in ((jobs, "job"), (sweeps, "sweep")) if number
        ]
        self._say(f"{key} again cancels {' and '.join(what)} and leaves; Esc stays.")

    def _say(self, text: str) -> None:
        self.query_one("#quit-problem", Static).update(text)

    @work(exclusive=True)
    async def _cancel(self) -> None:
        try:
            await asyncio.to_thread(changes.cancel_all, self._jobs, self._sweeps, self._runs_dir)
        except InputError as error:
            self._say(plain_lines(str(error)))
            return
        self.app.exit()

    def action_stay(self) -> None:
        """Go back."""
        self.dismiss()
