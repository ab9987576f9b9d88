"""Evaluate pointwise predictions: click probabilities and ratings of ranking models."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray
from recsys_core.evaluation.checks import check_finite, check_rows
from recsys_core.evaluation.extended import Rows, add_row_metrics
from recsys_core.evaluation.intervals import percentile_interval, resamples
from recsys_core.evaluation.linearised import ratio_values, root_values
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
    probabilities: NDArray[np.floating],
    split: Split,
) -> Evaluation:
    """Compute AUC, GAUC, LogLoss and ECE of predicted rows, with intervals over users.

    The per-user vectors are ``gauc``, the AUC of the user's own rows (NaN for users with one
    class), and ``logloss``, the mean over the user's rows. Over all users ``gauc`` is weighted by
    the user's rows, ``logloss`` is the mean over rows. ``logloss`` and ``ece`` need probabilities:
    where a score is none both are NaN, and the rows without one are counted.

    Parameters
    ----------
    users, items
        Shape (n,): who and what, of test or validation rows.
    labels
        Shape (n,): 1 for relevant rows, else 0.
    probabilities
        Shape (n,): predicted probability of label 1, or any finite score.

    Raises
    ------
    InputError
        There are no rows, a score is NaN (the model diverged), or users, items or labels are none.
    """
    check_rows(users, items, labels, probabilities, split)
    judged, user = np.unique(users, return_inverse=True)
    p = probabilities.astype(np.float64)
    outside = int(((p < 0) | (p > 1)).sum())
    loss = None if outside else row_logloss(labels, probabilities)
    rows = np.bincount(user)
    per_user = {"gauc": user_auc(user, labels, p, len(judged))}
    one_class = np.isnan(per_user["gauc"])
    metrics = {
        "auc": auc(labels, p),
        "gauc": _weighted_mean(per_user["gauc"], rows),
        "logloss": float("nan"),
        "ece": float("nan"),
    }
    if loss is not None:
        per_user["logloss"] = np.bincount(user, weights=loss) / rows
        metrics |= {"logloss": float(loss.mean()), "ece": ece(labels, p)}
    has_history = np.bincount(split.known.user, minlength=split.dataset.n_users) > 0
    positives = np.bincount(user, weights=labels)
    evaluation = Evaluation(
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
            **({"scores_outside_0_1": outside} if outside else {}),
        },
        linearised={name: ratio_values(values, rows) for name, values in per_user.items()},
    )
    return add_row_metrics(evaluation, Rows(users, items, labels, probabilities, split))


def evaluate_ratings(
    users: NDArray[np.integer], ratings: FloatArray, predicted: FloatArray
) -> Evaluation:
    """Compute the root mean squared error of predicted ratings, with its interval over users.

    Parameters
    ----------
    users, ratings, predicted
        Shape (n,): who, and the rating given and predicted.

    Raises
    ------
    InputError
        A prediction is no finite number: the model diverged.
    """
    check_finite(predicted)
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
        linearised={"rmse": root_values(sums / rows, rows)},
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
    loss: Vector | None,
    aucs: Vector,
) -> dict[str, tuple[float, float]]:
    """Resample users; every metric is a ratio of sums over them, but AUC, which needs the rows.

    Without `loss` the scores are no probabilities, and metrics of these are left out.
    """
    rows = np.bincount(user).astype(np.float64)
    counted = np.where(np.isnan(aucs), 0.0, rows)
    sums: dict[str, NDArray[Any]] = {}
    if loss is not None:
        sums["logloss"] = np.bincount(user, weights=loss)
        sums["ece"] = np.bincount(
            user * ECE_BINS + ece_bins(probabilities),
            weights=labels - probabilities,
            minlength=len(rows) * ECE_BINS,
        ).reshape(len(rows), ECE_BINS)
    auc_of = _ResampledAuc(user, labels, probabilities)
    values: dict[str, list[Vector]] = {name: [] for name in ("auc", "gauc", *sums)}
    for weights in resamples(len(rows), RESAMPLES):
        total = weights @ rows
        values["auc"].append(np.array([auc_of(drawn) for drawn in weights]))
        with np.errstate(invalid="ignore"):  # a resample of one-class users only: NaN
            values["gauc"].append((weights @ (counted * np.nan_to_num(aucs))) / (weights @ counted))
        for name, of_user in sums.items():
            summed = weights @ of_user
            size = np.abs(summed).sum(axis=1) if name == "ece" else summed
            values[name].append(size / total)
    return {name: percentile_interval(np.concatenate(parts)) for name, parts in values.items()}


class _ResampledAuc:
    """AUC of rows weighted by how often their user was drawn: sorted once, for all resamples.

    AUC = sum over positive rows of w * (weight of negatives below + half of those equal) / (P N).
    """

    def __init__(self, user: NDArray[np.int64], labels: FloatArray, probabilities: Vector) -> None:
        positive = labels > 0
        negatives, positives = np.sort(probabilities[~positive]), probabilities[positive]
        # any order of ties will do: running sums are read before the first and after the last
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
