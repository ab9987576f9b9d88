"""Values of users whose plain mean is a metric that weighs them: linearised ratio estimates.

A metric over rows is a ratio of sums over users, sum w x / sum w, so that its difference between
two runs is no mean of differences of users. To first order it is one of linearised values

    z_i = r + n w_i (x_i - r) / sum w,    r = sum w x / sum w,

whose mean over the n users is exactly r and whose standard error is that of the ratio (Cochran,
Sampling Techniques, 1977, chapter 6; Woodruff, JASA 1971). Intervals and paired tests take these.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recsys_core.evaluation.result import Vector


def ratio_values(values: Vector, weights: NDArray[np.number]) -> Vector:
    """Linearise a weighted mean over users.

    Parameters
    ----------
    values
        Shape (n,): NaN where not defined; such a user is judged, but without weight.
    weights
        Shape (n,): what the user counts for, e.g. rows.

    Returns
    -------
    Shape (n,), its mean is the weighted one; NaN where no user is defined.

    Examples
    --------
    >>> ratio_values(np.array([0.25, 1.0]), np.array([3, 1]))  # 7/16 ± 2 * 3/4 * 3/16
    array([0.15625, 0.71875])
    """
    defined = ~np.isnan(values)
    if not defined.any():
        return np.full(len(values), np.nan)
    mean = np.average(values[defined], weights=weights[defined])
    scale = len(values) / weights[defined].sum()
    linear: Vector = np.full(len(values), mean)
    linear[defined] += scale * weights[defined] * (values[defined] - mean)
    return linear


def root_values(squares: Vector, weights: NDArray[np.number]) -> Vector:
    """Linearise the root of a weighted mean over users, as of their mean squared errors."""
    means = ratio_values(squares, weights)
    root = np.sqrt(means.mean())
    return means if root == 0 else root + (means - root**2) / (2 * root)


def where_defined(user_metrics: Mapping[str, Vector]) -> dict[str, Vector]:
    """Linearise the means over the users that have a value, where some have none.

    Who has one may depend on the lists, and then two means are of different users.
    """
    return {
        name: ratio_values(values, np.ones(len(values)))
        for name, values in user_metrics.items()
        if np.isnan(values).any()
    }
