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


def auc_values(user: NDArray[np.integer], labels: NDArray[np.number], scores: Vector) -> Vector:
    """Linearise the area under the ROC curve of all rows together.

    To first order a row moves the AUC by its placement: a relevant one by the share of irrelevant
    rows below it, an irrelevant one by the share of relevant rows above it (DeLong et al.,
    Biometrics 1988); summed per user, whose rows go together (Obuchowski, Biometrics 1997).

    Parameters
    ----------
    user, labels, scores
        Shape (rows,): user numbered from 0 without gaps, 1 or 0, and how scored.

    Returns
    -------
    Shape (n,), by user: the mean is the AUC; NaN where a class is missing.

    Examples
    --------
    >>> rows = np.array([0, 0, 1, 1]), np.array([1, 0, 1, 0]), np.array([0.9, 0.3, 0.2, 0.1])
    >>> auc_values(*rows)  # AUC 3/4; placements 1, 1/2, 1/2, 1
    array([0.75, 0.75])
    """
    positive = labels > 0
    n, n_users = int(positive.sum()), int(user.max(initial=-1)) + 1
    if n in (0, len(labels)):
        return np.full(n_users, np.nan)
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    placement = np.empty(len(scores))
    placement[positive] = _share_below(below, scores[positive])
    placement[~positive] = 1 - _share_below(above, scores[~positive])
    whole = placement[positive].mean()
    weight = np.where(positive, 1 / n, 1 / (len(labels) - n))
    moved = np.bincount(user, weights=weight * (placement - whole), minlength=n_users)
    values: Vector = whole + n_users * moved
    return values


def _share_below(ordered: Vector, scores: Vector) -> Vector:
    """Share of `ordered` below each score; equal ones count half."""
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    share: Vector = below / (2 * len(ordered))
    return share


def where_defined(user_metrics: Mapping[str, Vector]) -> dict[str, Vector]:
    """Linearise the means over the users that have a value, where some have none.

    Who has one may depend on the lists, and then two means are of different users.
    """
    return {
        name: ratio_values(values, np.ones(len(values)))
        for name, values in user_metrics.items()
        if np.isnan(values).any()
    }
