"""What features are computed for and from: queries (who, what, when) and the events known then.

Training rows and requests go through the same functions. A training, validation or test row is an
event of the data set:

    encoder.encode(Queries.of_events(split.train), split.train)   # what train rows may see
    encoder.encode(Queries.of_events(split.test), split.known)    # train and validation

A request asks about candidates at the moment of the user's last known event:

    known = Known.of(split.known)
    queries = Queries.at_request(known, users, items, given={"ease_score": scores})
    ranker.predict(queries, known)                                # shape (n, tasks)

`users` and `items` have shape (n,), one entry a candidate. Columns that come with the rows (scores
and ranks of recall channels) are `given` by name, float32 of shape (n,), NaN where missing; a
schema reads them with ``{name: ease_score, source: given, kind: numeric}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, Dataset, FloatArray, IntArray, TimeArray
from recsys_core.errors import InputError
from recsys_core.protocols.interactions import Histories, Interactions


@dataclass(frozen=True)
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
    """

    dataset: Dataset
    user: IntArray
    item: IntArray
    rating: FloatArray
    timestamp: TimeArray
    relevant: BoolArray
    event: TimeArray

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
        )

    @classmethod
    def of_histories(
        cls,
        dataset: Dataset,
        users: NDArray[np.integer],
        histories: Histories,
        threshold: float | None,
    ) -> Self:
        """Take given histories: row r of `histories` is what is known of users[r]."""
        ratings = histories.ratings
        relevant = np.ones(len(ratings), np.bool_) if threshold is None else ratings >= threshold
        return cls(
            dataset,
            np.asarray(users, np.int32)[histories.row],
            histories.items,
            ratings,
            histories.timestamps,
            relevant,
            np.full(len(ratings), -1, dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.user)

    def with_events(self, other: Known) -> Known:
        """Put the events of both together, e.g. a newcomer's history and everybody else's."""
        arrays = (
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("user", "item", "rating", "timestamp", "relevant", "event")
        )
        return Known(self.dataset, *arrays)

    def take(self, events: NDArray[np.integer] | BoolArray) -> Known:
        """Pick events by number or mask."""
        return Known(
            self.dataset,
            self.user[events],
            self.item[events],
            self.rating[events],
            self.timestamp[events],
            self.relevant[events],
            self.event[events],
        )


@dataclass(frozen=True)
class Queries:
    """Rows to compute features for.

    Parameters
    ----------
    dataset
        For attributes of users and items.
    user, item
        Shape (n,): who and what. A user number of `dataset.n_users` or more has no attributes.
    timestamp
        Shape (n,): when.
    event
        Shape (n,): the row of the data set that a query is, which it must never see; -1: none.
    after
        Whether events at the very timestamp are seen. A request follows the user's last event; rows
        that are events themselves see none of equal time.
    given
        Columns that come with the rows, shape (n,) each; NaN is missing.
    """

    dataset: Dataset
    user: IntArray
    item: IntArray
    timestamp: TimeArray
    event: TimeArray
    after: bool = False
    given: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, values in self.given.items():
            if values.shape != self.user.shape:
                raise InputError(
                    f"given column '{name}' has shape {values.shape}, there are {len(self)} rows",
                    "give one number a row",
                )

    @classmethod
    def of_events(cls, rows: Interactions, given: Mapping[str, FloatArray] | None = None) -> Self:
        """Ask about events of the data set: training, validation and test rows."""
        return cls(rows.dataset, rows.user, rows.item, rows.timestamp, rows.rows, given=given or {})

    @classmethod
    def at_request(
        cls,
        known: Known,
        users: NDArray[np.integer],
        items: NDArray[np.integer],
        given: Mapping[str, FloatArray] | None = None,
    ) -> Self:
        """Ask about candidates at each user's last event in `known`.

        A user without events is asked about at the last event of all.

        Parameters
        ----------
        users, items
            Shape (n,): one candidate a row.
        """
        return cls(
            known.dataset,
            users.astype(np.int32),
            items.astype(np.int32),
            request_times(known, users),
            np.full(len(users), -1, dtype=np.int64),
            after=True,
            given=given or {},
        )

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: slice) -> Queries:
        """Pick some rows."""
        return Queries(
            self.dataset,
            self.user[rows],
            self.item[rows],
            self.timestamp[rows],
            self.event[rows],
            self.after,
            {name: values[rows] for name, values in self.given.items()},
        )


def request_times(known: Known, users: NDArray[np.integer]) -> TimeArray:
    """Shape (n,): the time of each user's last known event, or of the last one of all."""
    size = 1 + max(int(known.user.max(initial=-1)), int(users.max(initial=-1)))
    none = np.iinfo(np.int64).min
    last = np.full(size, none)
    np.maximum.at(last, known.user, known.timestamp)
    last[last == none] = known.timestamp.max(initial=0)
    times: TimeArray = last[users]
    return times
