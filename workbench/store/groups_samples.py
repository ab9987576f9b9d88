"""Values of a group's users, of each metric: what cells and gaps are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recsys_core.errors import InputError, unknown_name
from recsys_core.evaluation.names import ACCURACY_METRICS
from workbench.store.files import StoreError
from workbench.store.groups_attributes import Attribute, Grouping
from workbench.store.groups_cells import Sample
from workbench.store.groups_kept import Kept
from workbench.store.users import Browse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: what is shown unless something else is asked for; of lists at the smallest K there is
_USUAL = ("ndcg", "recall", "hit")
_AT = re.compile(r"([a-z]+)@(\d+)")
#: what a recall may differ by that is the same
_SAME = 1e-9
Samples = Mapping[str, Sample]


def _judged(metric: str) -> tuple[str, int] | None:
    """Take a metric of hits apart; None for another."""
    match = _AT.fullmatch(metric)
    return (match[1], int(match[2])) if match and match[1] in ACCURACY_METRICS else None


def metrics_of_groups(kept: Sequence[Kept], attribute: Attribute) -> list[str]:
    """List the metrics that all runs have of groups; items have those of hits alone."""
    shared = [name for name in kept[0].names if all(name in one.names for one in kept[1:])]
    if attribute.side == "item" and not kept[0].ranks:
        return [name for name in shared if _judged(name)]
    return shared


def chosen_metrics(
    kept: Sequence[Kept], attribute: Attribute, wanted: Sequence[str]
) -> tuple[str, ...]:
    """Check what was asked for, or choose what is usual.

    That is NDCG, recall and hit at the smallest K, or AUC, GAUC and LogLoss.

    Raises
    ------
    InputError
        A metric that a run does not have of groups, or none at all.
    """
    known = metrics_of_groups(kept, attribute)
    if not known:
        runs = " and ".join(one.run.run_id for one in kept)
        raise InputError(
            f"no metric of groups of {attribute.side}s is in {runs}", "name other runs"
        )
    for metric in wanted:
        if metric not in known:
            raise unknown_name(f"metric of groups of {attribute.side}s", metric, known)
    if wanted or kept[0].ranks:
        return tuple(wanted or known)
    smallest = min((judged[1] for name in known if (judged := _judged(name))), default=0)
    usual = tuple(f"{name}@{smallest}" for name in _USUAL if f"{name}@{smallest}" in known)
    return usual or tuple(known[:1])


def group_samples(
    browse: Browse, kept: Kept, grouping: Grouping, metrics: Sequence[str]
) -> tuple[Samples, list[Samples]]:
    """Return the values of all users, and those of each group, by metric."""
    if kept.ranks:
        return _of_rows(kept, grouping, metrics)
    every = _of_users(kept, kept.judged, metrics)
    if grouping.attribute.side == "item":
        return every, _of_items(browse, kept, grouping, metrics)
    return every, [_of_users(kept, _among(kept, who), metrics) for who in grouping.members]


def _among(kept: Kept, members: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    return np.intersect1d(kept.judged, members, assume_unique=True)


def _of_users(kept: Kept, users: NDArray[np.int64], metrics: Sequence[str]) -> Samples:
    return {metric: _sample(users, kept.user_values(metric)[users]) for metric in metrics}


def _sample(users: NDArray[np.int64], values: NDArray[np.float64]) -> Sample:
    """Make values whose mean is that of the defined ones, for all users alike."""
    import numpy as np

    from recsys_core.evaluation.linearised import ratio_values

    if np.isnan(values).any():
        values = ratio_values(values, np.ones(len(values)))
    return Sample(users, values)


def _of_items(
    browse: Browse, kept: Kept, grouping: Grouping, metrics: Sequence[str]
) -> list[Samples]:
    """Judge the lists by the relevant items of each group alone."""
    import numpy as np

    from recsys_core.evaluation.accuracy import accuracy_metrics

    ks = sorted({judged[1] for metric in metrics if (judged := _judged(metric))})
    listed, lists = kept.lists(max(ks))
    pairs = kept.events(browse).relevant
    users = kept.judged
    items = np.full((len(users), max(ks)), -1, dtype=np.int32)
    _, place, there = np.intersect1d(users, listed, assume_unique=True, return_indices=True)
    items[place] = lists[there]
    hits = _hits(users, items, pairs, kept.n_items)
    user, item = np.divmod(pairs, kept.n_items)
    _check_lists(kept, users, hits, np.bincount(user, minlength=kept.n_users)[users])
    samples: list[Samples] = []
    for members in grouping.members:
        is_member = np.zeros(kept.n_items, dtype=bool)
        is_member[members] = True
        relevant = np.bincount(user[is_member[item]], minlength=kept.n_users)[users]
        some = np.flatnonzero(relevant)
        mine = hits[some] & is_member[items[some]]
        values = accuracy_metrics(mine, relevant[some], ks) if len(some) else {}
        samples.append({name: Sample(users[some], values[name]) for name in metrics if values})
    return samples


def _hits(
    users: NDArray[np.int64], items: NDArray[np.int32], pairs: NDArray[np.int64], n_items: int
) -> NDArray[np.bool_]:
    """Tell of each place of the lists whether it is one of its user's `pairs`, ascending."""
    import numpy as np

    keys = users[:, None] * n_items + items
    if not len(pairs):
        return np.zeros(keys.shape, dtype=bool)
    place = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
    hits: NDArray[np.bool_] = (pairs[place] == keys) & (items >= 0)
    return hits


def _check_lists(
    kept: Kept,
    users: NDArray[np.int64],
    hits: NDArray[np.bool_],
    relevant: NDArray[np.int64],
) -> None:
    """Refuse lists that are not those which the run's metrics are of."""
    import numpy as np

    k = hits.shape[1]
    said = kept.user_values(f"recall@{k}")[users]
    recall = hits.sum(axis=1) / np.maximum(relevant, 1)
    if np.abs(recall - said).max(initial=0) > _SAME:
        why = (
            "they are those of the last of several test windows"
            if kept.windows
            else ("the data set, or what counts as relevant, is another one by now")
        )
        raise StoreError(
            f"{kept.path}: the lists do not give the run's recall@{k}: {why}",
            "ask for groups of users",
        )


def _of_rows(
    kept: Kept, grouping: Grouping, metrics: Sequence[str]
) -> tuple[Samples, list[Samples]]:
    """Judge the rows of each group's users, or items."""
    import numpy as np

    rows = kept.rows
    every = _of_some_rows(kept, np.ones(len(rows.users), dtype=bool), metrics)
    of_users = grouping.attribute.side == "user"
    samples = []
    for members in grouping.members:
        is_member = np.zeros(kept.n_users if of_users else kept.n_items, dtype=bool)
        is_member[members] = True
        chosen = is_member[rows.users if of_users else rows.items]
        samples.append(_of_some_rows(kept, chosen, metrics))
    return every, samples


def _of_some_rows(kept: Kept, chosen: NDArray[np.bool_], metrics: Sequence[str]) -> Samples:
    import numpy as np

    from recsys_core.evaluation.linearised import auc_values, ratio_values
    from recsys_core.evaluation.rows import row_logloss, user_auc

    rows = kept.rows
    if not chosen.any():
        return {}
    labels, scores = rows.labels[chosen], rows.scores[chosen]
    users, user = np.unique(rows.users[chosen], return_inverse=True)
    weights = np.bincount(user)
    found = {}
    for metric in metrics:
        if metric == "auc":
            values = auc_values(user, labels, scores)
        elif metric == "gauc":
            values = ratio_values(user_auc(user, labels, scores, len(users)), weights)
        else:
            losses = np.bincount(user, weights=row_logloss(labels, scores)) / weights
            values = ratio_values(losses, weights)
        found[metric] = Sample(users, values)
    return found
