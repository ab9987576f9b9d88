"""Correction of p-values for multiple comparisons; plain Python, which any process can afford."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple comparisons (Holm, Scand. J. Statist. 1979).

    The i-th smallest of m is multiplied by m - i + 1; the results never fall again and end at 1.
    NaN stays NaN and is not counted.

    Returns
    -------
    In the given order.
    """
    adjusted = [float(value) for value in p_values]
    defined = [place for place, value in enumerate(adjusted) if not isnan(value)]
    highest = 0.0
    for rank, place in enumerate(sorted(defined, key=adjusted.__getitem__)):
        highest = max(highest, adjusted[place] * (len(defined) - rank))
        adjusted[place] = min(1.0, highest)
    return adjusted
