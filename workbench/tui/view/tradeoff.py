"""One metric of runs against another, and which runs no other beats in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from recsys_core.evaluation.names import higher_is_better, split_part
from recsys_core.values import counted
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.columns import main_cutoff, metric_names, name_of, names_at
from workbench.tui.view.detail import Section
from workbench.tui.view.fold import Fold
from workbench.tui.view.format import fit
from workbench.tui.view.scatter import LINEAR, Dot, Scale, draw_scatter
from workbench.tui.view.table import Cell

Line = tuple[Cell, ...]
#: on the front, beaten in both, judged on other rows, under the cursor
FRONT, BEATEN, APART, HERE = "●", "○", "+", "◆"
#: colours of these
_FRONT, _BEATEN, _HERE = 1, 0, 2
_STYLES = {-1: "muted", _FRONT: "accent", _BEATEN: "muted", _HERE: "title"}
_VALUE = 9


@dataclass(frozen=True, slots=True)
class Measure:
    """What an axis shows.

    Parameters
    ----------
    more
        Whether more of it is better.
    """

    name: str
    more: bool
    read: Callable[[RunSummary], float | None]
    write: Callable[[float], str]
    scale: Scale = LINEAR

    @property
    def title(self) -> str:
        """Its name, and which direction is better."""
        scale = ", log" if self.scale.log else ""
        return f"{plain(self.name)} ({'more' if self.more else 'less'} is better{scale})"


_FIT = Measure("fit time", False, lambda run: run.fit_seconds, show.seconds, Scale(log=True))


def measures_of(rows: Sequence[Fold], cutoff: int | None) -> list[Measure]:
    """List what rows can be drawn by: the metrics that any has, and what fitting took.

    Parameters
    ----------
    cutoff
        The K of the metrics, as in the table: None is the main one, 0 all.
    """
    names = [name for name in metric_names([row.run for row in rows]) if not split_part(name)[0]]
    names = names_at(names, cutoff)
    found = [Measure(name, higher_is_better(name), _reader(name), show.metric) for name in names]
    return [*found, *([_FIT] if any(row.run.fit_seconds for row in rows) else [])]


def _reader(name: str) -> Callable[[RunSummary], float | None]:
    return lambda run: run.metrics.get(name)


def usual_axes(measures: Sequence[Measure]) -> tuple[int, int]:
    """Choose x and y, as places among the measures: accuracy against coverage, else against time.

    The first metric is the one that helps most to judge most of the runs.
    """
    names = [measure.name for measure in measures]
    coverage = f"coverage@{main_cutoff(names)}"
    is_of_lists = "@" in names[0]
    x = names.index(coverage) if is_of_lists and coverage in names else len(names) - 1
    return x, 0


@dataclass(frozen=True, slots=True)
class Point:
    """A row that has both values; on the front, beaten, or judged on other rows than most."""

    row: Fold
    x: float
    y: float
    mark: str


@dataclass(frozen=True, slots=True)
class TradeOff:
    """What is drawn.

    Parameters
    ----------
    points
        From left to right.
    without
        Rows that lack one of the values.
    """

    x: Measure
    y: Measure
    points: tuple[Point, ...]
    without: int

    @property
    def front(self) -> list[Point]:
        """The rows that no other beats."""
        return [point for point in self.points if point.mark == FRONT]

    def beaten_by(self, point: Point) -> list[Point]:
        """List the rows that are at least as good in both, and better in one."""
        if point.mark == APART:
            return []
        return [other for other in self.points if other.mark != APART and self._beats(other, point)]

    def _beats(self, one: Point, other: Point) -> bool:
        gains = [
            (a - b) * (1 if measure.more else -1)
            for measure, a, b in ((self.x, one.x, other.x), (self.y, one.y, other.y))
        ]
        return min(gains) >= 0 and max(gains) > 0


def trade_off(rows: Iterable[Fold], x: Measure, y: Measure, baseline: str | None) -> TradeOff:
    """Place rows by two measures.

    Only rows judged on the same test rows beat each other: those of the baseline, else most.
    """
    found: list[tuple[float, float, Fold]] = []
    without = 0
    for row in rows:
        values = x.read(row.run), y.read(row.run)
        if values[0] is None or values[1] is None or not row.run.metrics:
            without += 1
        elif not (x.scale.log and values[0] <= 0) and not (y.scale.log and values[1] <= 0):
            found.append((values[0], values[1], row))
    split = _split([row for _, _, row in found], baseline)
    able = [place for place, (_, _, row) in enumerate(found) if row.run.split_fingerprint == split]
    values_of = [(found[place][0], found[place][1]) for place in able]
    front = {able[place] for place in pareto_front(values_of, x_more=x.more, y_more=y.more)}
    beaten = set(able) - front
    points = [
        Point(row, a, b, FRONT if place in front else BEATEN if place in beaten else APART)
        for place, (a, b, row) in enumerate(found)
    ]
    return TradeOff(x, y, tuple(sorted(points, key=lambda one: (one.x, one.y))), without)


def _split(rows: Sequence[Fold], baseline: str | None) -> str:
    for row in rows:
        if baseline in [run.run_id for run in row.members]:
            return row.run.split_fingerprint
    counts = Counter(row.run.split_fingerprint for row in rows)
    return counts.most_common(1)[0][0] if counts else ""


def pareto_front(points: Sequence[tuple[float, float]], *, x_more: bool, y_more: bool) -> set[int]:
    """Find the points that no other is at least as good as in both and better than in one.

    Examples
    --------
    >>> sorted(pareto_front([(1, 9), (2, 5), (3, 6), (4, 1)], x_more=True, y_more=True))
    [0, 2, 3]
    >>> sorted(pareto_front([(1, 9), (1, 9), (2, 5), (1, 8)], x_more=False, y_more=True))
    [0, 1]
    """
    signs = (1 if x_more else -1), (1 if y_more else -1)
    signed = {place: (x * signs[0], y * signs[1]) for place, (x, y) in enumerate(points)}
    order = sorted(signed, key=lambda place: signed[place], reverse=True)
    front: set[int] = set()
    highest = float("-inf")
    for _, alike in groupby(order, key=lambda place: signed[place][0]):
        group = list(alike)
        top = signed[group[0]][1]
        if top > highest:
            front.update(place for place in group if signed[place][1] == top)
            highest = top
    return front


# Drawing


def plot_lines(found: TradeOff, cursor: Point | None, width: int, height: int) -> list[Line]:
    """Draw the points, the one under the cursor on top, below the name of y, above that of x."""
    order = sorted(found.points, key=lambda one: (APART, BEATEN, FRONT).index(one.mark))
    looks = {APART: -1, BEATEN: _BEATEN, FRONT: _FRONT}
    dots = [Dot(one.x, one.y, looks[one.mark], one.mark) for one in order]
    if cursor is not None:
        dots.append(Dot(cursor.x, cursor.y, _HERE, HERE))
    plot = draw_scatter(dots, width, height - 2, found.x.scale, found.y.scale)
    lines: list[Line] = [(Cell(f"↑ {found.y.title}", "strong"),)]
    lines += [tuple(Cell(each.text, _STYLES[each.look]) for each in line) for line in plot]
    title = f"{found.x.title} →"
    return [*lines, (Cell(f"{title:>{width}}", "strong"),)]


def legend(found: TradeOff) -> str:
    """Say what the marks are, as far as there are any."""
    marks = {point.mark for point in found.points}
    texts = {
        FRONT: f"{FRONT} Pareto front: no other run beats it",
        BEATEN: f"{BEATEN} beaten",
        APART: f"{APART} judged on other rows",
    }
    return "   ".join(text for mark, text in texts.items() if mark in marks)


def words_on(found: TradeOff, point: Point) -> tuple[str, str]:
    """Say in two lines what is under the cursor."""
    run = point.row.run
    seeds = f" (mean of {len(point.row.members)} seeds)" if len(point.row.members) > 1 else ""
    values = f"{found.y.name} {found.y.write(point.y)} · {found.x.name} {found.x.write(point.x)}"
    first = f"{HERE} {plain(name_of(run))}{seeds} · {plain(values)}"
    if point.mark == APART:
        return first, "judged on other rows than most of these: it beats none, and none beats it"
    if point.mark == FRONT:
        return first, "on the front: no other run is as good in both and better in one"
    better = found.beaten_by(point)
    front = [one for one in better if one.mark == FRONT]
    named = ", ".join(plain(name_of(one.row.run)) for one in front[:3])
    return first, f"beaten by {counted(len(better), 'run')}; on the front by {named}"


def front_section(found: TradeOff, cursor: Point | None, width: int) -> Section:
    """List the front, from left to right."""
    front = found.front
    sizes = [max(_VALUE, len(measure.name) + 2) for measure in (found.x, found.y)]
    room = max(8, width - sum(sizes) - 2)
    head = f"{'':<{room + 2}}{plain(found.x.name):>{sizes[0]}}{plain(found.y.name):>{sizes[1]}}"
    lines: list[Line] = [(Cell(head, "muted"),)]
    for point in front:
        here = point is cursor
        name = fit(plain(name_of(point.row.run)), room)
        values = f"{found.x.write(point.x):>{sizes[0]}}{found.y.write(point.y):>{sizes[1]}}"
        mark = Cell(f"{HERE if here else FRONT} ", "title" if here else "accent")
        lines.append((mark, Cell(name, "strong" if here else ""), Cell(values)))
    of = counted(len([one for one in found.points if one.mark != APART]), "run")
    return Section(f"Pareto front, {len(front)} of {of}", tuple(lines))


def step(found: TradeOff, cursor: Point, by: int, *, upward: bool) -> Point:
    """Go to the next point along an axis."""
    points = sorted(found.points, key=lambda one: (one.y, one.x)) if upward else found.points
    return points[max(0, min(len(points) - 1, points.index(cursor) + by))]
