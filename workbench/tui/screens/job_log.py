"""The log of one job: followed, searched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import work
from textual.widget import Widget

from recsys_core.values import counted
from workbench.store.files import open_regular
from workbench.store.listing import RunSummary
from workbench.store.runs import LOG
from workbench.store.text import plain
from workbench.tui.commands import bindings
from workbench.tui.screens.base import FullScreen
from workbench.tui.view import format as show
from workbench.tui.widgets.lines import Entry
from workbench.tui.widgets.log_view import LogView

_READ_SECONDS = 0.25
#: bytes of a long log that are read at first
_MOST = 1_000_000


class LogScreen(FullScreen):
    """log.txt of a run, which stays at its end while it grows."""

    CSS_PATH = "job_log.tcss"
    BINDINGS: ClassVar = bindings("log")

    def __init__(self, run: RunSummary) -> None:
        super().__init__()
        self._run = run
        self._offset = 0
        self._half = b""

    def body(self) -> Iterable[Widget]:
        """Make the view."""
        yield LogView()

    @property
    def view(self) -> LogView:
        """The lines."""
        return self.query_one(LogView)

    def on_mount(self) -> None:
        """Begin to read."""
        self.watch(self.app, "runs", self._say_title)
        self._follow()

    def _say_title(self) -> None:
        run = next((r for r in self.workbench.runs if r.run_id == self._run.run_id), self._run)
        look = show.run_look(run)
        self.title_line.what = f"log of {plain(run.label)}  {look.glyph} {look.word}"
        grows = run.state in ("queued", "running")
        remark = "following" if grows else "the job has ended"
        self.title_line.remark = remark if self.view.follow else ""

    @work(group="log")
    async def _follow(self) -> None:
        """Read what was added, again and again, off the thread that answers keys."""
        while True:
            content, anew = await asyncio.to_thread(self._read)
            if anew:
                self.view.clear()
            if content:
                self.view.add(self._lines(content))
            await asyncio.sleep(_READ_SECONDS)

    def _read(self) -> tuple[bytes, bool]:
        """Read on; the second value says that the log began anew."""
        try:
            with open_regular(self._run.folder / LOG, "rb") as file:
                end = file.seek(0, 2)
                anew = end < self._offset
                if anew or self._offset == 0:
                    self._offset = max(0, end - _MOST)
                file.seek(self._offset)
                content = file.read(_MOST)
        except OSError:
            return b"", False
        self._offset += len(content)
        return content, anew

    def _lines(self, content: bytes) -> list[str]:
        """Cut into whole lines; the beginning of another one waits."""
        *lines, self._half = (self._half + content).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    # Search

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Mark the text while it is typed."""
        self.view.query_text = event.value
        self.view.found = None
        count = len(self.view.matches())
        event.input.border_subtitle = counted(count, "line")
        self.view.refresh()

    def on_input_submitted(self, _event: Entry.Submitted) -> None:
        """Go to the last line with the text."""
        self.query("#search").remove()
        self.action_find(-1)
        self.refresh_bindings()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        return bool(self.view.query_text) if action == "find" else True

    def action_back(self) -> None:
        """Close the search, else the screen."""
        if self.query("#search") or self.view.query_text:
            self.query("#search").remove()
            self.view.query_text, self.view.found = "", None
            self.view.refresh()
            self.refresh_bindings()
            return
        self.dismiss()

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        return "there is no search text; / asks for one" if action == "find" else ""

    def action_follow(self) -> None:
        """Follow, or stop."""
        self.view.follow = not self.view.follow
        self._say_title()

    async def action_search(self) -> None:
        """Open the search line."""
        if not self.query("#search"):
            field = Entry(self.view.query_text, placeholder="text", id="search")
            field.border_title = "look for"
            await self.mount(field, after=self.view)
        self.query_one("#search", Entry).focus()

    def action_find(self, step: int) -> None:
        """Go to the next or previous line with the text."""
        place = self.view.find(step)
        count = len(self.view.matches())
        self.title_line.remark = f"line {place} of {count} found" if place else "not found"

    def action_scroll(self, rows: int) -> None:
        """Scroll by rows."""
        self.view.move(rows)
        self._say_title()

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.action_scroll(pages * max(1, self.view.size.height - 1))

    def action_top(self) -> None:
        """Go to the beginning."""
        self.view.to(0)
        self._say_title()

    def action_bottom(self) -> None:
        """Go to the end and stay there."""
        self.view.follow = True
        self.view.to(-1)
        self.view.follow = True
        self._say_title()
