"""The learning curves of some runs, one chart per value, and what tells the lines apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.commands import bindings
from workbench.tui.session import Session
from workbench.tui.view.chart import Piece
from workbench.tui.view.curve_runs import drawn_of, why_no_curve
from workbench.tui.view.curves import Charts, CurveOptions, grid_for
from workbench.tui.view.live import Curves
from workbench.tui.widgets.chart import LineChart
from workbench.tui.widgets.lines import put

#: cells that a chart needs, and that are between two of them
_LEAST, _GUTTER = (24, 6), 2
#: colours of the lines, as in the style sheet
_COLOURS = ("$primary", "$accent", "$success", "$error")
#: before the title of the chart that Enter makes large
_HERE = "▸ "


class CurvePanel(Vertical, can_focus=True):
    """Legend and charts, as many as fit; with the focus a cursor reads values off all of them."""

    BINDINGS: ClassVar = bindings("curves")

    def __init__(self) -> None:
        super().__init__(id="curves")
        self._runs: Sequence[RunSummary] = ()
        self._curves: Mapping[str, Curves] = {}
        self._seeds: Mapping[str, Sequence[RunSummary]] = {}
        self._options = CurveOptions()
        self._instead = ""
        self._charts = Charts((), self._options)
        self._shown: list[str] = []
        #: the chart that keys go to, whether it has all the room, and where the cursor is
        self._chosen = ""
        self._large = False
        self._cursor: float | None = None

    def compose(self) -> ComposeResult:
        """Make the legend, and room for charts or for what is shown in their place."""
        yield Static(id="legend", markup=False)
        yield Container(id="charts")
        yield Static(id="instead", markup=False)

    @property
    def names(self) -> list[str]:
        """The values that any of the runs has a curve of."""
        return self._charts.names

    @property
    def more(self) -> int:
        """How many values further the next ones are; 0 where all are in sight."""
        return len(self._shown) if len(self._shown) < len(self.names) else 0

    @property
    def is_reading(self) -> bool:
        """Whether there may be curves that have not been read yet."""
        waiting = any(run.state in ("queued", "running") for run in self._runs)
        read = all(run.run_id in self._curves for run in self._runs)
        return not (self.names or waiting or read)

    def show(
        self,
        runs: Sequence[RunSummary],
        curves: Mapping[str, Curves],
        options: CurveOptions,
        instead: str,
        seeds: Mapping[str, Sequence[RunSummary]] = {},
    ) -> None:
        """Draw the curves of some runs.

        Parameters
        ----------
        instead
            Lines that are shown where no run has a curve.
        seeds
            By run id, the runs that are one line with it.
        """
        self._runs, self._curves, self._options = runs, curves, options
        self._instead, self._seeds = instead, seeds
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Choose anew how many charts there are."""
        self._draw()

    def on_focus(self) -> None:
        """Show which chart keys go to."""
        self._draw()

    def on_blur(self) -> None:
        """Show it no longer."""
        self._draw()

    def _draw(self) -> None:
        drawn = drawn_of(self._runs, self._curves, self._seeds)
        self._charts = charts = Charts(drawn, self._options, self._cursor)
        across, down = self._choose()
        box = self.query_one("#charts", Container)
        box.styles.grid_size_columns, box.styles.grid_size_rows = across, down
        widgets = list(box.query(LineChart))
        new = [LineChart() for _ in range(len(self._shown) - len(widgets))]
        box.mount_all(new)
        for widget in widgets[len(self._shown) :]:
            widget.remove()
        for widget, name in zip([*widgets, *new], self._shown, strict=False):
            chart = charts.chart(name)
            here = self.has_focus and name == self._chosen and len(self.names) > 1
            widget.what = name
            widget.show([*[Piece(_HERE)] * here, *chart.title], chart.series, chart.axes)
        self.set_class(not charts.names, "-empty")
        put(self.query_one("#legend", Static), self._legend())
        if not charts.names:
            put(self.query_one("#instead", Static), self._instead)

    def _choose(self) -> tuple[int, int]:
        """Choose which values are shown, in how many columns and rows."""
        names = self.names
        if self._chosen not in names:
            self._chosen, self._large = names[0] if names else "", False
        if self._large:
            self._shown = [self._chosen]
            return 1, 1
        # what stands between two charts counts for each of them
        width, height = self.size.width - 2 + _GUTTER, self.size.height - 1
        across, down = grid_for(len(names), width, height, (_LEAST[0] + _GUTTER, _LEAST[1]))
        first = self._options.first % len(names) if names else 0
        self._shown = (names[first:] + names[:first])[: across * down]
        if self._shown and self._chosen not in self._shown:
            self._chosen = self._shown[0]
        return across, down

    def _legend(self) -> Content:
        if not self.names:
            return self._why_nothing()
        colours = ("$secondary", *_COLOURS)
        pieces = self._charts.legend()
        said = [Content.styled(piece.text, colours[piece.look + 1]) for piece in pieces]
        hidden = len(self.names) - len(self._shown)
        if hidden and not self._large:
            said.append(Content.styled(f"  {hidden} more »", "$secondary"))
        return Content("").join(said)

    def _why_nothing(self) -> Content:
        app = self.app
        known = app.runs if isinstance(app, Session) else ()
        text = "reading …" if self.is_reading else why_no_curve(self._runs, known)
        names = ", ".join(plain(run.label) for run in self._runs)
        return Content.styled(f"{names}: {text}", "$secondary")

    # What keys and the mouse do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action == "choose":
            return len(self.names) > 1
        return bool(self.names) if action in ("read", "read_end", "enlarge") else True

    def awaits(self, action: str) -> str:
        """Say that the curves are still being read."""
        return "the curves are" if self.is_reading else ""

    @property
    def is_large(self) -> bool:
        """Whether one chart has all the room."""
        return self._large

    @property
    def is_read(self) -> bool:
        """Whether there is something to go back from: a large chart, a cursor."""
        return self._large or self._cursor is not None

    def back(self) -> bool:
        """Take away the cursor, then the large chart; tell whether there was one."""
        if not self.is_read:
            return False
        if self._cursor is not None:
            self._cursor = None
        else:
            self._large = False
        self._draw()
        return True

    def action_choose(self, step: int) -> None:
        """Go to another chart."""
        names = self.names if self._large else self._shown
        if names:
            self._chosen = names[(names.index(self._chosen) + step) % len(names)]
            self._draw()

    def action_enlarge(self) -> None:
        """Give one chart all the room, or take it back."""
        self._large = not self._large
        self._draw()

    def action_read(self, step: int) -> None:
        """Move the cursor to the report before or after."""
        widths = [chart.size.width for chart in self.query(LineChart)]
        self._cursor = self._charts.moved(step, 2 * max(widths, default=1))
        self._draw()

    def action_read_end(self, step: int) -> None:
        """Move the cursor to the first or the last report."""
        self._cursor = self._charts.end(step)
        self._draw()

    def on_line_chart_clicked(self, event: LineChart.Clicked) -> None:
        """Put the cursor where the mouse is."""
        self._chosen = event.chart.what
        self._cursor = self._charts.position(self._chosen, event.x)
        self._draw()
