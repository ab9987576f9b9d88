"""Round values for the axes of charts: 1, 2 or 5 times a power of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_STEPS = (1, 2, 5)
#: exponents between which numbers are written out; beyond them 1e+06 stands for 1,000,000
_SMALLEST, _LARGEST = -5, 7
#: narrower ranges are nothing: their steps would be denormal numbers
_LEAST = 1e-290


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Choose evenly spaced round values from `low` to `high`, `most` at the most.

    Parameters
    ----------
    most
        How many there is room for.

    Returns
    -------
    list of float
        From the lowest to the highest; a range of nothing has none.

    Examples
    --------
    >>> round_ticks(0.13, 0.47, 4)
    [0.2, 0.3, 0.4]
    >>> round_ticks(1, 20, 5)
    [5.0, 10.0, 15.0, 20.0]
    """
    width = high - low
    if not _LEAST < width < math.inf:
        return []
    exponent = math.floor(math.log10(width / max(1, most))) - 1
    for power in range(exponent, exponent + 4):
        for factor in _STEPS:
            first, last = _numbers(low, high, factor, power)
            if last - first < max(1, most):
                return [_times(number * factor, power) for number in range(first, last + 1)]
    return []


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Choose round values for a logarithmic axis: powers of ten, between them 2 and 5 if few.

    Parameters
    ----------
    low, high
        Above 0.
    most
        How many there is room for.

    Examples
    --------
    >>> log_ticks(0.002, 300, 6)
    [0.01, 0.1, 1.0, 10.0, 100.0]
    >>> log_ticks(0.3, 12, 6)
    [0.5, 1.0, 2.0, 5.0, 10.0]
    >>> log_ticks(1.0, 1e9, 4)
    [1.0, 1000.0, 1000000.0, 1000000000.0]
    >>> log_ticks(21, 38, 4)  # less than a step from 2 to 5: as on a linear axis
    [25.0, 30.0, 35.0]
    """
    if not _LEAST < low < high < math.inf:
        return []
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    powers = range(max(first, -300), min(last, 307) + 1)
    fine = [_times(factor, power) for power in powers for factor in _STEPS]
    fine = [value for value in fine if low <= value <= high]
    if len(fine) < 2:
        return round_ticks(low, high, most)
    if len(fine) <= max(1, most):
        return fine
    decades = [_times(1, power) for power in powers if low <= _times(1, power) <= high]
    apart = -(-len(decades) // max(1, most))
    return [value for value in decades if round(math.log10(value)) % apart == 0]


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """Write ticks of one axis alike: with as many decimals as the one that needs most.

    Examples
    --------
    >>> tick_texts([0.1, 0.15, 0.2])
    ['0.10', '0.15', '0.20']
    >>> tick_texts([0, 500_000, 1_000_000])
    ['0', '500k', '1M']
    >>> tick_texts([0.01, 1, 100])
    ['0.01', '1', '100']
    >>> tick_texts([1e-7, 2e-7])
    ['1e-07', '2e-07']
    """
    if not _even(ticks) or any(0 < abs(tick) < 10.0**_SMALLEST for tick in ticks):
        return [brief(tick) for tick in ticks]
    if max(map(abs, ticks), default=0) >= 10_000:
        short = [brief(tick) for tick in ticks]
        return short if len(set(short)) == len(ticks) else [f"{tick:,.0f}" for tick in ticks]
    decimals = max((_decimals(tick) for tick in ticks), default=0)
    return [f"{tick:.{decimals}f}" for tick in ticks]


def brief(value: float) -> str:
    """Write one round value as short as possible.

    Examples
    --------
    >>> [brief(value) for value in (0, 0.05, 250, 12_500, 2_000_000, 3e-9, 4e15)]
    ['0', '0.05', '250', '12.5k', '2M', '3e-09', '4e+15']
    """
    size = abs(value)
    if size >= 10_000:
        for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if unit <= size < 1000 * unit:
                return f"{value / unit:.6g}{name}"
    if value and not 10.0**_SMALLEST <= size < 10.0**_LARGEST:
        return f"{value:g}"
    return f"{value:.{_decimals(value)}f}"


def _even(ticks: Sequence[float]) -> bool:
    """Tell whether ticks are those of a linear axis."""
    apart = [after - before for before, after in pairwise(ticks)]
    if len(apart) == 1 and 0 < ticks[0] <= ticks[1] / 10:
        return False
    return not apart or max(apart) - min(apart) < 1e-6 * max(apart)


def _numbers(low: float, high: float, factor: int, power: int) -> tuple[int, int]:
    """Find the first and the last multiple of factor x 10^power in a range."""
    step = factor * 10.0**power
    slack = 1e-9  # 0.3 is 2.9999999999999996 times 0.1
    return math.ceil(low / step - slack), math.floor(high / step + slack)


def _times(number: int, power: int) -> float:
    """Return number x 10^power, without the error of a product."""
    return float(number * 10**power) if power >= 0 else number / 10**-power


def _decimals(value: float) -> int:
    """Count the decimals that a round value needs."""
    text = f"{value:.6g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return max(0, len(mantissa.partition(".")[2]) - int(exponent))
    return len(text.partition(".")[2])
