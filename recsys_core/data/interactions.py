"""Rows of a data set as models see them, and the histories of users."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    BoolArray,
    Dataset,
    FloatArray,
    IntArray,
    Numeric,
    TimeArray,
    event_counts,
)

if TYPE_CHECKING:  # slow to import, and not every model asks for a matrix
    import scipy.sparse as sp

#: more rows than one in so many of all are sorted by the timeline of all
MOST = 4

#: whether items that a user knows may be recommended to that user
KnownItems = Literal["exclude", "allow"]
#: when a user is asked: at the last known event, or at the event that is asked for
RequestTime = Literal["last", "target"]
#: the largest of 32 bits
MOST_NARROW = np.iinfo(np.int32).max


def among(keys: NDArray[np.integer], pairs: TimeArray) -> BoolArray:
    """Tell which keys, of any shape, are some of `pairs`: distinct (user, item) keys, ascending."""
    if not len(pairs):
        return np.zeros(keys.shape, dtype=np.bool_)
    place = np.minimum(np.searchsorted(pairs, keys), len(pairs) - 1)
    found: BoolArray = pairs[place] == keys
    return found


def _by_time(dataset: Dataset, rows: TimeArray) -> TimeArray:
    """Sort rows by time, then by number."""
    times = dataset.timestamp[rows]
    first = int(times.min()) if len(rows) else 0
    bits = dataset.n_interactions.bit_length()
    if (int(times.max(initial=first)) - first + 1) << bits >= 2**63:
        return rows[np.lexsort((rows, times))]
    # time and row in one number: values are sorted in a third of the time of their places
    times -= first
    times <<= bits
    times |= rows
    times.sort()
    times &= (1 << bits) - 1
    return times


@dataclass(frozen=True)
class Interactions:
    """Some rows of a data set, in time order (timestamp, then file order).

    Parameters
    ----------
    dataset
        The data set, for attributes, original ids and the tie order.
    rows
        Shape (n,), int64: row numbers in the data set.
    threshold
        A row is relevant when its rating is at least this; None makes every row relevant.
    known_items
        Whether a model that learns from these rows recommends what users know, by default.
    query
        Shape (m,), int64: row numbers of the events with which the users of these rows are asked,
        where no model learns from them; None: they are asked with their train rows.
    new_items
        Shape (m,), ascending: items without a row here that may be recommended all the same; None:
        there are none.
    request_time
        When the users of these rows are asked for them, as models are told.
    """

    dataset: Dataset
    rows: TimeArray
    threshold: float | None
    known_items: KnownItems = "exclude"
    query: TimeArray | None = None
    new_items: IntArray | None = None
    request_time: RequestTime = "last"

    @classmethod
    def in_time_order(
        cls,
        dataset: Dataset,
        rows: TimeArray,
        threshold: float | None,
        known_items: KnownItems = "exclude",
    ) -> Interactions:
        """Build from row numbers in any order."""
        return cls(dataset, _by_time(dataset, rows), threshold, known_items)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n_users(self) -> int:
        """Number of users of the data set (ids run over all of them)."""
        return self.dataset.n_users

    @property
    def n_items(self) -> int:
        """Number of items of the data set (ids run over all of them)."""
        return self.dataset.n_items

    @cached_property
    def user(self) -> IntArray:
        """Shape (n,): user of each row."""
        return self.dataset.user[self.rows]

    @cached_property
    def item(self) -> IntArray:
        """Shape (n,): item of each row."""
        return self.dataset.item[self.rows]

    @cached_property
    def rating(self) -> FloatArray:
        """Shape (n,): rating of each row."""
        return self.dataset.rating[self.rows]

    @cached_property
    def timestamp(self) -> TimeArray:
        """Shape (n,): seconds since 1970 of each row."""
        return self.dataset.timestamp[self.rows]

    @cached_property
    def relevant(self) -> BoolArray:
        """Shape (n,): whether the protocol counts the row as liked."""
        if self.threshold is None:
            return np.ones(len(self), dtype=np.bool_)
        return self.rating >= self.threshold

    def where(self, mask: NDArray[np.bool_]) -> Interactions:
        """Keep the rows at which `mask`, shape (n,), is true."""
        return replace(self, rows=self.rows[mask])

    def asked_with(self, rows: TimeArray) -> Interactions:
        """Say with which events the users of these rows are asked: theirs among `rows`."""
        own = rows[np.isin(self.dataset.user[rows], self.user)]
        return replace(self, query=own) if len(own) else self

    def with_query_of(self, *judged: Interactions | None) -> Interactions:
        """Add the events that the users of `judged` are asked with to these, which are known."""
        queries = [each.query for each in judged if each is not None and each.query is not None]
        if not queries:
            return self
        rows: TimeArray = np.concatenate([self.rows, *queries])
        return Interactions.in_time_order(self.dataset, rows, self.threshold, self.known_items)

    def positives(self) -> Interactions:
        """Keep the relevant rows: what a recall model learns from."""
        return self.where(self.relevant)

    def item_counts(self) -> TimeArray:
        """Shape (n_items,): rows of each item."""
        return event_counts(self.item, self.n_items)

    @cached_property
    def catalogue(self) -> BoolArray:
        """Shape (n_items,): what a model that learns from these rows may recommend."""
        catalogue = self.item_counts() > 0
        if self.new_items is not None:
            catalogue[self.new_items] = True
        return catalogue

    def pairs(self) -> TimeArray:
        """Shape (m,): the distinct (user, item) pairs as user * n_items + item, ascending."""
        keys = np.sort(self.user.astype(np.int64) * self.n_items + self.item)
        first: BoolArray = np.diff(keys, prepend=-1) != 0
        return keys[first]

    def matrix(self) -> sp.csr_matrix:
        """Build the binary user-item matrix, float32, shape (n_users, n_items)."""
        import scipy.sparse as sp

        ones = np.ones(len(self), dtype=np.float32)
        matrix = sp.csr_matrix((ones, (self.user, self.item)), shape=(self.n_users, self.n_items))
        matrix.data[:] = 1.0  # a repeated pair was summed
        return matrix

    @cached_property
    def weight(self) -> FloatArray | None:
        """Shape (n,): what each row weighs by its type; None where nothing is said of it."""
        column = self.dataset.event_columns.get("type_weight")
        return column.values[self.rows] if isinstance(column, Numeric) else None

    def weighted_matrix(self) -> sp.csr_matrix:
        """Build the matrix of what pairs weigh: the most that an event of theirs does, 1 without.

        Shape (n_users, n_items), float32.
        """
        matrix = self.matrix()
        if self.weight is None:
            return matrix
        matrix.sum_duplicates()
        pairs = self.pairs()  # in the order of the sorted entries
        keys = self.user.astype(np.int64) * self.n_items + self.item
        most = np.zeros(len(pairs), dtype=np.float32)
        np.maximum.at(most, np.searchsorted(pairs, keys), self.weight)
        matrix.data[:] = most
        return matrix

    def histories(self) -> Histories:
        """Group by user; row u of the result is user u, oldest event first."""
        data, rows = self.dataset, self._rows_by_user()
        counts = event_counts(self.user, self.n_users)
        return Histories(
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            items=data.item[rows],
            ratings=data.rating[rows],
            timestamps=data.timestamp[rows],
        )

    def _rows_by_user(self) -> TimeArray:
        """Sort the rows by user; of most of the rows of a set by its timeline, which is sorted."""
        if MOST * len(self) > self.dataset.n_interactions:
            here = np.zeros(self.dataset.n_interactions, dtype=np.bool_)
            here[self.rows] = True
            timeline = self.dataset.timeline
            rows: TimeArray = timeline[here[timeline]]
            if len(rows) == len(self):  # none of them twice
                return rows
        return self.rows[np.argsort(self.user, kind="stable")]

    def asked(self, users: NDArray[np.integer], histories: Histories) -> Histories:
        """Say when users are asked for these rows, if models are told: at the first of each user's.

        Parameters
        ----------
        users, histories
            Who, shape (n,), and what is known of them; who has no row here is asked as ever.
        """
        if self.request_time == "last":
            return histories
        times = histories.request_times(int(self.dataset.timestamp.max(initial=0))).copy()
        row = np.full(self.n_users, -1)
        row[self.user[::-1]] = np.arange(len(self))[::-1]  # in time order: the first one stays
        some = row[users] >= 0
        times[some] = self.timestamp[row[users[some]]]
        return replace(histories, asked=times)


@dataclass(frozen=True)
class Histories:
    """Ragged table: row r has items[offsets[r]:offsets[r + 1]], oldest first.

    Parameters
    ----------
    offsets
        Shape (n + 1,), int64.
    items, ratings, timestamps
        Shape (offsets[-1],): what, how rated, when.
    asked
        Shape (n,): when something is asked of each row; None: at its last event.
    """

    offsets: TimeArray
    items: IntArray
    ratings: FloatArray
    timestamps: TimeArray
    asked: TimeArray | None = None

    @classmethod
    def empty(cls, rows: int) -> Histories:
        """Give rows without an event."""
        none = np.empty(0, dtype=np.int64)
        items, ratings = none.astype(np.int32), none.astype(np.float32)
        return cls(np.zeros(rows + 1, dtype=np.int64), items, ratings, none)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> TimeArray:
        """Shape (n,): events of each row."""
        return self.offsets[1:] - self.offsets[:-1]  # as np.diff, which takes five times as long

    @property
    def row(self) -> TimeArray:
        """Shape (offsets[-1],): the row each event belongs to."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def take(self, rows: NDArray[np.integer]) -> Histories:
        """Pick rows by number, in the given order; repeats are allowed."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        events = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        arrays = (self.items[events], self.ratings[events], self.timestamps[events])
        return Histories(offsets, *arrays, None if self.asked is None else self.asked[rows])

    def where(self, mask: NDArray[np.bool_]) -> Histories:
        """Keep the events at which `mask`, shape (offsets[-1],), is true; rows may become empty."""
        kept = np.concatenate([[0], np.cumsum(mask)])
        arrays = (self.items[mask], self.ratings[mask], self.timestamps[mask])
        return Histories(kept[self.offsets], *arrays, self.asked)

    def or_else(self, other: Histories) -> Histories:
        """Replace the rows without an event by those of `other`, which has as many rows."""
        both = Histories(
            np.concatenate([self.offsets, self.offsets[-1] + other.offsets[1:]]),
            np.concatenate([self.items, other.items]),
            np.concatenate([self.ratings, other.ratings]),
            np.concatenate([self.timestamps, other.timestamps]),
        )
        row = np.arange(len(self))
        found = both.take(np.where(self.lengths > 0, row, row + len(self)))
        return replace(found, asked=self.asked)

    def request_times(self, otherwise: int) -> TimeArray:
        """Shape (n,): when something is asked of each row; `otherwise` of an empty one."""
        if self.asked is not None:
            return self.asked
        times = np.full(len(self), otherwise, dtype=np.int64)
        some = self.lengths > 0
        times[some] = self.timestamps[self.offsets[1:][some] - 1]
        return times

    def once(self) -> Histories:
        """Keep the first of each row's events with an item."""
        width = int(self.items.max(initial=0)) + 1
        _, first = np.unique(self.row * width + self.items, return_index=True)
        kept = np.zeros(len(self.items), dtype=np.bool_)
        kept[first] = True
        return self.where(kept)

    def matrix(self, n_items: int, values: NDArray[np.float32] | None = None) -> sp.csr_matrix:
        """Build the matrix of shape (n, n_items): `values` per event, or ones; repeats add up."""
        import scipy.sparse as sp

        data = np.ones(len(self.items), np.float32) if values is None else values
        # copied: summing up sorts the arrays in place
        parts = (data, self.items, narrow(self.offsets))
        matrix = sp.csr_matrix(parts, (len(self), n_items), copy=True)
        matrix.sum_duplicates()
        return matrix


def narrow(offsets: TimeArray) -> NDArray[np.integer]:
    """Store offsets of a sparse matrix as SciPy does, which finds that out in five times as long.

    In 32 bits, where the last and largest one fits.
    """
    return offsets.astype(np.int32) if offsets[-1] <= MOST_NARROW else offsets
