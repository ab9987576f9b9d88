"""Line charts of braille dots: two columns and four rows of dots in every cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from workbench.tui.view import format as show

Point = tuple[float, float]

#: bit of a dot by its column (0, 1) and row (0 at the top to 3) in the cell
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800
#: dots of a line that are drawn, again and again: solid, dashed, dotted, dash and dot
_DASHES = ((1,), (1, 1, 1, 1, 1, 0, 0, 0), (1, 0, 0), (1, 1, 1, 1, 0, 0, 1, 0, 0))
#: sign at the end of a line; with the dashes it tells lines apart where there are no colours
MARKERS = "●▲■◆"


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
    """

    points: Sequence[Point]
    look: int = 0


@dataclass(frozen=True, slots=True)
class Axes:
    """How the axes of a chart are.

    Parameters
    ----------
    log
        Logarithmic y axis.
    number
        Writes the values at the y axis.
    ends
        What stands at the ends of the x axis; None: its range.
    unit
        What x counts; stands before its last value.
    """

    log: bool = False
    number: Callable[[float], str] = show.quantity
    ends: tuple[str, str] | None = None
    unit: str = ""


#: both linear, with their ranges
PLAIN = Axes()


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters that belong to one line (`look`), or to none (-1)."""

    text: str
    look: int = -1


def smoothed(points: Sequence[Point], weight: float) -> list[Point]:
    """Average each value with those before it, which weigh `weight` less a step further back.

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
    """Draw lines over common axes: the range of y at the left, that of x below.

    Parameters
    ----------
    series
        The last one lies on top.

    Returns
    -------
    list of lines
        `height` lines of `width` cells in pieces; at least 4 x 12 cells are needed for a line.
    """
    drawn = [Series(_usable(line.points, axes.log), line.look) for line in series]
    points = [point for line in drawn for point in line.points]
    if not points:
        return [[Piece(" " * width)] for _ in range(height)]
    box = _Box.around(points)
    labels = [axes.number(_shown(value, axes.log)) for value in (box.top, box.bottom)]
    margin = max(map(len, labels))
    inner, rows = max(4, width - margin - 1), max(1, height - 2)
    lines = _lines(drawn, box, inner, rows)
    left = [labels[0], *[""] * (rows - 2), labels[1]] if rows > 1 else labels[:1]
    body = [
        [Piece(f"{label:>{margin}}{'┤' if label else '│'}"), *line]
        for label, line in zip(left, lines, strict=True)
    ]
    first, last = axes.ends or (f"{box.left:,g}", f"{axes.unit} {box.right:,g}".strip())
    ticks = f"{first} {last:>{max(0, inner - len(first) - 1)}}" if box.right > box.left else first
    return [
        *body,
        [Piece(f"{' ' * margin}└{'─' * inner}")],
        [Piece(f"{' ' * (margin + 1)}{ticks[:inner]:<{inner}}")],
    ]


@dataclass(frozen=True, slots=True)
class _Box:
    """The ranges of both axes."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def around(cls, points: Sequence[Point]) -> _Box:
        xs, ys = zip(*points, strict=True)
        return cls(min(xs), max(xs), min(ys), max(ys))

    def dots(self, points: Sequence[Point], columns: int, rows: int) -> list[tuple[int, int]]:
        """Find the dot of every point; a range of nothing runs through the middle."""
        wide, tall = self.right - self.left, self.top - self.bottom
        middle = 0 if tall else rows // 2
        return [
            (
                round(_share(x - self.left, wide) * (columns - 1)),
                round(_share(self.top - y, tall) * (rows - 1)) + middle,
            )
            for x, y in points
        ]


def _share(part: float, whole: float) -> float:
    """Divide, also what is too small or too large for the quotient's reciprocal."""
    return part / whole if 0 < whole < math.inf else 0.0


def _usable(points: Sequence[Point], log: bool) -> list[Point]:
    if log:
        return [(x, math.log10(y)) for x, y in points if y > 0 and math.isfinite(y)]
    return [(x, y) for x, y in points if math.isfinite(y)]


def _shown(value: float, log: bool) -> float:
    return 10**value if log else value


def _lines(series: Sequence[Series], box: _Box, width: int, height: int) -> list[list[Piece]]:
    """Draw every line into one grid of cells and cut the rows into pieces of one look."""
    cells = [[0] * width for _ in range(height)]
    looks = [[-1] * width for _ in range(height)]
    ends: list[tuple[int, int, int]] = []
    for line in series:
        if not line.points:
            continue
        dots = _thinned(box.dots(line.points, width * 2, height * 4))
        for x, y in _dashed(_joined(dots), line.look):
            cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
            looks[y // 4][x // 2] = line.look
        ends.append((dots[-1][0] // 2, dots[-1][1] // 4, line.look))
    texts = [[chr(_BLANK + bits) if bits else " " for bits in row] for row in cells]
    if len(series) > 1:
        for column, row, look in ends:
            texts[row][column], looks[row][column] = MARKERS[look], look
    return [_pieces(text, look) for text, look in zip(texts, looks, strict=True)]


def _pieces(texts: Sequence[str], looks: Sequence[int]) -> list[Piece]:
    pieces, start = [], 0
    for look, group in groupby(looks):
        end = start + sum(1 for _ in group)
        pieces.append(Piece("".join(texts[start:end]), look))
        start = end
    return pieces


def _thinned(dots: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Keep of the dots of one column the first, the extremes and the last: spikes stay."""
    kept: list[tuple[int, int]] = []
    for x, group in groupby(dots, key=lambda dot: dot[0]):
        ys = [y for _, y in group]
        few = dict.fromkeys((ys[0], min(ys), max(ys), ys[-1])) if len(ys) > 3 else ys
        kept += [(x, y) for y in few]
    return kept if kept[-1] == dots[-1] else [*kept, dots[-1]]


def _joined(dots: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Fill the gaps between dots, so that a line does not break."""
    x, y = dots[0]
    yield x, y
    for right, below in dots[1:]:
        steps = max(abs(right - x), abs(below - y))
        for step in range(1, steps + 1):
            yield x + round((right - x) * step / steps), y + round((below - y) * step / steps)
        x, y = right, below


def _dashed(dots: Iterator[tuple[int, int]], look: int) -> Iterator[tuple[int, int]]:
    dashes = _DASHES[look]
    length = len(dashes)
    for position, dot in enumerate(dots):
        if dashes[position % length]:
            yield dot


def draw_line(values: Sequence[float], width: int, height: int) -> list[str]:
    """Draw `values`, evenly spaced, as a line that fills `width` x `height` cells.

    Returns
    -------
    list of str
        `height` lines of `width` characters; the largest value is at the top.
    """
    points = list(enumerate(values if len(values) > 1 else [*values] * 2))
    lines = _lines([Series(points)], _Box.around(points), width, height)
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
