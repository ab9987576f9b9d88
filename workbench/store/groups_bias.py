"""Popularity bias: how much more popular what is recommended is than what users took themselves.

With phi(i) the train rows of an item, a list has the mean popularity of its first K items (average
recommendation popularity: Yin et al., PVLDB 2012), a history that of its known events. Over the
users of a group these are the group average popularities GAP_r and GAP_p (Abdollahpouri et al.,
"The unfairness of popularity bias in recommendation", RMSE workshop at RecSys 2019), and the
popularity lift is GAP_r / GAP_p - 1 (Abdollahpouri et al., "The connection between popularity
bias, calibration, and fairness in recommendation", RecSys 2020): 0 where lists are as popular as
histories. The share of tail items in a list, averaged over users, is the average percentage of
long tail items (Abdollahpouri, Burke and Mobasher, "Managing popularity bias in recommender
systems with personalized re-ranking", FLAIRS 2019), tail being that of ``recall/tail@K``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.store.groups_attributes import Group, Grouping
from workbench.store.groups_cells import Cell, Sample, cell_of
from workbench.store.groups_kept import Kept
from workbench.store.users import Browse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: an empty history or list has none
_Means = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Bias:
    """Popularity in the lists and in the histories of some users.

    Parameters
    ----------
    lists, histories
        Mean popularity of the first K items, and of the known events: train rows of an item.
    lift
        ``lists / histories - 1``, with its interval.
    tail_lists, tail_histories
        Share of tail items, with its interval in the lists.
    """

    lists: float
    histories: float
    lift: Cell
    tail_lists: Cell
    tail_histories: float


@dataclass(frozen=True, slots=True)
class BiasRow:
    """A group of users: how many have both a list and a history, and what is in them, by run id."""

    group: Group
    n: int
    bias: dict[str, Bias]


def popularity_bias(
    browse: Browse, kept: list[Kept], grouping: Grouping | None, k: int, tail: NDArray[np.int64]
) -> tuple[BiasRow, ...]:
    """Describe all users, then each group.

    Parameters
    ----------
    grouping
        Of users; None: all alone.
    tail
        The tail items.
    """
    import numpy as np

    is_tail = np.zeros(kept[0].n_items, dtype=bool)
    is_tail[tail] = True
    groups = [(Group("all", "value", kept[0].n_users), np.arange(kept[0].n_users))]
    if grouping is not None:
        groups += zip(grouping.groups, grouping.members, strict=True)
    found: list[dict[str, Bias]] = [{} for _ in groups]
    sizes = [0 for _ in groups]
    for one in kept:
        users, popularity, share = _of_users(browse, one, k, is_tail)
        for place, (_, members) in enumerate(groups):
            mine = np.isin(users, members)
            sizes[place] = max(sizes[place], int(mine.sum()))
            if mine.any():
                bias = _bias(
                    users[mine],
                    (popularity[0][mine], popularity[1][mine]),
                    (share[0][mine], share[1][mine]),
                )
                found[place][one.run.run_id] = bias
    return tuple(
        BiasRow(group, n, bias) for (group, _), n, bias in zip(groups, sizes, found, strict=True)
    )


def _of_users(
    browse: Browse, kept: Kept, k: int, tail: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], _Means, _Means]:
    """Return users, and of lists and histories the mean popularity and the share of tail items."""
    import numpy as np

    events = kept.events(browse)
    users, lists = kept.lists(k)
    listed = (lists >= 0).sum(axis=1)
    some = (listed > 0) & (events.lengths[users] > 0)
    users, lists, listed = users[some], lists[some], listed[some]
    owner = np.repeat(np.arange(kept.n_users), events.lengths)

    def means(value: NDArray[np.float64]) -> _Means:
        in_lists = np.where(lists >= 0, value[lists], 0.0).sum(axis=1) / listed
        sums = np.bincount(owner, weights=value[events.known], minlength=kept.n_users)
        return in_lists, sums[users] / events.lengths[users]

    return users, means(events.train_rows.astype(np.float64)), means(tail.astype(np.float64))


def _bias(users: NDArray[np.int64], popularity: _Means, share: _Means) -> Bias:
    lists, histories = popularity
    whole = float(histories.mean())
    ratio = float(lists.mean()) / whole if whole else float("nan")
    # to first order a ratio of means moves like this (Cochran, Sampling Techniques, chapter 6)
    lift = ratio - 1 + (lists - ratio * histories) / whole if whole else lists * float("nan")
    return Bias(
        float(lists.mean()),
        whole,
        cell_of(Sample(users, lift), None),
        cell_of(Sample(users, share[0]), None),
        float(share[1].mean()),
    )
