"""The store of known events: what features may look at, sorted once, and what requests add.

Training, batch recommendation, a single request and explanations use this one object:

    known = Known.of(split.known)                  # sorted when first asked, and kept
    requests = known.requests(users, histories)    # n requests, each with a history of its own

A request's history takes the place of what is known of that user: statistics of users see the
history alone, statistics of items everybody's events, less the user's own, and the history. A
request is numbered by its place, not by its user: a user asked for twice with two histories is two
requests, and none sees the history of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    BoolArray,
    Categorical,
    Dataset,
    FloatArray,
    IntArray,
    MultiCategorical,
    TimeArray,
)
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.features.predicted_ratings import PredictedRatings
from recsys_core.features.timeline import Timeline

#: whose history: events of the row's user, or of the row's item
Owner = Literal["user", "item"]
#: an attribute whose values several users or items share
Attribute = Categorical | MultiCategorical
#: what is known of an event
COLUMNS = ("user", "item", "rating", "timestamp", "relevant", "event")
#: stands for the time of no event: it is before all others
NO_TIME = np.iinfo(np.int64).min
#: which events
Part = Literal["all", "liked", "disliked"]
FloatsT = TypeVar("FloatsT", bound=NDArray[np.floating])
#: one number for each event, shape (events,), or several, shape (events, k)
Values = Callable[["Known"], NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Known:
    """Events that features may look at, in any order.

    Parameters
    ----------
    dataset
        For attributes of users and items.
    user, item, rating, timestamp, relevant
        Shape (n,) each. A user number of `dataset.n_users` or more is a user outside the data
        set: it has events and no attributes.
    event
        Shape (n,): row number in the data set; -1 for an event from elsewhere.
    threshold
        A rating of at least this is relevant; None: every event is.
    request
        Shape (n,): the request that each event belongs to; None: these are everybody's events.
    everybody
        Everybody's events, where these are of requests.
    """

    dataset: Dataset
    user: IntArray
    item: IntArray
    rating: FloatArray
    timestamp: TimeArray
    relevant: BoolArray
    event: TimeArray
    threshold: float | None = None
    request: IntArray | None = None
    everybody: Known | None = None
    _timelines: dict[tuple[Owner, Part, str], Timeline[Known]] = field(
        default_factory=dict, repr=False
    )
    _kept: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, rows: Interactions) -> Self:
        """Take rows of a data set."""
        return cls(
            rows.dataset,
            rows.user,
            rows.item,
            rows.rating,
            rows.timestamp,
            rows.relevant,
            rows.rows,
            rows.threshold,
        )

    @classmethod
    def of_histories(cls, dataset: Dataset, histories: Histories, threshold: float | None) -> Self:
        """Take the histories of all users, numbered user by user, each one's oldest first."""
        ratings = histories.ratings
        return cls(
            dataset,
            histories.row.astype(np.int32),
            histories.items,
            ratings,
            histories.timestamps,
            _relevant(ratings, threshold),
            np.full(len(ratings), -1, dtype=np.int64),
            threshold,
        )

    @classmethod
    def nothing(cls, dataset: Dataset) -> Self:
        """Know no event."""
        return cls.of_histories(dataset, Histories.empty(dataset.n_users), None)

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def mean_rating(self) -> float:
        """Mean of everybody's ratings, 0 without any."""
        if self.everybody is not None:
            return self.everybody.mean_rating
        return float(self.rating.mean(dtype=np.float64)) if len(self) else 0.0

    @cached_property
    def last_time(self) -> int:
        """Time of the last event of all, 0 without any."""
        return int(self.timestamp.max(initial=0))

    @cached_property
    def predictions(self) -> PredictedRatings:
        """What anybody would rate an item, learned from these events."""
        return PredictedRatings.fit(self.histories(), self.dataset.n_items)

    def histories(self, n: int | None = None) -> Histories:
        """Lay out the events of `n` users or requests, those of the data set by default."""
        owners = np.arange(self.dataset.n_users if n is None else n)
        timeline = self.timeline("user")
        _, end = timeline.bounds(owners, np.zeros_like(owners), "others", after=False)
        offsets = np.append(0, end)
        event = timeline.event[: offsets[-1]]
        return Histories(offsets, self.item[event], self.rating[event], self.timestamp[event])

    def kept(self, key: tuple[str, ...], compute: Callable[[], FloatsT]) -> FloatsT:
        """Compute once what is the same for all who ask."""
        if key not in self._kept:
            self._kept[key] = compute()
        found: FloatsT = self._kept[key]
        return found

    def timeline(
        self, owner: Owner, part: Part = "all", column: str = "", by: Attribute | None = None
    ) -> Timeline[Known]:
        """Sort the events of each user or item, once.

        Parameters
        ----------
        part
            Which events.
        column, by
            Group them by the values of an attribute, too (of items for users' events, of users for
            items'): its name, and its values. An event with several is in several groups.
        """
        key = (owner, part, column)
        found = self._timelines.get(key)
        if found is None:
            found = self._timelines[key] = self._sorted(owner, part, by)
        return found

    def _sorted(self, owner: Owner, part: Part, by: Attribute | None) -> Timeline[Known]:
        events = np.arange(len(self)) if part == "all" else np.flatnonzero(self._wanted(part))
        group = group_of(owner, self.dataset, self.user, self.item, self.request)
        if by is None:
            return Timeline(self, group[events], events)
        member, value = values_of(by, getattr(self, other_side(owner))[events])
        return Timeline(self, group[events][member] * len(by.vocabulary) + value, events[member])

    def _wanted(self, part: Part) -> BoolArray:
        return self.relevant if part == "liked" else ~self.relevant

    def requests(self, users: NDArray[np.integer], histories: Histories) -> Requests:
        """Add requests, whose histories take the place of what is known of their users here.

        Parameters
        ----------
        users
            Shape (n,): user numbers; one that the data set does not have is a stranger.
        histories
            n rows: the history of each request.
        """
        n_users = self.dataset.n_users
        strange = (users < 0) | (users >= n_users)
        numbers: IntArray = np.where(strange, n_users, users).astype(np.int32)
        return Requests(self, numbers, self._brought(numbers, histories), histories.asked)

    def _brought(self, users: IntArray, histories: Histories) -> Known:
        ratings, row = histories.ratings, histories.row
        return Known(
            self.dataset,
            users[row],
            histories.items,
            ratings,
            histories.timestamps,
            _relevant(ratings, self.threshold),
            np.full(len(ratings), -1, dtype=np.int64),
            self.threshold,
            row.astype(np.int32),
            self,
        )

    def of_users(self, users: IntArray) -> Known:
        """Give the events that are known of some users, those of users[i] as those of request i."""
        start, end = self.timeline("user").bounds(
            users.astype(np.int64), np.zeros(len(users), np.int64), "others", after=False
        )
        lengths = end - start
        request = np.repeat(np.arange(len(users)), lengths)
        place = np.arange(len(request)) - np.repeat(np.cumsum(lengths) - lengths - start, lengths)
        events = self.timeline("user").event[place]
        columns: dict[str, Any] = {name: getattr(self, name)[events] for name in COLUMNS}
        who = request.astype(np.int32)
        return Known(self.dataset, **columns, threshold=self.threshold, request=who, everybody=self)


@dataclass(frozen=True, eq=False)
class Requests:
    """Users who are asked about, each with a history of its own, and everybody's events.

    Parameters
    ----------
    everybody
        The events that are there whoever asks.
    users
        Shape (n,): the user of each request; `dataset.n_users` for a stranger.
    brought
        The requests' histories.
    asked
        Shape (n,): when each request is made; None: at the last event of its history.
    """

    everybody: Known
    users: IntArray
    brought: Known
    asked: TimeArray | None = None

    @cached_property
    def replaced(self) -> Known:
        """What `everybody` has of their users, which the histories stand for."""
        return self.everybody.of_users(self.users)

    @cached_property
    def tastes(self) -> FloatArray:
        """Shape (n, 1 + DIM): what each history's ratings say, for everybody's `predictions`."""
        return self.everybody.predictions.solve(self.brought.histories(len(self.users)))

    @property
    def dataset(self) -> Dataset:
        """For attributes of users and items."""
        return self.everybody.dataset

    @cached_property
    def times(self) -> TimeArray:
        """Shape (n,): when each is made; without a history and untold, at the last event of all."""
        if self.asked is not None:
            return self.asked
        last = np.full(len(self.users), NO_TIME)
        assert self.brought.request is not None
        np.maximum.at(last, self.brought.request, self.brought.timestamp)
        last[last == NO_TIME] = self.everybody.last_time
        return last


def _relevant(ratings: FloatArray, threshold: float | None) -> BoolArray:
    if threshold is None:
        return np.ones(len(ratings), dtype=np.bool_)
    return ratings >= threshold


def other_side(owner: Owner) -> Owner:
    """Tell whose attribute the events of an owner share: a user's events are with items."""
    return "item" if owner == "user" else "user"


def group_of(
    owner: Owner,
    dataset: Dataset,
    user: IntArray,
    item: IntArray,
    request: IntArray | None,
) -> TimeArray:
    """Shape (n,): the number under which events of an owner are found, or asked for.

    Parameters
    ----------
    user, item, request
        Shape (n,) each; with requests a user's events are the request's, and so are an item's.
    """
    if request is None:
        return (user if owner == "user" else item).astype(np.int64)
    if owner == "user":
        return request.astype(np.int64)
    return request.astype(np.int64) * dataset.n_items + item


def values_of(by: Attribute, entry: IntArray) -> tuple[TimeArray, TimeArray]:
    """List the values of each entry: its number and a code, shape (m,) each; missing: none.

    Parameters
    ----------
    entry
        Shape (n,): user or item numbers; one beyond the data set has no values.
    """
    if isinstance(by, Categorical):
        codes = np.append(by.codes, np.int32(-1))[np.minimum(entry, len(by.codes))]
        known = np.flatnonzero(codes >= 0)
        return known, codes[known].astype(np.int64)
    offsets = np.append(by.offsets, by.offsets[-1])
    entry = np.minimum(entry, len(by.offsets) - 1)
    lengths = np.diff(offsets)[entry]
    number = np.repeat(np.arange(len(entry)), lengths)
    first = np.cumsum(lengths) - lengths
    place = np.arange(len(number)) - first[number] + offsets[entry][number]
    return number, by.codes[place].astype(np.int64)
