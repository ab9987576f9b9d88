"""A line chart as a widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.view.braille import CURSOR, GRID
from workbench.tui.view.chart import PLAIN, Axes, Piece, Series, draw_plot, x_of

#: styles of what belongs to no line
_STYLES = {GRID: "grid", CURSOR: "cursor"}


class LineChart(Widget):
    """A title and up to four lines, drawn when they or the size change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"chart--line-{look}" for look in range(4)),
        "chart--title",
        "chart--axis",
        "chart--grid",
        "chart--cursor",
    }

    @dataclass
    class Clicked(Message):
        """Somebody clicked into a plot, at an x."""

        chart: LineChart
        x: float

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        #: what it is a chart of, for who has several
        self.what = ""
        self._title: tuple[Piece, ...] = ()
        self._series: tuple[Series, ...] = ()
        self._axes = PLAIN
        self._drawn: tuple[tuple[int, int], list[list[Piece]]] | None = None
        #: the styles of one paint
        self._base = Style.null()
        self._styles: dict[str, Style] = {}

    def show(
        self, title: str | Sequence[Piece], series: Sequence[Series], axes: Axes = PLAIN
    ) -> None:
        """Draw `series`, the last one on top; nothing happens when they are drawn already."""
        pieces = (Piece(title),) if isinstance(title, str) else tuple(title)
        shown = (pieces, tuple(series), axes)
        if shown != (self._title, self._series, self._axes):
            before, old = self._drawn, self._title
            self._title, self._series, self._axes = shown
            self._drawn = None
            self._refresh_changed(before, old)

    def _refresh_changed(
        self, before: tuple[tuple[int, int], list[list[Piece]]] | None, title: tuple[Piece, ...]
    ) -> None:
        """Draw those lines anew that look otherwise: an epoch more changes few of them."""
        lines = self._lines()
        if before is None or self._drawn is None or before[0] != self._drawn[0]:
            self.refresh()
            return
        pairs = enumerate(zip(lines, before[1], strict=True), 1)
        changed = [y for y, (new, old) in pairs if new != old]
        if title != self._title:
            changed.append(0)
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines; their styles are looked up once."""
        self._base, self._styles = self.rich_style, {}
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one line: the title, then the plot."""
        width, base = self.size.width, self._base
        if y == 0:
            titles = [Segment(p.text, self._style(_name(p.look, "title"))) for p in self._title]
            return Strip(titles).adjust_cell_length(width, base)
        lines = self._lines()
        if y > len(lines):
            return Strip.blank(width, base)
        segments = [Segment(p.text, self._style(_name(p.look, "axis"))) for p in lines[y - 1]]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            style = self.get_component_rich_style(f"chart--{name}", partial=True)
            self._styles[name] = self._base + style
        return self._styles[name]

    def on_click(self, event: events.Click) -> None:
        """Say which x was clicked."""
        x = x_of(event.x, self._lines(), self._series, self._axes)
        if x is not None:
            self.post_message(self.Clicked(self, x))

    def _lines(self) -> list[list[Piece]]:
        size = self.size.width, self.size.height - 1
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = size, draw_plot(self._series, *size, self._axes)
        return self._drawn[1]


def _name(look: int, otherwise: str) -> str:
    """Name the style of a look."""
    return f"line-{look}" if look >= 0 else _STYLES.get(look, otherwise)
