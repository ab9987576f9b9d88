"""Top-K accuracy per user, for every K in one pass over the lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys_core.data.dataset import BoolArray, TimeArray
from recsys_core.evaluation.result import Vector


def accuracy_metrics(hits: BoolArray, relevant: TimeArray, ks: Sequence[int]) -> dict[str, Vector]:
    """Compute recall, precision, ndcg, hit, mrr and map of each user at each K.

    With h_r = 1 where rank r is a hit, R relevant items and a list that may be shorter than K
    (what is missing counts as misses)::

        recall@K    = sum_{r<=K} h_r / R
        precision@K = sum_{r<=K} h_r / K
        hit@K       = 1 if any h_r, r <= K
        mrr@K       = 1 / r of the first hit with r <= K, else 0
        map@K       = sum_{r<=K} h_r * (hits up to r / r) / R
        ndcg@K      = sum_{r<=K} h_r / log2(r + 1) / sum_{r<=min(K, R)} 1 / log2(r + 1)

    Parameters
    ----------
    hits
        Shape (n, width): whether the item at each rank is relevant; width is at least max(ks).
    relevant
        Shape (n,): number of relevant items of each user, at least 1.
    ks
        The cut-offs.

    Returns
    -------
    By ``name@K``, shape (n,) each, in [0, 1].
    """
    width = max(ks)
    hits = hits[:, :width]
    rank = np.arange(1, width + 1)
    discount = 1 / np.log2(rank + 1)
    ideal = np.cumsum(discount)
    found = np.cumsum(hits, axis=1)
    gain = np.cumsum(hits * discount, axis=1)
    precision = np.cumsum(hits * (found / rank), axis=1)
    first = np.where(found[:, -1] > 0, hits.argmax(axis=1) + 1, np.inf)
    metrics = {}
    for k in ks:
        at = k - 1
        metrics[f"recall@{k}"] = found[:, at] / relevant
        metrics[f"precision@{k}"] = found[:, at] / k
        metrics[f"ndcg@{k}"] = gain[:, at] / ideal[np.minimum(k, relevant) - 1]
        metrics[f"hit@{k}"] = (found[:, at] > 0).astype(np.float64)
        metrics[f"mrr@{k}"] = np.where(first <= k, 1 / first, 0.0)
        metrics[f"map@{k}"] = precision[:, at] / relevant
    return metrics
