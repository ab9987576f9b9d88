"""Judge predicted rows: ranking models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray
from recsys_core.errors import InputError
from recsys_core.evaluation.intervals import percentile_interval, resamples
from recsys_core.evaluation.result import Evaluation, Vector
from recsys_core.evaluation.rows import (
    ECE_BINS,
    auc,
    ece,
    ece_bins,
    rmse,
    row_logloss,
    user_auc,
)
from recsys_core.protocols.split import Split

RESAMPLES = 200


def evaluate_predictions(
    users: NDArray[np.integer],
    items: NDArray[np.integer],
    labels: FloatArray,
    probabilities: FloatArray,
    split: Split,
) -> Evaluation:
    """Compute AUC, GAUC, LogLoss and ECE of predicted rows, with intervals over users.

    The per-user vectors are ``gauc``, the AUC of the user's own rows (NaN for users with one
    class), and ``logloss``, the mean over the user's rows. Over all users ``gauc`` is weighted by
    the user's rows, ``logloss`` is the mean over rows.

    Parameters
    ----------
    users, items
        Shape (n,): who and what, of test or validation rows.
    labels
        Shape (n,): 1 for relevant rows, else 0.
    probabilities
        Shape (n,): predicted probability of label 1.

    Raises
    ------
    InputError
        There are no rows, or a probability is NaN: the model diverged.
    """
    _check(labels, probabilities)
    judged, user = np.unique(users, return_inverse=True)
    p = probabilities.astype(np.float64)
    loss = row_logloss(labels, probabilities)
    rows = np.bincount(user)
    per_user = {
        "gauc": user_auc(user, labels, p, len(judged)),
        "logloss": np.bincount(user, weights=loss) / rows,
    }
    one_class = np.isnan(per_user["gauc"])
    metrics = {
        "auc": auc(labels, p),
        "gauc": _weighted_mean(per_user["gauc"], rows),
        "logloss": float(loss.mean()),
        "ece": ece(labels, p),
    }
    has_history = np.bincount(split.known.user, minlength=split.dataset.n_users) > 0
    positives = np.bincount(user, weights=labels)
    return Evaluation(
        users=judged.astype(np.int32),
        user_metrics=per_user,
        metrics=metrics,
        ci95=_intervals(user, labels, p, loss, per_user["gauc"]),
        counts={
            "users": len(judged),
            "users_without_relevant": int((positives == 0).sum()),
            "gauc_users_left_out": int(one_class.sum()),
            "cold_users": int((~has_history[judged]).sum()),
            "cold_items": int((~split.catalogue[np.unique(items)]).sum()),
        },
    )


def evaluate_ratings(
    users: NDArray[np.integer], ratings: FloatArray, predicted: FloatArray
) -> Evaluation:
    """Compute the root mean squared error of predicted ratings, with its interval over users.

    Parameters
    ----------
    users, ratings, predicted
        Shape (n,): who, and the rating given and predicted.
    """
    judged, user = np.unique(users, return_inverse=True)
    squares = (ratings.astype(np.float64) - predicted) ** 2
    rows, sums = np.bincount(user), np.bincount(user, weights=squares)
    drawn = [
        np.sqrt((weights @ sums) / (weights @ rows)) for weights in resamples(len(rows), RESAMPLES)
    ]
    return Evaluation(
        users=judged.astype(np.int32),
        user_metrics={"rmse": np.sqrt(sums / rows)},
        metrics={"rmse": rmse(ratings, predicted)},
        ci95={"rmse": percentile_interval(np.concatenate(drawn))},
        counts={"users": len(judged)},
    )


def gauc(users: NDArray[np.integer], labels: NDArray[np.number], scores: Vector) -> float:
    """Compute the AUC within each user, weighted by the user's rows (Zhu et al., KDD 2017).

    Users with one class are left out; NaN when all are.

    Parameters
    ----------
    users, labels, scores
        Shape (n,): who, 1 or 0, and how scored.
    """
    rows = np.bincount(users)
    return _weighted_mean(user_auc(users, labels, scores, len(rows)), rows)


def _check(labels: FloatArray, probabilities: FloatArray) -> None:
    if len(labels) == 0:
        raise InputError("there are no rows to judge predictions on")
    if np.isnan(probabilities).any():
        raise InputError(
            "the model's predictions are not numbers: it diverged", "lower its learning_rate"
        )
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError("predictions must be probabilities in [0, 1]")


def _weighted_mean(values: Vector, weights: NDArray[np.integer]) -> float:
    """Mean of the defined values; NaN when there are none."""
    defined = ~np.isnan(values)
    if not defined.any():
        return float("nan")
    return float(np.average(values[defined], weights=weights[defined]))


def _intervals(
    user: NDArray[np.int64],
    labels: FloatArray,
    probabilities: Vector,
    loss: Vector,
    aucs: Vector,
) -> dict[str, tuple[float, float]]:
    """Resample users; every metric is a ratio of sums over them, but AUC, which needs the rows."""
    rows = np.bincount(user).astype(np.float64)
    counted = np.where(np.isnan(aucs), 0.0, rows)
    loss_sums = np.bincount(user, weights=loss)
    gaps = np.bincount(
        user * ECE_BINS + ece_bins(probabilities),
        weights=labels - probabilities,
        minlength=len(rows) * ECE_BINS,
    ).reshape(len(rows), ECE_BINS)
    auc_of = _ResampledAuc(user, labels, probabilities)
    values: dict[str, list[Vector]] = {"auc": [], "gauc": [], "logloss": [], "ece": []}
    for weights in resamples(len(rows), RESAMPLES):
        total = weights @ rows
        values["auc"].append(np.array([auc_of(drawn) for drawn in weights]))
        with np.errstate(invalid="ignore"):  # a resample of one-class users only: NaN
            values["gauc"].append((weights @ (counted * np.nan_to_num(aucs))) / (weights @ counted))
        values["logloss"].append((weights @ loss_sums) / total)
        values["ece"].append(np.abs(weights @ gaps).sum(axis=1) / total)
    return {name: percentile_interval(np.concatenate(parts)) for name, parts in values.items()}


class _ResampledAuc:
    """AUC of rows weighted by how often their user was drawn: sorted once, for all resamples.

    AUC = sum over positive rows of w * (weight of negatives below + half of those equal) / (P N).
    """

    def __init__(self, user: NDArray[np.int64], labels: FloatArray, probabilities: Vector) -> None:
        positive = labels > 0
        negatives, positives = np.sort(probabilities[~positive]), probabilities[positive]
        self._negative_user = user[~positive][np.argsort(probabilities[~positive])]
        self._positive_user = user[positive]
        self._below = np.searchsorted(negatives, positives, side="left")
        self._not_above = np.searchsorted(negatives, positives, side="right")

    def __call__(self, drawn: Vector) -> float:
        negative = np.zeros(len(self._negative_user) + 1)
        np.cumsum(drawn[self._negative_user], out=negative[1:])
        positive = drawn[self._positive_user]
        pairs = positive.sum() * negative[-1]
        wins = positive @ (negative[self._below] + negative[self._not_above]) / 2
        return float(wins / pairs) if pairs > 0 else float("nan")
