"""Two metrics: rank-biased precision of lists, and the Brier score of predictions."""

from __future__ import annotations

import numpy as np

from recsys_core.evaluation.extended import Lists, Rows, register_metric
from recsys_core.evaluation.result import Vector

#: how likely a reader is to look at the next item, too
PATIENCE = 0.8


@register_metric(
    "rbp", judges="lists", meaning="rank-biased precision: hits, each next rank worth 0.8 times"
)
def rank_biased_precision(lists: Lists, k: int) -> Vector:
    """RBP@K = (1 - p) sum over ranks r <= K of h_r p^(r-1), divided by the best that K allows.

    Moffat and Zobel: Rank-biased precision for measurement of retrieval effectiveness. TOIS 2008.
    """
    worth = PATIENCE ** np.arange(k)
    best = np.cumsum(worth)[np.minimum(k, lists.relevant) - 1]
    score: Vector = (lists.hits[:, :k] * worth).sum(axis=1) / best
    return score


@register_metric(
    "brier",
    judges="rows",
    meaning="mean squared distance of the predicted probability from the label",
    higher_is_better=False,
)
def brier(rows: Rows) -> Vector:
    """Average (p - y)^2 over the rows of each user (Brier, Monthly Weather Review 1950)."""
    distance = rows.scores.astype(np.float64) - rows.labels
    return rows.mean_by_user(distance**2)
