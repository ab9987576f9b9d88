"""All runs of Results in two metrics, and which of them no other beats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.values import counted
from workbench.tui.commands import bindings
from workbench.tui.screens.base import FullScreen
from workbench.tui.view.fold import Fold
from workbench.tui.view.tradeoff import (
    Measure,
    Point,
    TradeOff,
    front_section,
    legend,
    measures_of,
    plot_lines,
    step,
    trade_off,
    usual_axes,
    words_on,
)
from workbench.tui.widgets.lines import put
from workbench.tui.widgets.sections import SectionView, piece

if TYPE_CHECKING:
    from workbench.tui.view.result import Against

#: cells from which the front is listed beside the plot; what the list has, as in the style sheet
_WIDE, _LIST = 110, 46
#: lines below the plot, and around both
_BELOW, _FRAME = 4, 3


class ScatterScreen(FullScreen):
    """A plot with a cursor that goes from point to point.

    Parameters
    ----------
    rows
        Returns what Results shows now.
    baseline
        Id of the pinned run, if any.
    cutoff
        The K of the metrics, as in the table.
    against
        Says what a run is held against.
    start
        Id of the run that the cursor begins at.
    """

    CSS_PATH = "scatter.tcss"
    BINDINGS: ClassVar = bindings("scatter")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - Textual's form

    def __init__(
        self,
        rows: Callable[[], Sequence[Fold]],
        baseline: str | None,
        cutoff: int | None,
        against: Callable[[str], Against],
        start: str,
    ) -> None:
        super().__init__()
        self._rows = rows
        self._baseline = baseline
        self._cutoff = cutoff
        self._against = against
        self._cursor_id = start
        self._measures: list[Measure] = []
        #: names of the measures of x and y; empty: the usual ones
        self._axes = ("", "")
        #: what is drawn
        self.found: TradeOff | None = None

    def body(self) -> Iterable[Widget]:
        """Make the plot, the list of the front, and lines about the run under the cursor."""
        with Horizontal(id="plot-and-front"):
            yield Static(id="plot", markup=False)
            yield SectionView(id="front")
        with Vertical(id="about"):
            yield Static(id="legend", markup=False)
            yield Static(id="words", markup=False)

    def on_mount(self) -> None:
        """Draw, and follow the runs."""
        self._place()
        self.watch(self.app, "runs", self._place, init=False)

    def on_resize(self, event: events.Resize) -> None:
        """Draw to the new size."""
        super().on_resize(event)
        self._draw()

    @property
    def _cursor(self) -> Point | None:
        points = self.found.points if self.found is not None else ()
        here = (point for point in points if point.row.run.run_id == self._cursor_id)
        return next(here, None) or next(iter(self.found.front if self.found else ()), None)

    def _place(self) -> None:
        """Place the runs by the two measures."""
        rows = self._rows()
        self._measures = measures_of(rows, self._cutoff)
        names = [measure.name for measure in self._measures]
        usual = usual_axes(self._measures)
        x, y = (
            self._measures[names.index(name) if name in names else place]
            for name, place in zip(self._axes, usual, strict=True)
        )
        self.found = trade_off(rows, x, y, self._baseline)
        self._draw()

    def _draw(self) -> None:
        found = self.found
        if found is None or not self.has_parts(SectionView):
            return
        cursor = self._cursor
        title = self.title_line
        title.what = f"{counted(len(found.points), 'run')}  {found.y.name} against {found.x.name}"
        without = counted(found.without, "run")
        title.remark = f"{without} without one of them" if found.without else ""
        wide = self.size.width >= _WIDE
        width = self.size.width - (_LIST if wide else 0) - 2
        height = self.size.height - _BELOW - _FRAME
        lines = plot_lines(found, cursor, width, max(6, height))
        text = [Content("").join(piece(cell.text, cell.style) for cell in line) for line in lines]
        put(self.query_one("#plot", Static), Content("\n").join(text))
        front = front_section(found, cursor, _LIST - 4)
        self.query_one("#front", SectionView).show(front if wide else None)
        put(self.query_one("#legend", Static), legend(found))
        about = "No run has both values." if cursor is None else "\n".join(words_on(found, cursor))
        put(self.query_one("#words", Static), about)

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action in ("open", "move", "front"):
            return self._cursor is not None
        return True

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        return "no run has both values" if action in ("open", "move", "front") else ""

    def action_move(self, by: int, upward: bool) -> None:
        """Go to the next point along an axis."""
        cursor = self._cursor
        if self.found is not None and cursor is not None:
            self._go_to(step(self.found, cursor, by, upward=upward))

    def action_front(self, by: int) -> None:
        """Go to the next point of the front; after the last comes the first."""
        front = self.found.front if self.found is not None else []
        if front:
            cursor = self._cursor
            place = front.index(cursor) + by if cursor in front else 0
            self._go_to(front[place % len(front)])

    def _go_to(self, point: Point) -> None:
        self._cursor_id = point.row.run.run_id
        self._draw()

    def action_axis(self, axis: int, by: int) -> None:
        """Go on to the next metric of x (0) or y (1)."""
        found = self.found
        if found is not None:
            names = [measure.name for measure in self._measures]
            axes = [found.x.name, found.y.name]
            axes[axis] = names[(names.index(axes[axis]) + by) % len(names)]
            self._axes = (axes[0], axes[1])
            self._place()

    def action_swap(self) -> None:
        """Put x where y is, and y where x is."""
        if self.found is not None:
            self._axes = self.found.y.name, self.found.x.name
            self._place()

    def action_open(self) -> None:
        """Open the run under the cursor."""
        from workbench.tui.screens.detail import DetailScreen

        cursor = self._cursor
        if self.found is not None and cursor is not None:
            order = [point.row.run.run_id for point in self.found.points]
            screen = DetailScreen(cursor.row.run.run_id, order, self._against)
            self.app.push_screen(screen)

    def action_back(self) -> None:
        """Return to the runs, with the cursor on the run that was looked at."""
        self.dismiss(self._cursor_id)
