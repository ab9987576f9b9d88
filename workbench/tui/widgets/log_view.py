"""Text that grows at its end: only the lines in sight are drawn, long ones are broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.store.text import plain

#: lines that are kept
_LONGEST = 100_000


class LogView(ScrollView, can_focus=False):
    """Lines of a log; with `follow` the end stays in sight, `find` goes to lines with a text."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--match", "log--found", "log--bad"}

    follow: reactive[bool] = reactive(True, init=False)

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.query_text = ""
        #: the line that was found last
        self.found: int | None = None
        #: broken to the width: number of the line, text
        self._rows: list[tuple[int, str]] = []

    def add(self, lines: Iterable[str]) -> None:
        """Add lines at the end; escape sequences are shown, not obeyed."""
        new = [plain(line.expandtabs(4)) for line in lines]
        if not new:
            return
        first = len(self.lines)
        self.lines += new
        if len(self.lines) > _LONGEST:
            del self.lines[: -_LONGEST // 2]
            self.found = None
            self._break()
        else:
            self._rows += self._broken(first)
        self._fit()

    def clear(self) -> None:
        """Take all lines out."""
        self.lines, self._rows, self.found = [], [], None
        self._fit()

    def _broken(self, first: int) -> Iterator[tuple[int, str]]:
        width = max(1, self.size.width - 2)
        for number in range(first, len(self.lines)):
            line = self.lines[number]
            parts = [line] if cell_len(line) <= width else chop_cells(line, width)
            yield from ((number, part) for part in parts)

    def _break(self) -> None:
        self._rows = list(self._broken(0))

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows))
        if self.follow:
            # once the layout knows the new height; forced: it may have no scroll bar to show yet
            self.scroll_end(animate=False, force=True)
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        """Break the lines anew."""
        self._break()
        self._fit()

    def watch_follow(self) -> None:
        """Go to the end when following begins."""
        self._fit()

    def move(self, rows: int) -> None:
        """Scroll by rows; away from the end it does not follow."""
        if rows < 0:
            self.follow = False
        self.scroll_relative(y=rows, animate=False, immediate=True)

    def to(self, row: int) -> None:
        """Scroll to a row; -1 is the end."""
        self.follow = False
        target = self.max_scroll_y if row < 0 else row
        self.scroll_to(y=target, animate=False, immediate=True)

    def matches(self) -> list[int]:
        """List the lines with the text that is looked for."""
        if not self.query_text:
            return []
        wanted = self.query_text.lower()
        return [number for number, line in enumerate(self.lines) if wanted in line.lower()]

    def find(self, step: int) -> int | None:
        """Go to the next (1) or previous (-1) line with the text, around the ends.

        Returns
        -------
        Which of the lines with the text it is, from 1; None when there is none.
        """
        found = self.matches()
        if not found:
            self.found = None
            self.refresh()
            return None
        if self.found is None:
            place = len(found) - 1 if step < 0 else 0
        elif step > 0:
            place = next((i for i, line in enumerate(found) if line > self.found), 0)
        else:
            earlier = [i for i, line in enumerate(found) if line < self.found]
            place = earlier[-1] if earlier else len(found) - 1
        self.found = found[place]
        row = next(i for i, (number, _) in enumerate(self._rows) if number == self.found)
        self.to(max(0, row - self.size.height // 2))
        self.refresh()
        return place + 1

    def render_line(self, y: int) -> Strip:
        """Draw one row, with what is looked for marked."""
        width, base = self.size.width, self.rich_style
        index = round(self.scroll_offset.y) + y
        if index >= len(self._rows):
            return Strip.blank(width, base)
        number, text = self._rows[index]
        if number == self.found:
            base = base + self.get_component_rich_style("log--found", partial=True)
        elif _is_bad(self.lines[number]):
            base = base + self.get_component_rich_style("log--bad", partial=True)
        match = base + self.get_component_rich_style("log--match", partial=True)
        parts = _split(text, self.query_text)
        segments = [Segment(part, match if hit else base) for part, hit in parts]
        return Strip([Segment(" ", base), *segments]).adjust_cell_length(width, base)


def _is_bad(line: str) -> bool:
    return "Error" in line or " error " in line or line.endswith(" failed")


def _split(text: str, wanted: str) -> list[tuple[str, bool]]:
    """Cut a text into what is looked for and what is not."""
    if not wanted:
        return [(text, False)]
    parts, at = [], 0
    lowered, wanted = text.lower(), wanted.lower()
    while (hit := lowered.find(wanted, at)) >= 0:
        parts += [(text[at:hit], False), (text[hit : hit + len(wanted)], True)]
        at = hit + len(wanted)
    return [*parts, (text[at:], False)]
