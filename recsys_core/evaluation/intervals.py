"""95 % percentile-bootstrap intervals over users (Efron, Ann. Statist. 1979)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from recsys_core.evaluation.result import Vector

#: intervals do not change with the model's seed
SEED = 0
MEAN_RESAMPLES = 1000
BLOCK_DRAWS = 4_000_000


def resamples(n_users: int, n: int) -> Iterator[NDArray[np.float64]]:
    """Draw `n` bootstrap resamples of the users with replacement, in blocks.

    Yields
    ------
    Shape (some, n_users): how often each user was drawn in each resample.
    """
    rng = np.random.default_rng(SEED)
    block = max(1, BLOCK_DRAWS // max(n_users, 1))
    for start in range(0, n, block):
        rows = min(block, n - start)
        counts = np.empty((rows, n_users))
        for row in counts:  # one by one, in the cache; the numbers are those drawn all at once
            row[:] = np.bincount(rng.integers(n_users, size=n_users), minlength=n_users)
        yield counts


def percentile_interval(values: Vector) -> tuple[float, float]:
    """Take the 2.5 % and 97.5 % points of resampled values; NaN when none is defined."""
    values = values[~np.isnan(values)]
    if len(values) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def mean_intervals(user_metrics: Mapping[str, Vector]) -> dict[str, tuple[float, float]]:
    """Compute the interval of each metric's mean over users; NaN users are left out of it.

    All metrics see the same resamples.
    """
    if not user_metrics:
        return {}
    values = np.column_stack(list(user_metrics.values()))
    defined = ~np.isnan(values)
    filled = np.where(defined, values, 0.0)
    partly = ~defined.all(axis=0)
    known = defined[:, partly].astype(np.float64)
    means = []
    for weights in resamples(len(values), MEAN_RESAMPLES):
        # whole numbers: where all users are defined, each resample has as many
        total = np.full((len(weights), values.shape[1]), float(len(values)))
        total[:, partly] = weights @ known
        with np.errstate(invalid="ignore"):  # a resample without any defined user: NaN
            means.append((weights @ filled) / total)
    columns = np.concatenate(means).T
    return {
        name: percentile_interval(column)
        for name, column in zip(user_metrics, columns, strict=True)
    }
