"""The learning curves of some runs, one chart per value, and what tells the lines apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.chart import MARKERS, Axes, Series, smoothed
from workbench.tui.view.live import Curves, Unit, common_unit, curve_order, is_metric
from workbench.tui.widgets.chart import LineChart
from workbench.tui.widgets.lines import put

#: cells that a chart needs
_WIDTH, _HEIGHT = 38, 9
_SMOOTHINGS = (0.0, 0.6, 0.9)
#: colours of the lines, as in the style sheet
_COLOURS = ("$primary", "$accent", "$success", "$error")


@dataclass(frozen=True, slots=True)
class CurveOptions:
    """How curves are shown.

    Parameters
    ----------
    smoothing
        Weight of the values before, 0 to 1.
    first
        Which of the values comes first where not all fit.
    """

    log: bool = False
    smoothing: float = 0.0
    first: int = 0

    def smoother(self) -> CurveOptions:
        """Go on to the next smoothing."""
        place = _SMOOTHINGS.index(self.smoothing) + 1
        return replace(self, smoothing=_SMOOTHINGS[place % len(_SMOOTHINGS)])


class CurvePanel(Vertical, can_focus=True):
    """Legend and charts, as many as fit; with the focus it can be zoomed."""

    def __init__(self) -> None:
        super().__init__(id="curves")
        self._runs: Sequence[RunSummary] = ()
        self._curves: Mapping[str, Curves] = {}
        self._options = CurveOptions()
        self._instead = ""

    def compose(self) -> ComposeResult:
        """Make the legend, and room for charts or for what is shown in their place."""
        yield Static(id="legend", markup=False)
        yield Container(id="charts")
        yield Static(id="instead", markup=False)

    @property
    def names(self) -> list[str]:
        """The values that any of the runs has a curve of."""
        found = {name for run in self._runs for name in self._of(run).series}
        return sorted(found, key=curve_order)

    def _of(self, run: RunSummary) -> Curves:
        return self._curves.get(run.run_id, Curves())

    def show(
        self,
        runs: Sequence[RunSummary],
        curves: Mapping[str, Curves],
        options: CurveOptions,
        instead: str,
    ) -> None:
        """Draw the curves of some runs.

        Parameters
        ----------
        instead
            Lines that are shown where no run has a curve.
        """
        self._runs, self._curves, self._options = runs, curves, options
        self._instead = instead
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Choose anew how many charts there are."""
        self._draw()

    def _draw(self) -> None:
        box = self.query_one("#charts", Container)
        width, height = self.size.width - 2, self.size.height - 1
        names = self.names
        first = self._options.first % len(names) if names else 0
        across, down = max(1, width // _WIDTH), max(1, height // _HEIGHT)
        shown = (names[first:] + names[:first])[: across * down]
        across = min(across, max(1, len(shown)))
        box.styles.grid_size_columns = across
        box.styles.grid_size_rows = max(1, -(-len(shown) // across))
        charts = list(box.query(LineChart))
        new = [LineChart() for _ in range(len(shown) - len(charts))]
        box.mount_all(new)
        for chart in charts[len(shown) :]:
            chart.remove()
        for chart, name in zip([*charts, *new], shown, strict=False):
            unit = common_unit(self._of(run) for run in self._runs if name in self._of(run).series)
            axes = Axes(log=self._options.log, unit=unit)
            chart.show(_title(name), self._series(name, unit), axes)
        self.set_class(not names, "-empty")
        legend = self._legend() if names else self._why_nothing()
        put(self.query_one("#legend", Static), legend)
        if not names:
            put(self.query_one("#instead", Static), self._instead)

    def _series(self, name: str, unit: Unit) -> list[Series]:
        weight = self._options.smoothing
        return [
            Series(smoothed(points, weight) if weight else tuple(points), look)
            for look, run in enumerate(self._runs)
            if (points := self._of(run).points(name, unit))
        ]

    def _legend(self) -> Content:
        parts = [
            Content.styled(f"{MARKERS[look]} {plain(run.label)}   ", _COLOURS[look])
            for look, run in enumerate(self._runs)
        ]
        how = [f"y {'log' if self._options.log else 'linear'}"]
        if self._options.smoothing:
            how.append(f"smoothed {self._options.smoothing:g}")
        return Content("").join([*parts, Content.styled("  ".join(how), "$secondary")])

    def _why_nothing(self) -> Content:
        waiting = any(run.state in ("queued", "running") for run in self._runs)
        text = _NONE_YET if waiting else _why_none(self._runs)
        if not waiting and any(run.run_id not in self._curves for run in self._runs):
            text = "reading …"
        names = ", ".join(plain(run.label) for run in self._runs)
        return Content.styled(f"{names}: {text}", "$secondary")


#: what runs that wait or began just now will have, nobody knows before their model reports
_NONE_YET = "no curve yet; a model that is not trained in epochs has none"


def _why_none(runs: Sequence[RunSummary]) -> str:
    """Say why runs that ended have no curve: one that did not get so far may train in epochs."""
    states = {show.state_look(run.state).word for run in runs if run.state != "succeeded"}
    if states:
        return f"no curve: {' and '.join(sorted(states))} before the first epoch ended"
    return "no training curve (not trained in epochs)"


def _title(name: str) -> str:
    return f"{plain(name)} (validation)" if is_metric(name) else plain(name)
