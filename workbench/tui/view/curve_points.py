"""Points of curves: those of many put together, seeds put together, the value at an x."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from statistics import fmean

from workbench.tui.view.chart import Point, Range

#: parts that many points are cut into, and how many points a part has where that is worth it
_PARTS, _FEW = 400, 8
_y = itemgetter(1)


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


def thinned_band(band: Sequence[Range]) -> Sequence[Range]:
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
