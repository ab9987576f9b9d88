"""Line charts in a box: round ticks, a light grid, lines, bands, what is marked, a cursor."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from workbench.tui.view import format as show
from workbench.tui.view.braille import NO_LINE, Canvas, Dot
from workbench.tui.view.ticks import log_ticks, round_ticks, tick_texts

Point = tuple[float, float]
#: x, lowest and highest value there
Range = tuple[float, float, float]

#: sign at the end of a line; with the dashes it tells lines apart where there are no colours
MARKERS = "●▲■◆"
#: sign on a line at the x that is marked
KEPT = "✦"
#: cells that a tick of the x axis has, and at least
_TICK_CELLS, _CLOSE_CELLS = 7, 4


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart.

    Parameters
    ----------
    points
        (x, y), from left to right; what is not finite (or not positive on a logarithmic axis) is
        left out.
    look
        Which of the four dashes, markers and colours it has.
    band
        What the line is the middle of.
    mark
        The x of a point that is marked.
    """

    points: Sequence[Point]
    look: int = 0
    band: Sequence[Range] = ()
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Axes:
    """How the axes of a chart are.

    Parameters
    ----------
    log
        Logarithmic y axis.
    number
        Writes the values at the y axis; None: as short as they tell the ticks apart.
    ends
        What stands at the ends of the x axis; None: round values.
    unit
        What x counts; stands behind its last value.
    span
        The range of x; None: that of the points.
    cursor
        The x of a line from top to bottom.
    margin
        Cells at the left of the plot that are kept for the values.
    """

    log: bool = False
    number: Callable[[float], str] | None = None
    ends: tuple[str, str] | None = None
    unit: str = ""
    span: tuple[float, float] | None = None
    cursor: float | None = None
    margin: int = 0


#: both linear, with their ranges
PLAIN = Axes()


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters that belong to one line (`look`), to the axes (-1), the grid or the cursor."""

    text: str
    look: int = NO_LINE


def smoothed(points: Sequence[Point], weight: float) -> list[Point]:
    """Average each value with those before it, which weigh `weight` less a step further back.

    Divided by the sum of the weights, so the beginning does not lean to 0.

    Examples
    --------
    >>> smoothed([(1, 4.0), (2, 1.0)], 0.5)  # (1 + .5 * 4) / (1 + .5)
    [(1, 4.0), (2, 2.0)]
    """
    found: list[Point] = []
    total = share = 0.0
    for x, y in points:
        if math.isfinite(y):
            total, share = y + weight * total, 1 + weight * share
            found.append((x, total / share))
    return found


def draw_plot(
    series: Sequence[Series], width: int, height: int, axes: Axes = PLAIN
) -> list[list[Piece]]:
    """Draw lines over common axes: the values of y at the left, those of x below.

    Parameters
    ----------
    series
        The last one lies on top.

    Returns
    -------
    list of lines
        `height` lines of `width` cells in pieces; at least 4 x 12 cells are needed for a line.
    """
    drawn = [_usable(line, axes.log) for line in series]
    box = _Box.around(drawn, axes.span)
    if box is None:
        return [[Piece(" " * width)] for _ in range(height)]
    rows = max(1, height - 2)
    values = _values(box, rows, axes)
    margin = max(axes.margin, *map(len, values.values()))
    inner = max(4, width - margin - 1)
    body = [
        [Piece(f"{values.get(row, ''):>{margin}}{'┤' if row in values else '│'}"), *line]
        for row, line in enumerate(_lines(drawn, box, inner, rows, values.keys(), axes))
    ]
    ticks, texts = _below(box, inner, axes)
    return [
        *body,
        [Piece(f"{' ' * margin}└{ticks}")],
        [Piece(f"{' ' * (margin + 1)}{texts}")],
    ]


def x_of(
    column: int, lines: Sequence[Sequence[Piece]], series: Sequence[Series], axes: Axes
) -> float | None:
    """Find the x of a column of a plot that was drawn; None beside it."""
    box = _Box.around([_usable(line, axes.log) for line in series], axes.span)
    if box is None or not lines:
        return None
    margin, width = len(lines[0][0].text), sum(len(piece.text) for piece in lines[0])
    share = (column - margin) / max(1, width - margin - 1)
    return box.left + share * (box.right - box.left) if 0 <= share <= 1 else None


@dataclass(frozen=True, slots=True)
class _Box:
    """The ranges of both axes."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def around(cls, series: Sequence[Series], span: tuple[float, float] | None) -> _Box | None:
        points = [point for line in series for point in line.points]
        if not points:
            return None
        xs = [x for x, _ in points] + list(span or ())
        ys = [y for _, y in points]
        ys += [y for line in series for _, low, high in line.band for y in (low, high)]
        return cls(min(xs), max(xs), min(ys), max(ys))

    def column(self, x: float, columns: int) -> int:
        return _spread([x], self.left, self.right, columns - 1)[0]

    def dots(self, points: Sequence[Point], canvas: Canvas) -> list[Dot]:
        """Find the dot of every point; a range of nothing runs through the middle."""
        columns, rows = canvas.columns - 1, canvas.rows - 1
        middle = 0 if self.top - self.bottom else canvas.rows // 2
        xs = _spread([x for x, _ in points], self.left, self.right, columns)
        ys = _spread([-y for _, y in points], -self.top, -self.bottom, rows)
        return [(x, y + middle) for x, y in zip(xs, ys, strict=True)]


def _spread(values: Sequence[float], low: float, high: float, most: int) -> list[int]:
    """Map a range to whole numbers from 0 to `most`; one of nothing, or without end, to 0."""
    whole = high - low
    if not 0 < whole < math.inf:
        return [0] * len(values)
    # divided: what is too small or too large has no reciprocal
    return [round((value - low) / whole * most) for value in values]


def _usable(series: Series, log: bool) -> Series:
    """Leave out what cannot be drawn; on a logarithmic axis take the logarithms."""
    least = 0.0 if log else -math.inf
    scale: Callable[[float], float] = math.log10 if log else float
    points = [(x, scale(y)) for x, y in series.points if least < y < math.inf]
    band = [(x, scale(a), scale(b)) for x, a, b in series.band if least < a <= b < math.inf]
    return Series(points, series.look, band, series.mark)


def _edge(value: float) -> str:
    """Write the end of a range, without the zeros that say nothing.

    Examples
    --------
    >>> _edge(92.9), _edge(0.4123), _edge(2500.0), _edge(30.0)
    ('92.9', '0.4123', '2,500', '30')
    """
    text = show.quantity(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _values(box: _Box, rows: int, axes: Axes) -> dict[int, str]:
    """Choose what stands at the left, by row: round values, else what the range is."""
    bottom, top = (10**box.bottom, 10**box.top) if axes.log else (box.bottom, box.top)
    write = axes.number or _edge
    if not bottom < top:
        return {rows // 2: write(top)}
    choose = log_ticks if axes.log else round_ticks
    most = max(2, rows // 3 + 1)
    ticks = choose(bottom, top, most)
    if len(ticks) < 2:  # a bit closer to each other
        ticks = choose(bottom, top, max(most, rows))
    if len(ticks) < 2:
        return {0: write(top), rows - 1: write(bottom)} if rows > 1 else {0: write(top)}
    texts = [axes.number(tick) for tick in ticks] if axes.number else tick_texts(ticks)
    found: dict[int, str] = {}
    for tick, text in zip(ticks, texts, strict=True):
        y = math.log10(tick) if axes.log else tick
        row = _spread([-y], -box.top, -box.bottom, rows * 4 - 1)[0] // 4
        found.setdefault(row, text)
    return found


def _below(box: _Box, inner: int, axes: Axes) -> tuple[str, str]:
    """Draw the x axis and what stands below it."""
    line = ["─"] * inner
    if axes.cursor is not None:
        line[box.column(axes.cursor, inner * 2) // 2] = "┴"
    if axes.ends is not None or not box.right > box.left:
        first, last = axes.ends or (f"{box.left:,g}", "")
        text = f"{first} {last:>{max(0, inner - len(first) - 1)}}" if last else first
        return "".join(line), f"{text[:inner]:<{inner}}"
    ticks = [(box.column(x, inner * 2) // 2, text) for x, text in _x_ticks(box, inner)]
    texts, columns = _placed(ticks, inner, axes.unit)
    if len(columns) < 2:  # the ticks say more than what they count, which the legend says, too
        texts, columns = _placed(ticks, inner, "")
    for column in columns:
        line[column] = "┬" if line[column] == "─" else line[column]
    return "".join(line), texts


def _placed(ticks: Sequence[tuple[int, str]], inner: int, unit: str) -> tuple[str, list[int]]:
    """Write ticks below their columns as far as there is room, with the unit at the end."""
    room, columns = [" "] * inner, []
    if len(unit) < inner:
        room[inner - len(unit) :] = unit
    for column, text in ticks:
        start = min(max(0, column - len(text) // 2), inner - len(text))
        if start >= 0 and not "".join(room[max(0, start - 1) : start + len(text) + 1]).strip():
            room[start : start + len(text)] = text
            columns.append(column)
    return "".join(room), columns


def _x_ticks(box: _Box, inner: int) -> list[tuple[float, str]]:
    """Choose round values of x, or its range where that has fewer than two.

    Between whole numbers they are whole: there is no half an epoch.
    """
    whole = box.left == int(box.left) and box.right == int(box.right)
    for cells in (_TICK_CELLS, _CLOSE_CELLS):
        ticks = round_ticks(box.left, box.right, max(2, inner // cells))
        ticks = [tick for tick in ticks if tick == int(tick) or not whole]
        if len(ticks) > 1:
            return list(zip(ticks, tick_texts(ticks), strict=True))
    return [(x, f"{x:,g}") for x in (box.left, box.right)]


def _lines(
    series: Sequence[Series], box: _Box, width: int, height: int, grid: Collection[int], axes: Axes
) -> list[list[Piece]]:
    """Draw every line into one canvas and cut the rows into pieces of one look."""
    canvas = Canvas(width, height)
    for line in series:
        if line.band:
            low = box.dots([(x, low) for x, low, _ in line.band], canvas)
            high = box.dots([(x, high) for x, _, high in line.band], canvas)
            canvas.band(low, high, line.look)
    ends: list[tuple[Dot, Series]] = []
    for line in filter(lambda line: line.points, series):
        dots = box.dots(line.points, canvas)
        canvas.line(dots, line.look)
        ends.append((dots[-1], line))
    for end, line in ends:
        if len(series) > 1:
            canvas.sign(end, MARKERS[line.look], line.look)
        marked = [point for point in line.points if point[0] == line.mark]
        for dot in box.dots(marked, canvas):
            canvas.sign(dot, KEPT, line.look)
    cursor = None if axes.cursor is None else box.column(axes.cursor, width * 2) // 2
    rows = canvas.cells(grid, cursor)
    return [_pieces(texts, looks) for texts, looks in rows]


def _pieces(texts: Sequence[str], looks: Sequence[int]) -> list[Piece]:
    pieces, start = [], 0
    for look, group in groupby(looks):
        end = start + sum(1 for _ in group)
        pieces.append(Piece("".join(texts[start:end]), look))
        start = end
    return pieces


def draw_line(values: Sequence[float], width: int, height: int) -> list[str]:
    """Draw `values`, evenly spaced, as a line that fills `width` x `height` cells.

    Returns
    -------
    list of str
        `height` lines of `width` characters; the largest value is at the top.
    """
    points = list(enumerate(values if len(values) > 1 else [*values] * 2))
    series = [Series(points)]
    box = _Box.around(series, None)
    assert box is not None, "there is a value"
    lines = _lines(series, box, width, height, (), PLAIN)
    return ["".join(piece.text for piece in line) for line in lines]


def draw_chart(
    title: str, points: Sequence[Point], width: int, height: int, unit: str
) -> list[str]:
    """Draw a titled chart of one line with the range of the values at its left, that of x below.

    Parameters
    ----------
    unit
        What x counts.

    Returns
    -------
    list of str
        ``height + 3`` lines of at most `width` characters.
    """
    plot = draw_plot([Series(points)], width, height + 2, Axes(unit=unit))
    return [title, *("".join(piece.text for piece in line) for line in plot)]
