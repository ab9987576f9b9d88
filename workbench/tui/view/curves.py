"""Learning curves as charts: which, what is drawn in each, and what stands at a cursor."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.chart import (
    KEPT,
    MARKERS,
    Axes,
    Piece,
    Point,
    Series,
    smoothed,
)
from workbench.tui.view.curve_points import seeds_band, thinned, thinned_band, value_at
from workbench.tui.view.curve_runs import USAGE, Drawn, marked_epoch, names_of
from workbench.tui.view.live import Unit, common_unit, titled

SMOOTHINGS = (0.0, 0.6, 0.9)
#: cells that are kept for the values of y, so that charts below each other line up
_MARGIN = 6
#: seconds of work from which the time is counted in minutes, and in hours
_MINUTES, _HOURS = 300.0, 10_800.0


@dataclass(frozen=True, slots=True)
class CurveOptions:
    """How curves are shown.

    Parameters
    ----------
    smoothing
        Weight of the values before, 0 to 1.
    first
        Which of the values comes first where not all fit.
    seeds
        Whether the seeds of a job are one line, their mean, in a band from the least to the
        greatest.
    """

    log: bool = False
    smoothing: float = 0.0
    first: int = 0
    seeds: bool = False

    def smoother(self) -> CurveOptions:
        """Go on to the next smoothing."""
        place = SMOOTHINGS.index(self.smoothing) + 1
        return replace(self, smoothing=SMOOTHINGS[place % len(SMOOTHINGS)])


@dataclass(frozen=True, slots=True)
class Chart:
    """One value as a chart."""

    name: str
    title: tuple[Piece, ...]
    series: tuple[Series, ...]
    axes: Axes


class Charts:
    """Builds the charts of some runs.

    Parameters
    ----------
    cursor
        Where the values are read: x, or, where nothing has been learned, seconds of work.
    """

    def __init__(
        self, drawn: Sequence[Drawn], options: CurveOptions, cursor: float | None = None
    ) -> None:
        self.drawn, self.options = drawn, options
        self.names = names_of(drawn)
        self._members = [curves for each in drawn for curves in each.members]
        self.unit: Unit = common_unit(self._members)
        self._learned = {name for curves in self._members for name in curves.series}
        self._marks = [self._marked(each) for each in drawn]
        self.cursor = self._nearest(cursor)

    def _marked(self, drawn: Drawn) -> float | None:
        """Find the x of the epoch that is kept; each seed keeps another one."""
        report = marked_epoch(drawn.run, drawn.curves) if len(drawn.members) == 1 else None
        places = drawn.curves.places.get(self.unit, ())
        return places[report - 1] if report is not None and report <= len(places) else None

    def _positions(self) -> list[Sequence[float]]:
        """List where the cursor can stand: the reports, else the times of what the jobs use."""
        found = [curves.places.get(self.unit, ()) for curves in self._members]
        if not self._learned:
            lines = [line for curves in self._members for line in curves.usage.values()]
            found = [[x for x, _ in line] for line in lines]
        return [places for places in found if places]

    def _nearest(self, wanted: float | None) -> float | None:
        """Find the position that is nearest to where the cursor was put."""
        if wanted is None:
            return None
        near: list[float] = []
        for places in self._positions():
            place = bisect_left(places, wanted)
            near += places[max(0, place - 1) : place + 1]
        return min(near, key=lambda x: abs(x - wanted), default=None)

    def end(self, step: int) -> float | None:
        """Return the first position (-1), or the last one (1)."""
        ends = [x for places in self._positions() for x in (places[0], places[-1])]
        return (min if step < 0 else max)(ends, default=None)

    def moved(self, step: int, columns: int) -> float | None:
        """Return where the cursor goes with a key: to the next position in another column."""
        first, last, now = self.end(-1), self.end(1), self.cursor
        if now is None or first is None or last is None:
            return self.end(-step)
        apart = (last - first) / max(1, columns)
        found: list[float] = []
        for places in self._positions():
            if step > 0:
                found += places[bisect_left(places, max(now + apart, _after(now))) :][:1]
            else:
                found += places[: bisect_right(places, min(now - apart, _before(now)))][-1:]
        return (min if step > 0 else max)(found, default=last if step > 0 else first)

    def position(self, name: str, x: float) -> float:
        """Return where the cursor goes for an x in the chart of one value."""
        if name in self._learned:
            return x
        seconds = x * self._time_unit()[1]
        for each in reversed(self.drawn if self._learned else ()):
            places, times = each.curves.places.get(self.unit, ()), each.curves.times
            if times:
                return places[max(0, bisect_right(times, seconds) - 1)]
        return seconds

    def said(self) -> str:
        """Say where the cursor stands."""
        cursor = self.cursor
        if cursor is None:
            return ""
        return f"{self.unit} {cursor:,g}" if self._learned else show.seconds(cursor)

    def chart(self, name: str) -> Chart:
        """Build the chart of one value."""
        return self._learning(name) if name in self._learned else self._usage(name)

    def _learning(self, name: str) -> Chart:
        series, texts = [], []
        for look, each in enumerate(self.drawn):
            line, text = self._line(each, name, look)
            texts.append(text)
            if line is not None:
                series.append(line)
        places = [self.end(-1), self.end(1)]
        ends = [x for x in places if x is not None]
        axes = Axes(
            log=self.options.log,
            unit=self.unit,
            span=(ends[0], ends[-1]) if ends else None,
            cursor=self.cursor,
            margin=_MARGIN,
        )
        title = titled(name)
        if self.cursor is None:
            return Chart(name, (Piece(title),), tuple(series), axes)
        return Chart(name, self._title(plain(name), texts), tuple(series), axes)

    def _line(self, drawn: Drawn, name: str, look: int) -> tuple[Series | None, str | None]:
        """Return the line of a run or of seeds, and what it says at the cursor."""
        weight, mark = self.options.smoothing, self._marks[look]
        known = [curves for curves in drawn.members if curves.places.get(self.unit)]
        members = [curves for curves in known if name in curves.series]
        if not members:
            return None, None
        if len(members) == 1 and not weight:
            places = members[0].places[self.unit]
            points = [(places[int(n) - 1], y) for n, y in thinned(members[0].series[name])]
            return Series(points, look, mark=mark), self._read(members[0].series[name], places)
        lines = [curves.points(name, self.unit) for curves in members]
        if weight:
            lines = [smoothed(points, weight) for points in lines]
        if len(lines) == 1:
            return Series(thinned(lines[0]), look, mark=mark), self._read(lines[0])
        mean, band = seeds_band(lines)
        text = self._read(mean)
        if text is not None:
            low = self._read([(x, low) for x, low, _ in band])
            text += f" [{low}, {self._read([(x, high) for x, _, high in band])}]"
        return Series(thinned(mean), look, thinned_band(band)), text

    def _read(self, points: Sequence[Point], places: Sequence[float] | None = None) -> str | None:
        """Write the value at the cursor; with `places` the points count reports."""
        if self.cursor is None:
            return None
        x = self.cursor
        if places is not None:
            x = bisect_right(places, x) if x <= places[-1] else math.inf
        value = value_at(points, x)
        return None if value is None else _learned(value)

    def _usage(self, name: str) -> Chart:
        unit, size = self._time_unit()
        longest, seconds = self._longest(), self._seconds()
        weight = self.options.smoothing
        series, texts = [], []
        for look, each in enumerate(self.drawn):
            points = each.curves.usage.get(name, ())
            told = smoothed(points, weight) if weight else points
            value = None if seconds is None else value_at(told, seconds)
            texts.append(None if value is None else _used(value))
            if told:
                series.append(Series([(x / size, y) for x, y in thinned(told)], look))
        axes = Axes(
            log=self.options.log,
            unit=unit,
            span=(0.0, longest / size),
            cursor=None if seconds is None else min(seconds, longest) / size,
            margin=_MARGIN,
        )
        title = USAGE.get(name, plain(name))
        pieces = (Piece(title),) if seconds is None else self._title(title, texts)
        return Chart(name, pieces, tuple(series), axes)

    def _longest(self) -> float:
        lines = (line for each in self.drawn for line in each.curves.usage.values())
        return max((line[-1][0] for line in lines), default=0.0)

    def _time_unit(self) -> tuple[str, float]:
        """Choose what time is counted in, and the seconds of that."""
        seconds = self._longest()
        if seconds < _MINUTES:
            return "s", 1.0
        return ("min", 60.0) if seconds < _HOURS else ("h", 3600.0)

    def _seconds(self) -> float | None:
        """Find the time at the cursor: that of the report there, of the run drawn last."""
        cursor = self.cursor
        if cursor is None or not self._learned:
            return cursor
        for each in reversed(self.drawn):
            places, times = each.curves.places.get(self.unit, ()), each.curves.times
            place = bisect_right(places, cursor) - 1
            if 0 <= place < len(times) and cursor <= places[-1]:
                return times[place]
        return None

    def _title(self, title: str, texts: Sequence[str | None]) -> tuple[Piece, ...]:
        """Write the title of a chart, with what each line says at the cursor."""
        several = len(self.drawn) > 1
        values = [
            (Piece("  "), Piece(f"{MARKERS[look] if several else ''}{text or '-'}", look))
            for look, text in enumerate(texts)
        ]
        return (Piece(title), *(piece for pair in values for piece in pair))

    def legend(self) -> list[Piece]:
        """Say what the lines are, and what is marked."""
        pieces = [Piece(self._who(look, each), look) for look, each in enumerate(self.drawn)]
        how = [f"y {'log' if self.options.log else 'linear'}"]
        if self.options.smoothing:
            how.append(f"smoothed {self.options.smoothing:g}")
        if any(len(each.members) > 1 for each in self.drawn):
            how.append("band: least to greatest of the seeds")
        kept = self._kept()
        if kept:
            how.append(kept)
        if self.said():
            how.append(f"│ {self.said()}")
        return [*pieces, Piece("  ".join(how))]

    def _who(self, look: int, drawn: Drawn) -> str:
        seeds = f" (mean of {len(drawn.members)} seeds)" if len(drawn.members) > 1 else ""
        return f"{MARKERS[look]} {plain(drawn.run.label)}{seeds}   "

    def _kept(self) -> str:
        """Say what the sign on a line means."""
        words: dict[str, list[str]] = {}
        for each, mark in zip(self.drawn, self._marks, strict=True):
            if mark is not None:
                word = "kept" if each.run.state == "succeeded" else "best so far"
                words.setdefault(word, []).append(f"{mark:,g}")
        said = [f"{word}: {self.unit} {', '.join(found)}" for word, found in words.items()]
        return f"{KEPT} {'; '.join(said)}" if said else ""


def _learned(value: float) -> str:
    """Write a value of a curve; of a learning rate four decimals would say nothing.

    Examples
    --------
    >>> _learned(0.28714), _learned(0.0000412), _learned(0.0)
    ('0.2871', '4.12e-05', '0.0000')
    """
    return f"{value:.3g}" if 0 < abs(value) < 0.001 else show.quantity(value)


def _used(value: float) -> str:
    """Write what a job uses: nobody needs a tenth of a thousand.

    Examples
    --------
    >>> _used(14.71), _used(405_375.2)
    ('14.7', '405,375')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _after(x: float) -> float:
    return x + abs(x) * 1e-12 + 1e-300


def _before(x: float) -> float:
    return x - abs(x) * 1e-12 - 1e-300


def grid_for(count: int, width: int, height: int, least: tuple[int, int]) -> tuple[int, int]:
    """Choose the columns and rows of charts, such that all fit if they can, as large as they can.

    Examples
    --------
    >>> grid_for(3, 78, 8, (26, 6)), grid_for(7, 118, 15, (26, 6)), grid_for(1, 200, 50, (26, 6))
    ((3, 1), (4, 2), (1, 1))
    >>> grid_for(20, 78, 8, (26, 6))  # they do not: as many as there is room for
    (3, 1)
    """
    count, most = max(1, count), (max(1, width // least[0]), max(1, height // least[1]))
    fits = [
        (across, -(-count // across))
        for across in range(1, most[0] + 1)
        if -(-count // across) <= most[1]
    ]
    if not fits:
        return most
    # a chart looks best three and a half times as wide as high: its smaller side decides
    return max(fits, key=lambda cells: min(width / cells[0], 3.5 * height / cells[1]))
