"""A line chart as a widget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.view.chart import PLAIN, Axes, Piece, Series, draw_plot


class LineChart(Widget):
    """A title and up to four lines, drawn when they or the size change."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"chart--line-{look}" for look in range(4)),
        "chart--title",
        "chart--axis",
    }

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._title = ""
        self._series: tuple[Series, ...] = ()
        self._axes = PLAIN
        self._drawn: tuple[tuple[int, int], list[list[Piece]]] | None = None

    def show(self, title: str, series: Sequence[Series], axes: Axes = PLAIN) -> None:
        """Draw `series`, the last one on top; nothing happens when they are drawn already."""
        shown = (title, tuple(series), axes)
        if shown != (self._title, self._series, self._axes):
            self._title, self._series, self._axes = shown
            self._drawn = None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line: the title, then the plot."""
        width, base = self.size.width, self.rich_style
        if y == 0:
            style = base + self.get_component_rich_style("chart--title", partial=True)
            return Strip([Segment(self._title, style)]).adjust_cell_length(width, base)
        lines = self._lines()
        if y > len(lines):
            return Strip.blank(width, base)
        axis = base + self.get_component_rich_style("chart--axis", partial=True)
        segments = [
            Segment(piece.text, axis if piece.look < 0 else base + self._line_style(piece.look))
            for piece in lines[y - 1]
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _line_style(self, look: int) -> Style:
        return self.get_component_rich_style(f"chart--line-{look}", partial=True)

    def _lines(self) -> list[list[Piece]]:
        size = self.size.width, self.size.height - 1
        if self._drawn is None or self._drawn[0] != size:
            self._drawn = size, draw_plot(self._series, *size, self._axes)
        return self._drawn[1]
