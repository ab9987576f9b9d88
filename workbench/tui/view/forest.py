"""Differences with their intervals as bars on one scale, the forest of `compare --plot`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: a difference that is significant, one that may be chance (as on the picture), one without a test
SURE, MAYBE, UNTESTED = "●", "○", "◇"
#: one whose test is not made yet; where a bar does not cross it, the line of 0
PENDING, ZERO = "·", "│"
#: what is left free at either end, as a share of the range
_MARGIN = 0.04


@dataclass(frozen=True, slots=True)
class Scale:
    """What the cells of a bar stand for; 0 is always among them."""

    low: float
    high: float
    width: int

    @classmethod
    def around(cls, values: Iterable[float], width: int) -> Scale:
        """Choose the least and the greatest value; of nothing but zeros there is a range, too."""
        known = [0.0, *values]
        low, high = min(known), max(known)
        margin = (high - low) * _MARGIN or 1.0
        return cls(low - margin, high + margin, width)

    def cell(self, value: float) -> int:
        """Find the cell of a value."""
        place = int((value - self.low) / (self.high - self.low) * self.width)
        return max(0, min(self.width - 1, place))

    def axis(self) -> str:
        """Write the ends and the 0, as far as they do not touch.

        Examples
        --------
        >>> Scale(-0.04, 0.02, 30).axis()
        '-0.04               0    +0.02'
        """
        left, right, zero = f"{self.low:+.2g}", f"{self.high:+.2g}", self.cell(0.0)
        cells = [" "] * self.width
        cells[zero] = "0"
        if len(left) < zero:
            cells[: len(left)] = left
        if zero + len(right) + 1 < self.width:
            cells[-len(right) :] = right
        return "".join(cells)

    def bar(self, mark: str, value: float, interval: tuple[float, float] | None) -> str:
        """Draw a difference, its interval where there is one, and the line of 0.

        Examples
        --------
        >>> scale = Scale(-10, 10, 21)
        >>> scale.bar(SURE, 5, (3, 8))
        '          │  ├─●──┤  '
        >>> scale.bar(MAYBE, 2, (-2, 6))
        '        ├─┼─○───┤    '
        >>> scale.bar(UNTESTED, -4, None)
        '      ◇   │          '
        """
        cells = [" "] * self.width
        zero = self.cell(0.0)
        cells[zero] = ZERO
        if interval is not None:
            first, last = map(self.cell, interval)
            cells[first : last + 1] = "─" * (last + 1 - first)
            cells[first], cells[last] = "├", "┤"
            if first < zero < last:
                cells[zero] = "┼"
        cells[self.cell(value)] = mark
        return "".join(cells)
