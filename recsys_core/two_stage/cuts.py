"""Train cut once more: what channels learn from, what they are asked with, what is labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys_core.data.dataset import TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.protocols.base import places_from_end, share_of
from recsys_core.two_stage.config import InnerConfig

#: users with fewer train events have none labelled
LEAST_EVENTS = 3


@dataclass(frozen=True)
class View:
    """One way to ask channels: what is known of the users, and what they liked then.

    Parameters
    ----------
    known
        Histories of the queries.
    labelled
        Rows that tell what was liked; none of them is known or was learned from.
    """

    known: Interactions
    labelled: Interactions


@dataclass(frozen=True)
class InnerCut:
    """What channels learn from, and the views in which the ranker sees them."""

    fitted: Interactions
    views: tuple[View, ...]


def inner_cuts(
    train: Interactions, valid: Interactions | None, config: InnerConfig
) -> list[InnerCut]:
    """Cut `train` for the ranker's rows; channels are fitted once per cut.

    Parameters
    ----------
    valid
        The protocol's validation rows; with ``auto`` they tell whether it cuts by time.
    """
    by_time = config.split == "time" or (config.split == "auto" and later(train, valid))
    return [_by_time(train, config)] if by_time else _by_folds(train, config.folds)


def later(train: Interactions, valid: Interactions | None) -> bool:
    """Whether no user has a validation row from before one of their known rows."""
    if not train.dataset.timed:
        return False
    if valid is None or len(valid) == 0:
        return True
    last = np.full(train.n_users, np.iinfo(np.int64).min)
    known = train.with_query_of(valid)
    np.maximum.at(last, known.user, known.timestamp)
    return bool((valid.timestamp >= last[valid.user]).all())


def _by_time(train: Interactions, config: InnerConfig) -> InnerCut:
    """Cut `windows` pieces of max(1, floor(share n)) events off the end of each user's n events.

    A user with too few events for a piece more stays whole from there on.
    """
    # train is in time order, so its position orders the events of a user
    position = np.arange(len(train))
    from_end, length = places_from_end(train.user, position, train.n_users)
    piece = np.maximum(1, share_of(length, config.share))
    windows = np.minimum(config.windows, (length - 1) // piece)
    windows = np.where(length < LEAST_EVENTS, 0, windows)
    number = np.where(from_end < windows * piece, from_end // piece, windows)
    views = [
        View(train.where(number > window), train.where((number == window) & (window < windows)))
        for window in reversed(range(config.windows))
    ]
    return InnerCut(train.where(number == windows), tuple(views))


def _by_folds(train: Interactions, folds: int) -> list[InnerCut]:
    """Deal each user's rows into folds at random, and every fold into two halves.

    Each half is labelled once, asked with the other half beside what the channels learned from:
    at test time, too, a user is known by rows that no channel learned from. Without such rows the
    ranker would not see which channels make something of them.
    """
    key = np.random.default_rng(0).random(len(train))
    place, length = places_from_end(train.user, key, train.n_users)
    half: TimeArray = np.where(length < LEAST_EVENTS, -1, (place + train.user) % (2 * folds))
    return [
        InnerCut(
            train.where(half // 2 != number),
            tuple(
                View(train.where(half != labelled), train.where(half == labelled))
                for labelled in (2 * number, 2 * number + 1)
            ),
        )
        for number in range(folds)
    ]
