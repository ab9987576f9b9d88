"""Screens whose parts stand side by side: keys and mouse move the lines between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import events
from textual.geometry import Region

from workbench.tui.commands import bindings
from workbench.tui.screens.base import FullScreen

Edge = Literal["left", "right", "top"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two parts.

    Parameters
    ----------
    part
        Selector of the part whose cells are kept; the other one takes the rest.
    edge
        Where the line is, as the part sees it.
    least, beside
        Cells that the part and what is beside it keep.
    styled
        Whether the style sheet has its cells until somebody changes them.
    """

    part: str
    edge: Edge
    least: int
    beside: int
    styled: bool = False

    def at(self, region: Region, x: int, y: int) -> bool:
        """Tell whether a cell of the screen is on the line."""
        if self.edge == "top":
            return y in (region.y - 1, region.y) and region.x <= x < region.right
        cell = region.right - 1 if self.edge == "right" else region.x - 1
        return x in (cell, cell + 1) and region.y <= y < region.bottom

    def cells_to(self, region: Region, x: int, y: int) -> int:
        """Return the cells of the part when the line is dragged to a cell of the screen."""
        if self.edge == "top":
            return region.bottom - y
        return x + 1 - region.x if self.edge == "right" else region.right - x


class DividedScreen(FullScreen):
    """A screen with lines that can be moved; where they are is kept for the next session."""

    BINDINGS: ClassVar = bindings("panes")
    #: the first one between columns is moved by `<` and `>`, the first one of rows by `{` and `}`
    LINES: ClassVar[Sequence[Line]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._dragged: Line | None = None

    def usual(self, line: Line) -> int:
        """Return the cells of the part before anybody changed them."""
        raise NotImplementedError

    def stands(self, line: Line) -> bool:
        """Tell whether the line is there now."""
        raise NotImplementedError

    def moved(self) -> None:
        """Fit what is drawn to the cells that it has now."""
        raise NotImplementedError

    def cells(self, line: Line) -> int:
        """Return the cells of the part where the line is there."""
        asked = self.workbench.state.widths.get(line.part, self.usual(line))
        room = self.size.height if line.edge == "top" else self.size.width
        return max(line.least, min(asked, room - line.beside))

    def divide(self) -> None:
        """Draw the lines where they belong."""
        for line in self.LINES:
            styles = self.query_one(line.part).styles
            asked = not line.styled or line.part in self.workbench.state.widths
            cells = self.cells(line) if asked and self.stands(line) else None
            if line.edge == "top":
                styles.height = cells
            else:
                styles.width = cells

    def _line(self, *edges: Edge) -> Line | None:
        return next((line for line in self.LINES if line.edge in edges and self.stands(line)), None)

    def can_move(self, action: str) -> bool:
        """Tell whether there is a line that a key moves."""
        edges: Sequence[Edge] = ("left", "right") if action == "resize" else ("top",)
        return self._line(*edges) is not None

    def action_resize(self, cells: int) -> None:
        """Make the part at the left wider, or narrower."""
        line = self._line("left", "right")
        if line is not None:
            self._move(line, self.cells(line) + (cells if line.edge == "right" else -cells))

    def action_resize_rows(self, lines: int) -> None:
        """Make the upper part taller, or shorter."""
        line = self._line("top")
        if line is not None:
            self._move(line, self.cells(line) - lines)

    def _move(self, line: Line, cells: int) -> None:
        widths = self.workbench.state.widths
        widths[line.part] = cells
        widths[line.part] = self.cells(line)  # within its bounds
        self.divide()
        self.call_after_refresh(self.moved)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a line."""
        for line in filter(self.stands, self.LINES):
            part = self.query_one(line.part)
            if line.at(part.region, event.screen_x, event.screen_y):
                self._dragged = line
                part.capture_mouse()
                return

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move the line."""
        line = self._dragged
        if line is not None:
            region = self.query_one(line.part).region
            self._move(line, line.cells_to(region, event.screen_x, event.screen_y))

    def on_mouse_up(self, _event: events.MouseUp) -> None:
        """Let go of the line."""
        if self._dragged is not None:
            self.query_one(self._dragged.part).release_mouse()
            self._dragged = None
