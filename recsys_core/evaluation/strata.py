"""Recall of popular and of rare items apart: a mean over all hides who pays for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, IntArray, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.popularity import STRATA, cut_by_popularity
from recsys_core.evaluation.result import Vector

__all__ = ["STRATA", "recall_by_stratum", "strata_of"]


def strata_of(train: Interactions) -> NDArray[np.int8]:
    """Cut the items by their train rows: see `cut_by_popularity`."""
    return cut_by_popularity(train.item_counts(), train.dataset.tie_rank)


def recall_by_stratum(
    users: IntArray,
    items: IntArray,
    hits: BoolArray,
    pairs: TimeArray,
    train: Interactions,
    ks: Sequence[int],
) -> dict[str, Vector]:
    """Compute the recall of each user's relevant head, mid and tail items.

    Parameters
    ----------
    users
        Shape (n,): distinct user numbers.
    items, hits
        Shape (n, width): listed items, best first, and whether each is relevant.
    pairs
        Relevant (user, item) pairs as user * n_items + item; users not in `users` are skipped.
    train
        Says how popular items are.
    ks
        The cut-offs; width is at least the largest.

    Returns
    -------
    By ``recall/head@K`` and so on, shape (n,) each; NaN for users without such a relevant item.
    """
    stratum = strata_of(train)
    user, item = np.divmod(pairs, train.n_items)
    found_in = np.where(hits, stratum[items], -1)[:, : max(ks)]
    metrics = {}
    for number, name in enumerate(STRATA):
        relevant = np.bincount(user[stratum[item] == number], minlength=train.n_users)[users]
        share = np.where(relevant > 0, relevant, np.nan)
        found = np.cumsum(found_in == number, axis=1)
        for k in ks:
            metrics[f"recall/{name}@{k}"] = found[:, k - 1] / share
    return metrics
