"""Scatter plots: points on two axes, each linear, logarithmic or of names, with round ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len

from workbench.tui.view.chart import Piece
from workbench.tui.view.format import fit
from workbench.tui.view.ticks import log_ticks, round_ticks, tick_texts

#: bit of a braille dot by its column and row in the cell, and the cell without any
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800
#: ticks of an axis, however long or short it is; lines per tick of y, cells per tick of x
_FEWEST_TICKS, _MOST_TICKS, _LINES, _CELLS = 3, 6, 3, 9
#: cells between two labels of x, and between two names
_BETWEEN, _BETWEEN_NAMES = 2, 1


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a scatter plot.

    Parameters
    ----------
    look
        Which of the four colours it has.
    mark
        A character that fills its cell; empty: one braille dot, eight of which fit a cell.
    """

    x: float
    y: float
    look: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """How one axis is.

    Parameters
    ----------
    log
        Logarithmic; points that are not positive there are left out.
    names
        The axis has these names at 0, 1, 2, … instead of numbers.
    """

    log: bool = False
    names: tuple[str, ...] = ()

    def place(self, value: float) -> float:
        """Return where on the axis a value is; NaN where it has no place."""
        if self.log:
            return math.log10(value) if 0 < value < math.inf else math.nan
        return value if math.isfinite(value) else math.nan


LINEAR = Scale()


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis over so many cells: the range of places, and the ticks (place, text)."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    @classmethod
    def over(cls, places: Sequence[float], scale: Scale, most: int) -> _Axis:
        low, high = min(places), max(places)
        if scale.names:
            low, high = -0.5, len(scale.names) - 0.5
            return cls(low, high, tuple((float(n), name) for n, name in enumerate(scale.names)))
        values = (10**low, 10**high) if scale.log else (low, high)
        ticks = _ticks(*values, most, log=scale.log)
        placed = zip(map(scale.place, ticks), tick_texts(ticks), strict=True)
        return cls(low, high, tuple(placed))

    def share(self, place: float) -> float:
        """Tell how far along the axis a place is, 0 to 1; a range of nothing is in the middle."""
        wide = self.high - self.low
        return (place - self.low) / wide if 0 < wide < math.inf else 0.5


def draw_scatter(
    dots: Sequence[Dot], width: int, height: int, x: Scale = LINEAR, y: Scale = LINEAR
) -> list[list[Piece]]:
    """Draw points; of those that share a cell the last one gives it its colour and mark.

    Returns
    -------
    list of lines
        `height` lines of `width` cells in pieces; at least 5 x 16 cells are needed. The last two
        are the x axis and its labels. Without a point that can be drawn all are blank.
    """
    places = [(x.place(dot.x), y.place(dot.y), dot) for dot in dots]
    found = [each for each in places if math.isfinite(each[0]) and math.isfinite(each[1])]
    if not found:
        return [[Piece(" " * width)] for _ in range(height)]
    rows = max(1, height - 2)
    most = max(_FEWEST_TICKS, min(_MOST_TICKS, rows // _LINES))
    down = _Axis.over([place for _, place, _ in found], y, most)
    margin = min(max(cell_len(text) for _, text in down.ticks), max(1, width // 3))
    columns = max(2, width - margin - 1)
    most = max(_FEWEST_TICKS, min(_MOST_TICKS, columns // _CELLS))
    across = _Axis.over([place for place, _, _ in found], x, most)
    cells = [[" "] * columns for _ in range(rows)]
    looks = [[-1] * columns for _ in range(rows)]
    for right, up, dot in found:
        column = _column(across.share(right), columns)
        line = _line(down.share(up), rows)
        _set(cells, column, line, dot.mark)
        looks[line // 4][column // 2] = dot.look
    labels = {_line(down.share(place), rows) // 4: text for place, text in down.ticks}
    body = [
        [Piece(_left(labels.get(row, ""), margin)), *_pieces(cells[row], looks[row])]
        for row in range(rows)
    ]
    ruler, texts = _below(across, columns)
    return [*body, [Piece(f"{' ' * margin}└{ruler}")], [Piece(f"{' ' * (margin + 1)}{texts}")]]


def _column(share: float, columns: int) -> int:
    """Find the column of dots at a share of the width."""
    return round(share * (columns * 2 - 1))


def _line(share: float, rows: int) -> int:
    """Find the line of dots, counted from the top, at a share of the height."""
    return round((1 - share) * (rows * 4 - 1))


def _ticks(low: float, high: float, most: int, *, log: bool) -> list[float]:
    """Choose ticks: rather a few too many than one alone, which tells no distances."""
    choose = log_ticks if log else round_ticks
    found = [choose(low, high, most + more) for more in range(3)]
    return next((ticks for ticks in found if len(ticks) > 1), found[0] or [low])


def _set(cells: list[list[str]], column: int, line: int, mark: str) -> None:
    """Put a mark into a cell, or one more dot; a mark that is there stays."""
    row, place = cells[line // 4], column // 2
    before = row[place]
    if mark:
        row[place] = mark
    elif before == " " or _BLANK <= ord(before) < _BLANK + 256:
        bits = 0 if before == " " else ord(before) - _BLANK
        row[place] = chr(_BLANK + (bits | _BITS[column % 2][line % 4]))


def _left(label: str, margin: int) -> str:
    return f"{fit(label, margin, right=True)}{'┤' if label else '│'}"


def _pieces(cells: Sequence[str], looks: Sequence[int]) -> list[Piece]:
    """Put neighbours of one colour together."""
    return [
        Piece("".join(cell for cell, _ in group), look)
        for look, group in groupby(zip(cells, looks, strict=True), lambda pair: pair[1])
    ]


def _below(axis: _Axis, columns: int) -> tuple[str, str]:
    """Draw the x axis and its labels, as many as do not touch; names are cut to their room."""
    line, texts, end = ["─"] * columns, "", 0
    named = axis.high - axis.low == len(axis.ticks)
    room = max(1, columns // max(1, len(axis.ticks)) - 1) if named else columns
    for place, text in axis.ticks:
        text = text if cell_len(text) <= room else fit(text, room)
        centre = _column(axis.share(place), columns) // 2
        start = max(0, min(centre - cell_len(text) // 2, columns - cell_len(text)))
        if texts and start < end + (_BETWEEN_NAMES if named else _BETWEEN):
            continue
        line[centre] = "┴"
        texts += " " * (start - end) + text
        end = start + cell_len(text)
    return "".join(line), fit(texts, columns)
