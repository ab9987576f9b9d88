"""Plots side by side, as many as fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.containers import Container
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.view.braille import GRID
from workbench.tui.view.chart import Piece
from workbench.tui.view.format import fit
from workbench.tui.view.sweep_plots import Plot

#: cells that a plot needs
_WIDTH, _HEIGHT = 34, 8


class PlotView(Widget):
    """One plot below its title, drawn when it or the size changes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"plot--look-{look}" for look in range(4)),
        "plot--title",
        "plot--axis",
        "plot--grid",
    }

    def __init__(self) -> None:
        super().__init__()
        self._plot: Plot | None = None
        #: stands at the right of the title
        self._note = ""
        self._drawn: tuple[object, list[list[Piece]]] | None = None

    def show(self, plot: Plot, note: str = "") -> None:
        """Draw a plot; nothing happens when it is drawn already."""
        if (plot, note) != (self._plot, self._note):
            self._plot, self._note = plot, note
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line: the title, then the plot."""
        width, base = self.size.width, self.rich_style
        if self._plot is None:
            return Strip.blank(width, base)
        if y == 0:
            title = fit(self._plot.title, max(0, width - len(self._note)))
            notes = [Segment(self._note, self._style("axis", base))] if self._note else []
            return Strip([Segment(title, self._style("title", base)), *notes])
        lines = self._lines(self._plot)
        if y > len(lines):
            return Strip.blank(width, base)
        segments = [
            Segment(piece.text, self._style(_name_of(piece.look), base)) for piece in lines[y - 1]
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _lines(self, plot: Plot) -> list[list[Piece]]:
        size = self.size.width, self.size.height - 1
        if self._drawn is None or self._drawn[0] != (plot, size):
            self._drawn = (plot, size), plot.draw(*size)
        return self._drawn[1]

    def _style(self, name: str, base: Style) -> Style:
        return base + self.get_component_rich_style(f"plot--{name}", partial=True)


def _name_of(look: int) -> str:
    if look == GRID:
        return "grid"
    return "axis" if look < 0 else f"look-{look}"


class PlotPanel(Container, can_focus=True):
    """Plots in a grid; with the focus it can be zoomed.

    Parameters
    ----------
    key
        What shows the plots that do not fit.
    """

    def __init__(self, key: str) -> None:
        super().__init__(id="plots", classes="part")
        self._key = key
        self._plots: Sequence[Plot] = ()
        self._first = 0

    def show(self, plots: Sequence[Plot]) -> None:
        """Draw plots, as many as fit."""
        self._plots = plots
        self._draw()

    @property
    def fits_all(self) -> bool:
        """Whether all plots are seen."""
        across, down = self._grid
        return across * down >= len(self._plots)

    @property
    def _grid(self) -> tuple[int, int]:
        return max(1, self.size.width // _WIDTH), max(1, self.size.height // _HEIGHT)

    def go_on(self) -> None:
        """Show the plots that come next; after the last ones come the first."""
        across, down = self._grid
        self._first += across * down
        if self._first >= len(self._plots):
            self._first = 0
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Choose anew how many plots there are."""
        self._first = 0
        self._draw()

    def _draw(self) -> None:
        if not self.size or not self._plots:
            return
        across, down = self._grid
        shown = self._plots[self._first :][: across * down]
        rows = -(-len(shown) // across)
        self.styles.grid_size_columns = -(-len(shown) // rows)  # no row is much shorter
        self.styles.grid_size_rows = rows
        views = list(self.query(PlotView))
        new = [PlotView() for _ in range(len(shown) - len(views))]
        self.mount_all(new)
        for view in views[len(shown) :]:
            view.remove()
        last, more = len(shown) - 1, len(self._plots) - len(shown)
        note = f" {more} more: {self._key}" if more else ""
        for place, (view, plot) in enumerate(zip([*views, *new], shown, strict=False)):
            view.show(plot, note if place == last else "")
