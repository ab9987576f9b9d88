"""Metrics of pointwise predictions: discrimination (AUC, GAUC), calibration (LogLoss, ECE)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.evaluation.result import Vector

ECE_BINS = 15


def average_ranks(scores: Vector, groups: NDArray[np.integer] | None = None) -> Vector:
    """Rank `scores` from 1 within each group; equal scores share their mean rank.

    Parameters
    ----------
    scores
        Shape (n,).
    groups
        Shape (n,): the group of each row; None: all rows are one.

    Returns
    -------
    Shape (n,).
    """
    order = np.argsort(scores)  # any order of ties will do: they share their mean rank
    if groups is not None:
        # as np.lexsort((scores, groups)), but sorting integers is four times as fast
        keys = (groups[order].astype(np.int64) << 32) | np.arange(len(order))
        keys.sort()
        order = order[keys & 0xFFFFFFFF]
    value = scores[order]
    group = np.zeros(len(order), dtype=np.int64) if groups is None else groups[order]
    new_group = np.diff(group, prepend=group[:1] - 1) != 0
    new_tie = new_group | (np.diff(value, prepend=value[:1] - 1) != 0)
    starts = np.flatnonzero(new_tie)
    ends = np.append(starts[1:], len(order))
    group_start = np.flatnonzero(new_group)[np.cumsum(new_group)[starts] - 1]
    mean_rank = (starts + ends + 1) / 2 - group_start
    ranks = np.empty(len(order))
    ranks[order] = np.repeat(mean_rank, ends - starts)
    return ranks


def auc(labels: NDArray[np.number], scores: Vector) -> float:
    """Area under the ROC curve by the Mann-Whitney statistic; NaN when one class is missing.

    AUC = (sum of the positives' average ranks - P (P + 1) / 2) / (P N).
    """
    return float(user_auc(np.zeros(len(labels), dtype=np.int64), labels, scores, 1)[0])


def user_auc(
    users: NDArray[np.integer], labels: NDArray[np.number], scores: Vector, n_users: int
) -> Vector:
    """Shape (n_users,): AUC of each user's rows; NaN for users with one class or no row."""
    ranks = average_ranks(scores, users)
    rows = np.bincount(users, minlength=n_users)
    positives = np.bincount(users, weights=labels, minlength=n_users)
    rank_sum = np.bincount(users, weights=ranks * labels, minlength=n_users)
    pairs = positives * (rows - positives)
    above = rank_sum - positives * (positives + 1) / 2
    result: Vector = np.divide(above, pairs, out=np.full(n_users, np.nan), where=pairs > 0)
    return result


def row_logloss(labels: NDArray[np.number], probabilities: NDArray[np.floating]) -> Vector:
    """Shape (n,): negative log-likelihood of each label.

    Probabilities are kept off 0 and 1 by the machine epsilon of their type, as in scikit-learn.
    """
    eps = float(np.finfo(probabilities.dtype).eps)
    p = np.clip(probabilities.astype(np.float64), eps, 1 - eps)
    return -np.where(labels > 0, np.log(p), np.log1p(-p))


def ece_bins(probabilities: Vector) -> NDArray[np.int64]:
    """Shape (n,): number of the equal-width bin; 1.0 belongs to the last."""
    return np.minimum((probabilities * ECE_BINS).astype(np.int64), ECE_BINS - 1)


def ece(labels: NDArray[np.number], probabilities: Vector) -> float:
    """Compute the expected calibration error (Naeini et al., AAAI 2015) over 15 equal bins.

    ECE = sum over bins of |bin| / n * |mean label - mean probability|.
    """
    bins = ece_bins(probabilities)
    gap = np.bincount(bins, weights=labels - probabilities, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(labels))


def rmse(ratings: NDArray[np.number], predicted: NDArray[np.number]) -> float:
    """Root mean squared error of predicted ratings, shape (n,) each."""
    difference = ratings.astype(np.float64) - predicted
    return float(np.sqrt((difference**2).mean()))
