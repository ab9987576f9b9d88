"""Evaluate top-K lists: recall and two-stage models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import IntArray
from recsys_core.errors import InputError
from recsys_core.evaluation.accuracy import accuracy_metrics
from recsys_core.evaluation.beyond import catalogue_metrics, list_metrics
from recsys_core.evaluation.checks import check_lists
from recsys_core.evaluation.extended import Lists, add_list_metrics
from recsys_core.evaluation.hits import hits_of
from recsys_core.evaluation.intervals import mean_intervals
from recsys_core.evaluation.linearised import where_defined
from recsys_core.evaluation.names import TOPK_METRICS
from recsys_core.evaluation.result import Evaluation
from recsys_core.evaluation.strata import recall_by_stratum
from recsys_core.protocols.split import Split
from recsys_core.values import counted


def evaluate_recommendations(
    users: NDArray[np.integer],
    items: IntArray,
    split: Split,
    ks: Sequence[int],
) -> Evaluation:
    """Compute every top-K metric of ranked lists, which are judged on the test rows.

    Users without a relevant item there are left out and counted. A relevant item that has no
    train row cannot be recommended: it stays relevant, so it is a miss, and is counted as a cold
    item. An item that its user already knows takes a place as any other does; such places are
    counted as ``known_items``, where there are some. Where the protocol leaves known items out of
    lists, a relevant item that its user knows cannot be hit either: it stays relevant and is
    counted as ``known_targets``.

    Parameters
    ----------
    users
        Shape (n,): distinct user numbers.
    items
        Shape (n, width): ranked items of each, -1 where a list is short because the catalogue is;
        width is at least max(ks).
    ks
        The cut-offs K.

    Raises
    ------
    InputError
        No user has a relevant item, or a list holds what none may: an item twice, or one that the
        data set does not have.
    """
    check_lists(users, items, split, max(ks))
    if items.shape[1] < max(ks):
        raise ValueError(f"lists of {items.shape[1]} items cannot be judged at K = {max(ks)}")
    n_items = split.dataset.n_items
    pairs = split.test.positives().pairs()
    relevant = np.bincount(pairs // n_items, minlength=split.dataset.n_users)
    chosen = relevant[users] > 0
    if not chosen.any():
        raise InputError(
            f"none of the {counted(len(users), 'user')} has a relevant item in the test part",
            "set a lower relevance in the protocol, or null",
        )
    judged_users = users[chosen].astype(np.int32)
    items = items[chosen]
    hits = hits_of(judged_users, items, pairs, n_items)
    contents = list_metrics(items, split, ks)
    user_metrics = {
        **accuracy_metrics(hits, relevant[judged_users], ks),
        **recall_by_stratum(judged_users, items, hits, pairs, split.train, ks),
        **contents,
    }
    metrics = {
        **{name: _mean(values) for name, values in user_metrics.items()},
        **catalogue_metrics(items, split, ks),
    }
    known_pairs = split.known.pairs()
    listed = int(hits_of(judged_users, items[:, : max(ks)], known_pairs, n_items).sum())
    missed = 0
    if split.known_items == "exclude":
        asked = pairs[np.isin(pairs // n_items, judged_users)]
        missed = len(np.intersect1d(asked, known_pairs, assume_unique=True))
    has_history = np.bincount(split.known.user, minlength=split.dataset.n_users) > 0
    evaluation = Evaluation(
        users=judged_users,
        user_metrics=user_metrics,
        metrics={
            f"{name}@{k}": metrics.get(f"{name}@{k}", np.nan) for name in TOPK_METRICS for k in ks
        },
        ci95=mean_intervals(user_metrics),
        counts={
            "users": len(judged_users),
            "users_without_relevant": int((~chosen).sum()),
            "cold_users": int((~has_history[judged_users]).sum()),
            "cold_items": int((~split.catalogue[np.unique(pairs % n_items)]).sum()),
            **({"known_items": listed} if listed else {}),
            **({"known_targets": missed} if missed else {}),
        },
        linearised=where_defined(contents),
    )
    lists = Lists(judged_users, items, hits, relevant[judged_users], split)
    return add_list_metrics(evaluation, lists, ks)


def _mean(values: NDArray[np.float64]) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
