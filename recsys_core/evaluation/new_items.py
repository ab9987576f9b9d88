"""Lists of new items alone: how well items are ranked that nothing was learned of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recsys_core.data.dataset import IntArray
from recsys_core.evaluation.accuracy import accuracy_metrics
from recsys_core.evaluation.hits import hits_of
from recsys_core.evaluation.intervals import mean_intervals
from recsys_core.evaluation.result import Evaluation
from recsys_core.protocols.split import Split


def with_new_items(
    evaluation: Evaluation, items: IntArray, split: Split, ks: Sequence[int]
) -> Evaluation:
    """Add the accuracy of lists of new items: ``ndcg@10`` becomes ``new/ndcg@10``.

    Users without a relevant new item in the test part have no value and are left out of the mean.

    Parameters
    ----------
    items
        Shape (n, width): the lists of `evaluation.users`, of new items alone.
    """
    new = np.empty(0, np.int32) if split.train.new_items is None else split.train.new_items
    n_items = split.dataset.n_items
    pairs = split.test.positives().pairs()
    pairs = pairs[np.isin(pairs % n_items, new)]
    relevant = np.bincount(pairs // n_items, minlength=split.dataset.n_users)[evaluation.users]
    there = relevant > 0
    users = evaluation.users[there]
    values = {}
    if len(users):
        hits = hits_of(users, items[there], pairs, n_items)
        for name, own in accuracy_metrics(hits, relevant[there], ks).items():
            values[f"new/{name}"] = np.full(len(there), np.nan)
            values[f"new/{name}"][there] = own
    return replace(
        evaluation,
        user_metrics=evaluation.user_metrics | values,
        metrics=evaluation.metrics | {name: float(np.nanmean(v)) for name, v in values.items()},
        ci95=evaluation.ci95 | mean_intervals(values),
        counts=evaluation.counts | {"users_with_new_items": len(users)},
    )
