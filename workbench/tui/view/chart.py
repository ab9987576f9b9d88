"""Line charts of braille dots: two columns and four rows of dots in every cell."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.tui.view import format as show

#: bit of a dot by its column (0, 1) and row (0 at the top to 3) in the cell
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800


def draw_line(values: Sequence[float], width: int, height: int) -> list[str]:
    """Draw `values`, evenly spaced, as a line that fills `width` x `height` cells.

    Returns
    -------
    list of str
        `height` lines of `width` characters; the largest value is at the top.
    """
    cells = [[0] * width for _ in range(height)]
    for x, y in _points(values, width * 2, height * 4):
        cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
    return ["".join(chr(_BLANK + bits) if bits else " " for bits in line) for line in cells]


def _points(values: Sequence[float], columns: int, rows: int) -> list[tuple[int, int]]:
    """List the dots of the line; steep parts are filled so that the line does not break."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points: list[tuple[int, int]] = []
    before: int | None = None
    for x in range(columns):
        position = x / max(1, columns - 1) * (len(values) - 1)
        left = int(position)
        right = min(left + 1, len(values) - 1)
        value = values[left] + (values[right] - values[left]) * (position - left)
        y = round((high - value) / span * (rows - 1)) if high > low else rows // 2
        step = 1 if before is None or y >= before else -1
        start = y if before is None or y == before else before + step
        points += [(x, between) for between in range(start, y + step, step)]
        before = y
    return points


def draw_chart(title: str, values: Sequence[float], width: int, height: int) -> list[str]:
    """Draw a titled chart with the range of the values at its left and the epochs below.

    Returns
    -------
    list of str
        ``height + 3`` lines of at most `width` characters.
    """
    top, bottom = show.quantity(max(values)), show.quantity(min(values))
    margin = max(len(top), len(bottom))
    inner = max(4, width - margin - 1)
    lines = draw_line(values, inner, height)
    labels = [top, *[""] * (height - 2), bottom] if height > 1 else [top]
    body = [
        f"{label:>{margin}}{'┤' if label else '│'}{line}"
        for label, line in zip(labels, lines, strict=True)
    ]
    last = f"epoch {len(values)}"
    axis = " " * margin + "└" + "─" * inner
    return [title, *body, axis, f"{'1':>{margin + 2}}{last:>{inner - 1}}"]
