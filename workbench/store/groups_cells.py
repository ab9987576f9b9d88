"""What a group's users say of a metric: value, interval, difference, and gaps between groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.names import bounds_of, higher_is_better
from recsys_core.evaluation.student import t_quantile, t_tails
from recsys_core.evaluation.tested import is_of_difference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: groups of fewer users are marked, and neither tested nor compared in gaps
SMALL = 30
#: a difference is more than chance below this corrected p-value
LEVEL = 0.05
#: relative to the values: below it a standard error is rounding
_ROUNDING = 1e-12
Bounds = tuple[float, float]
#: run id and metric
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """A metric of one run in one group.

    Parameters
    ----------
    value, interval
        None where nobody has a value, or fewer than two users.
    difference, difference_interval
        From the first run's; None for that run itself.
    p_value
        Of the paired test of the difference, corrected; None where there is no test.
    """

    value: float | None = None
    interval: Bounds | None = None
    difference: float | None = None
    difference_interval: Bounds | None = None
    p_value: float | None = None

    @property
    def sign(self) -> str:
        """``*`` more than chance, ``~`` not, empty where there is no test."""
        return "" if self.p_value is None else "*" if self.p_value < LEVEL else "~"


@dataclass(frozen=True, slots=True)
class Gap:
    """The distance between the groups with the largest and the smallest value.

    Parameters
    ----------
    largest, smallest
        Names of the groups.
    worst
        The one of the two for which the metric is worse.
    interval
        95 % for all pairs of `groups` groups together (Bonferroni, Welch), so that it holds
        although the two were chosen for their values.
    p_value
        Corrected in the same way.
    """

    value: float
    interval: Bounds
    p_value: float
    largest: str
    smallest: str
    worst: str
    groups: int

    @property
    def sign(self) -> str:
        """``*`` more than chance, ``~`` not."""
        return "*" if self.p_value < LEVEL else "~"


@dataclass(frozen=True, slots=True)
class Sample:
    """Users, ascending, and values of theirs whose mean is the metric, shape (n,) each."""

    users: NDArray[np.int64]
    values: NDArray[np.float64]


def mean_and_error(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and its standard error, which is 0 where all values are the same but for rounding."""
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread <= _ROUNDING * abs(mean):
        spread = 0.0
    return mean, spread / math.sqrt(len(values))


def cell_of(sample: Sample, base: Sample | None, *, tested: bool = True) -> Cell:
    """Describe a sample, and its difference from that of the first run.

    Parameters
    ----------
    tested
        Whether the group is large enough for a test.
    """
    import numpy as np

    if not len(sample.values) or np.isnan(sample.values).all():
        return Cell()
    if len(sample.values) == 1:
        cell = Cell(float(sample.values[0]))
    else:
        mean, error = mean_and_error(sample.values)
        cell = Cell(mean, _around(mean, error, len(sample.values) - 1))
    if base is None or not len(base.values) or np.isnan(base.values).all():
        return cell
    value, other = float(sample.values.mean()), float(base.values.mean())
    cell = replace(cell, difference=value - other)
    _, ours, theirs = np.intersect1d(
        sample.users, base.users, assume_unique=True, return_indices=True
    )
    pairs = sample.values[ours] - base.values[theirs]
    if len(pairs) < 2:
        return cell
    mean, error = mean_and_error(pairs)
    if not is_of_difference(mean, value, other):
        return cell
    cell = replace(cell, difference_interval=_around(mean, error, len(pairs) - 1))
    return replace(cell, p_value=_p(mean, error, len(pairs) - 1)) if tested else cell


def within(cell: Cell, bounds: Bounds) -> Cell:
    """Leave out of the interval what the metric cannot be.

    The true value is in the bounds whatever the interval is: as many intervals hold it as before.
    """
    if cell.interval is None:
        return cell
    low, high = cell.interval
    return replace(cell, interval=(max(low, bounds[0]), min(high, bounds[1])))


def cells_of(
    ids: Sequence[str],
    metrics: Sequence[str],
    samples: Sequence[Mapping[str, Sample]],
    *,
    tested: bool,
) -> dict[Key, Cell]:
    """Describe the samples of runs in some metrics; differences are from the first run's."""
    first = samples[0]
    return {
        (run_id, metric): within(
            cell_of(mine[metric], first.get(metric) if place else None, tested=tested),
            bounds_of(metric),
        )
        for place, (run_id, mine) in enumerate(zip(ids, samples, strict=True))
        for metric in metrics
        if metric in mine
    }


def _around(mean: float, error: float, freedom: float, tails: float = 0.05) -> Bounds:
    margin = error and t_quantile(freedom, tails) * error
    return mean - margin, mean + margin


def _p(mean: float, error: float, freedom: float) -> float:
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return t_tails(mean / error, freedom)


def corrected(cells: Sequence[Cell]) -> list[Cell]:
    """Correct the p-values of a family by Holm's method."""
    p_values = holm([math.nan if cell.p_value is None else cell.p_value for cell in cells])
    return [
        cell if math.isnan(p_value) else replace(cell, p_value=p_value)
        for cell, p_value in zip(cells, p_values, strict=True)
    ]


def over_runs(
    cells: dict[Key, Cell], metrics: Sequence[str], ids: Sequence[str]
) -> dict[Key, Cell]:
    """Correct each metric over the runs."""
    for metric in metrics:
        keys = [(run_id, metric) for run_id in ids if (run_id, metric) in cells]
        cells.update(zip(keys, corrected([cells[key] for key in keys]), strict=True))
    return cells


def gap_of(metric: str, samples: Sequence[tuple[str, Sample]]) -> Gap | None:
    """Compare the groups with the largest and the smallest value; None of fewer than two.

    Parameters
    ----------
    samples
        By name of the group; a user is in one of them at most.
    """
    found = [
        (name, *mean_and_error(sample.values), len(sample.values))
        for name, sample in samples
        if len(sample.values) >= SMALL
    ]
    found = [one for one in found if not math.isnan(one[1])]
    if len(found) < 2:
        return None
    largest = max(found, key=lambda one: one[1])
    smallest = min(found, key=lambda one: one[1])
    pairs = len(list(combinations(found, 2)))
    gap = largest[1] - smallest[1]
    parts = [(error**2, n - 1) for _, _, error, n in (largest, smallest)]
    variance = sum(part for part, _ in parts)
    # Welch's degrees of freedom (Biometrika 1947)
    freedom = variance and variance**2 / sum(part**2 / free for part, free in parts)
    interval = _around(gap, math.sqrt(variance), freedom, 0.05 / pairs)
    p_value = min(1.0, pairs * _p(gap, math.sqrt(variance), freedom))
    worst = smallest if higher_is_better(metric) else largest
    return Gap(gap, interval, p_value, largest[0], smallest[0], worst[0], len(found))
