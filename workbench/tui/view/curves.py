"""Learning curves as charts: which, what is drawn in each, and what stands at a cursor."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from statistics import fmean

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.chart import (
    KEPT,
    MARKERS,
    Axes,
    Piece,
    Point,
    Range,
    Series,
    smoothed,
)
from workbench.tui.view.live import Curves, Unit, common_unit, curve_order, is_metric

#: what jobs use, in the order of the charts, with the titles of these
USAGE = {
    "rows_per_second": "rows/s",
    "cpu_percent": "CPU %",
    "memory_mb": "memory MiB",
    "gpu_percent": "GPU %",
    "gpu_memory_mb": "GPU memory MiB",
}
SMOOTHINGS = (0.0, 0.6, 0.9)
#: cells that are kept for the values of y, so that charts below each other line up
_MARGIN = 6
#: parts that many points are cut into, and how many points a part has where that is worth it
_PARTS, _FEW = 500, 8
_y = itemgetter(1)
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
class Drawn:
    """What is drawn in one look: a run, or the seeds of a job.

    Parameters
    ----------
    run
        The run, or the first of the seeds.
    members
        Curves of the run, or of each seed.
    """

    run: RunSummary
    members: tuple[Curves, ...]

    @property
    def curves(self) -> Curves:
        """The curves of the run, or of the first of the seeds."""
        return self.members[0]


@dataclass(frozen=True, slots=True)
class Chart:
    """One value as a chart."""

    name: str
    title: tuple[Piece, ...]
    series: tuple[Series, ...]
    axes: Axes


def same_job(run: RunSummary, runs: Sequence[RunSummary]) -> list[RunSummary]:
    """List the runs that differ from one in nothing but the seed, that one first.

    Of runs that ended well all settings are compared, of others those that were given. Where a
    seed was run again, the newest stands for it.
    """
    found = {run.seed: run}
    for other in runs:
        if other.label == run.label and other.state != "queued" and _job(other) == _job(run):
            found.setdefault(other.seed, other)
    return list(found.values())


def _job(run: RunSummary) -> tuple[object, ...]:
    ended = run.state == "succeeded"
    split = run.split_fingerprint if ended else ""
    return run.label, run.model, run.dataset, run.protocol, split, ended, run.params


def names_of(drawn: Sequence[Drawn]) -> list[str]:
    """List the values that there is a curve of: learning first, then what the job uses."""
    members = [curves for each in drawn for curves in each.members]
    learned = {name for curves in members for name in curves.series}
    used = {name for curves in members for name in curves.usage}
    rest = sorted(used - USAGE.keys())
    order = [name for name in USAGE if name in used] + rest
    return sorted(learned, key=curve_order) + [name for name in order if name not in learned]


def marked_epoch(run: RunSummary, curves: Curves) -> int | None:
    """Find the report of the epoch that is kept: what was chosen, else the best so far."""
    if run.state == "succeeded":
        epochs = curves.places.get("epoch", ())
        place = None if curves.chosen is None else bisect_left(epochs, curves.chosen)
        return place + 1 if place is not None and place < len(epochs) else None
    best = curves.best
    monitor = run.params.get("monitor", best[0] if best else None)
    return int(curves.best_of(monitor)[0]) if monitor in curves.series else None


def seeds_band(lines: Sequence[Sequence[Point]]) -> tuple[list[Point], list[Range]]:
    """Return the mean at every x, and the least and the greatest value; who ended early is out.

    Examples
    --------
    >>> seeds_band([[(1, 0.5), (2, 0.25)], [(1, 1.5)]])
    ([(1, 1.0), (2, 0.25)], [(1, 0.5, 1.5), (2, 0.25, 0.25)])
    """
    values: dict[float, list[float]] = {}
    for line in lines:
        for x, y in line:
            values.setdefault(x, []).append(y)
    found = sorted(values.items())
    return (
        [(x, fmean(each)) for x, each in found],
        [(x, min(each), max(each)) for x, each in found],
    )


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Keep of many points the first, the extremes and the last of every part: spikes stay.

    A chart has fewer columns than there are parts, so it looks the same and is drawn far sooner.
    """
    size = len(points) // _PARTS
    if size < _FEW:
        return points
    found: list[Point] = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        few = {part[0], min(part, key=_y), max(part, key=_y), part[-1]}
        found += sorted(few)
    return found


def _thin_band(band: Sequence[Range]) -> Sequence[Range]:
    """Take the least and the greatest value of every part."""
    size = len(band) // _PARTS
    if size < _FEW:
        return band
    parts = [band[start : start + size] for start in range(0, len(band), size)]
    return [
        (part[0][0], min(low for _, low, _ in part), max(high for _, _, high in part))
        for part in parts
    ]


def value_at(points: Sequence[Point], x: float) -> float | None:
    """Return the value at x, or the last one before it; None before the first, after the last."""
    place = bisect_right(points, (x, float("inf"))) - 1
    return points[place][1] if place >= 0 and x <= points[-1][0] else None


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
        near = []
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
        found = []
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
        title = f"{plain(name)} (validation)" if is_metric(name) else plain(name)
        if self.cursor is None:
            return Chart(name, (Piece(title),), tuple(series), axes)
        return Chart(name, self._title(plain(name), texts), tuple(series), axes)

    def _line(self, drawn: Drawn, name: str, look: int) -> tuple[Series | None, str | None]:
        """Return the line of a run or of seeds, and what it says at the cursor."""
        weight, mark = self.options.smoothing, self._marks[look]
        members = [curves for curves in drawn.members if name in curves.series]
        if not members:
            return None, None
        if len(members) == 1 and not weight:
            places = members[0].places.get(self.unit, ())
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
        return Series(thinned(mean), look, _thin_band(band)), text

    def _read(self, points: Sequence[Point], places: Sequence[float] | None = None) -> str | None:
        """Write the value at the cursor; with `places` the points count reports."""
        if self.cursor is None:
            return None
        x = self.cursor
        if places is not None:
            x = bisect_right(places, x) if x <= places[-1] else math.inf
        value = value_at(points, x)
        return None if value is None else show.quantity(value)

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


def drawn_of(
    runs: Sequence[RunSummary],
    curves: Mapping[str, Curves],
    seeds: Mapping[str, Sequence[RunSummary]] = {},
) -> list[Drawn]:
    """Put runs and their curves together.

    Parameters
    ----------
    seeds
        By run id, the runs that are one line with it.
    """
    found, taken = [], set()
    for run in runs:
        if run.run_id not in taken:
            members = seeds.get(run.run_id, (run,))
            taken |= {member.run_id for member in members}
            read = [curves[m.run_id] for m in members if m.run_id in curves]
            shown = [each for each in read if each.reports] or read[:1] or [Curves()]
            found.append(Drawn(run, tuple(shown)))
    return found


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
