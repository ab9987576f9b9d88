"""Lines, bands and marks as braille dots: two columns and four rows of dots in every cell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

#: column and row of a dot, from the left and from the top
Dot = tuple[int, int]

#: bit of a dot by its column (0, 1) and row (0 at the top to 3) in the cell
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800
#: dots of a line that are drawn, again and again: solid, dashed, dotted, dash and dot
_DASHES = ((1,), (1, 1, 1, 1, 1, 0, 0, 0), (1, 0, 0), (1, 1, 1, 1, 0, 0, 1, 0, 0))
#: what belongs to no line: nothing, or the axes; the grid; the cursor
NO_LINE, GRID, CURSOR = -1, -2, -3
#: cells between two dots of the grid
_APART = 4


class Canvas:
    """Cells of dots; each has one look, that of what was drawn last."""

    def __init__(self, width: int, height: int) -> None:
        self.columns, self.rows = width * 2, height * 4
        self._cells = [[0] * width for _ in range(height)]
        self._looks = [[NO_LINE] * width for _ in range(height)]
        self._signs: dict[tuple[int, int], tuple[str, int]] = {}

    def band(self, low: Sequence[Dot], high: Sequence[Dot], look: int) -> None:
        """Fill what lies between two lines with few dots: another line can be seen in it."""
        lowest = dict(sorted(_joined(_thinned(low))))
        for x, top in sorted(_joined(_thinned(high)), reverse=True):
            for y in range(top, lowest.get(x, top) + 1):
                if (x + 2 * y) % 4 == 0:
                    self._dot(x, y, look)

    def line(self, dots: Sequence[Dot], look: int) -> None:
        """Draw a line in the dashes of its look."""
        for x, y in _dashed(_joined(_thinned(dots)), look):
            self._dot(x, y, look)

    def sign(self, dot: Dot, sign: str, look: int) -> None:
        """Put a character where a dot is."""
        self._signs[dot[1] // 4, dot[0] // 2] = sign, look

    def _dot(self, x: int, y: int, look: int) -> None:
        self._cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
        self._looks[y // 4][x // 2] = look

    def cells(
        self, grid: Collection[int] = (), cursor: int | None = None
    ) -> Iterator[tuple[list[str], list[int]]]:
        """Return the characters of each row and their looks.

        Parameters
        ----------
        grid
            Rows of cells with a dot here and there.
        cursor
            Column of cells with a line from top to bottom, behind all that is drawn.
        """
        for row, (bits, looks) in enumerate(zip(self._cells, self._looks, strict=True)):
            texts = [chr(_BLANK + each) if each else " " for each in bits]
            if row in grid:
                for column in range(_APART - 1, len(texts), _APART):
                    if not bits[column]:
                        texts[column], looks[column] = "·", GRID
            if cursor is not None and not bits[cursor]:
                texts[cursor], looks[cursor] = "│", CURSOR
            for (sign_row, column), (sign, look) in self._signs.items():
                if sign_row == row:
                    texts[column], looks[column] = sign, look
            yield texts, looks


def _thinned(dots: Sequence[Dot]) -> list[Dot]:
    """Keep of the dots of one column the first, the extremes and the last: spikes stay."""
    kept: list[Dot] = []
    for x, group in groupby(dots, key=lambda dot: dot[0]):
        ys = [y for _, y in group]
        few = dict.fromkeys((ys[0], min(ys), max(ys), ys[-1])) if len(ys) > 3 else ys
        kept += [(x, y) for y in few]
    return kept if kept[-1] == dots[-1] else [*kept, dots[-1]]


def _joined(dots: Sequence[Dot]) -> Iterator[Dot]:
    """Fill the gaps between dots, so that a line does not break."""
    x, y = dots[0]
    yield x, y
    for right, below in dots[1:]:
        steps = max(abs(right - x), abs(below - y))
        for step in range(1, steps + 1):
            yield x + round((right - x) * step / steps), y + round((below - y) * step / steps)
        x, y = right, below


def _dashed(dots: Iterator[Dot], look: int) -> Iterator[Dot]:
    dashes = _DASHES[look]
    length = len(dashes)
    for position, dot in enumerate(dots):
        if dashes[position % length]:
            yield dot
