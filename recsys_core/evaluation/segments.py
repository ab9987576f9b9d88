"""Accuracy by segment: within groups of users and of items."""

from __future__ import annotations

import numpy as np

from recsys_core.data.dataset import BoolArray, Categorical, IntArray, MultiCategorical
from recsys_core.evaluation.result import Evaluation, Vector
from recsys_core.protocols.split import Split

#: users with the fewest and with the most known events: a quarter each
QUARTER = 0.25
#: an attribute of users that groups them
GROUPS = "age"
K = 10


def segment_metrics(evaluation: Evaluation, items: IntArray, split: Split) -> dict[str, float]:
    """Compute means over segments; a segment in which nothing is relevant is left out.

    - ``segment/users=new``, ``segment/users=active``: users with the fewest and the most known
      events, a quarter each: ndcg@10, recall@10.
    - ``segment/age=VALUE``: users of the age group: ndcg@10, recall@10.
    - ``segment/genre=NAME``: recall@10 counted over the relevant items of the genre alone.

    Popular and rare items apart are metrics of every run: ``recall/head@K`` and so on.

    Parameters
    ----------
    evaluation
        Of the lists.
    items
        Shape (n, width): the lists of `evaluation.users`; width is at least 10.
    """
    metrics = {}
    for name, users in _user_groups(evaluation.users, split).items():
        for metric in (f"ndcg@{K}", f"recall@{K}"):
            values = evaluation.user_metrics.get(metric)
            if values is not None and users.any():
                metrics[f"segment/{name}/{metric}"] = float(values[users].mean())
    relevant = split.test.positives()
    place = np.full(split.dataset.n_users, -1)
    place[evaluation.users] = np.arange(len(evaluation.users))
    row = place[relevant.user]
    known = row >= 0
    found = (items[row[known], :K] == relevant.item[known, None]).any(axis=1)
    for name, group in _genres(split).items():
        mine = group[relevant.item[known]]
        if mine.any():
            recall = _mean_by_user(row[known][mine], found[mine])
            metrics[f"segment/{name}/recall@{K}"] = recall
    return metrics


def _mean_by_user(row: IntArray, found: BoolArray) -> float:
    """Average over users the share of their rows that was found."""
    rows = np.bincount(row)
    share: Vector = np.bincount(row, weights=found)[rows > 0] / rows[rows > 0]
    return float(share.mean())


def _user_groups(users: IntArray, split: Split) -> dict[str, BoolArray]:
    known = np.bincount(split.known.user, minlength=split.dataset.n_users)[users]
    few, many = np.quantile(known, [QUARTER, 1 - QUARTER])
    groups = {"users=new": known <= few, "users=active": known >= many}
    column = split.dataset.user_columns.get(GROUPS)
    if isinstance(column, Categorical):
        for code, value in enumerate(column.vocabulary.tolist()):
            groups[f"{GROUPS}={value}"] = column.codes[users] == code
    return groups


def _genres(split: Split) -> dict[str, BoolArray]:
    groups: dict[str, BoolArray] = {}
    n_items = split.dataset.n_items
    column = split.dataset.item_columns.get("genres")
    if isinstance(column, MultiCategorical):
        item = np.repeat(np.arange(n_items), np.diff(column.offsets))
        for code, value in enumerate(column.vocabulary.tolist()):
            mine = np.zeros(n_items, dtype=np.bool_)
            mine[item[column.codes == code]] = True
            groups[f"genre={value}"] = mine
    return groups
