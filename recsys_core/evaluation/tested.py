"""Which test may stand beside a difference; plain Python, which any process can afford."""

from __future__ import annotations

from collections.abc import Sequence

#: relative to the values, what sums in another order may differ by
_ROUNDING = 1e-9


def is_of_difference(mean: float, value: float, base: float) -> bool:
    """Tell whether a mean over users is the difference that is shown, ``value - base``.

    It is not where a run of an earlier version stored users' values without their weights.
    """
    return abs(mean - (value - base)) <= _ROUNDING * max(1.0, abs(value), abs(base))


def untested_note(metrics: Sequence[str]) -> str:
    """Say why differences have no interval and no p-value, although there are users' values."""
    several = len(metrics) > 1
    return (
        f"{', '.join(metrics)}: {'differences are' if several else 'the difference is'} not tested,"
        " because the users' values of a run do not average to its metric: an earlier version did"
        " not say what each user weighs; judge that run again for an interval:"
        " recsys-workbench train, eval or score, with --fresh."
    )
