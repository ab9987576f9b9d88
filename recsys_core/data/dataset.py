"""The in-memory data set: ids mapped once, columns contiguous, one fingerprint."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int32]
FloatArray = NDArray[np.float32]
TimeArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
TextArray = NDArray[np.str_]


@dataclass(frozen=True)
class Categorical:
    """One value per row: `codes` index `vocabulary`; -1 is missing."""

    codes: IntArray
    vocabulary: TextArray


@dataclass(frozen=True)
class MultiCategorical:
    """Any number of values per row, e.g. genres: row r has codes[offsets[r]:offsets[r + 1]]."""

    offsets: TimeArray
    codes: IntArray
    vocabulary: TextArray


@dataclass(frozen=True)
class Numeric:
    """One number per row; NaN is missing."""

    values: FloatArray


@dataclass(frozen=True)
class Text:
    """Free text per row, for people only, e.g. titles; empty is missing."""

    values: TextArray


@dataclass(frozen=True)
class Vectors:
    """One vector per row, e.g. of its text: `values` has shape (n, numbers); NaN is missing."""

    values: FloatArray


#: rows that are turned into others at a time, where all at once would be as large as the set
BLOCK_ROWS = 2**20
#: the column of events with the part of a published split that each belongs to
PART = "part"
#: columns of events that say what came of it, or how it is used: no feature reads them
OUTCOME_COLUMNS = ("type", "type_weight", PART)

Column = Categorical | MultiCategorical | Numeric | Text | Vectors


@dataclass(frozen=True)
class Dataset:
    """Events with attributes of users and items.

    Users and items are numbered 0..n-1 once, in ascending order of their original ids (numeric
    order where every id is a number); all arrays are indexed by these numbers.

    Parameters
    ----------
    name
        The registered name, e.g. ``"ml-1m"``.
    user, item
        Shape (n_interactions,): who and what, in the order of the file.
    rating
        Shape (n_interactions,): the rating, or the label (0 or 1) when `labelled` is True; all
        ones when `explicit` is False.
    timestamp
        Shape (n_interactions,): seconds since 1970; all zeros when `timed` is False.
    user_ids, item_ids
        Original ids as text, shapes (n_users,) and (n_items,).
    user_columns, item_columns
        Attributes by name; items may have ``title``, ``year`` and ``genres``.
    explicit, timed
        Whether the source had ratings or labels, and times.
    synthetic
        Whether the data are made up; shown wherever the set is shown.
    event_columns
        What else there is of each event, by name: ``type``, one of a few texts, ``type_weight``,
        what an event of its type weighs, ``part``, the part of a published split that it belongs
        to, and what was known when it happened.
    labelled
        Whether what the source had are labels, no ratings.
    item_numbers
        Shape (n_items,), of a set that some items were left out of: their numbers in the whole
        one, whose fingerprint it has; None: it is whole.
    """

    name: str
    user: IntArray
    item: IntArray
    rating: FloatArray
    timestamp: TimeArray
    user_ids: TextArray
    item_ids: TextArray
    user_columns: dict[str, Column]
    item_columns: dict[str, Column]
    explicit: bool = True
    timed: bool = True
    synthetic: bool = False
    event_columns: dict[str, Column] = field(default_factory=dict)
    labelled: bool = False
    item_numbers: IntArray | None = None

    @property
    def columns(self) -> dict[str, dict[str, Column]]:
        """Side (``user``, ``item``, ``event``) -> its columns by name."""
        return {"user": self.user_columns, "item": self.item_columns, "event": self.event_columns}

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    @property
    def n_interactions(self) -> int:
        """Number of events."""
        return len(self.user)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of ids, rows and attributes; the name is not part of it."""
        arrays = [self.user_ids, self.item_ids, self.user, self.item, self.rating, self.timestamp]
        digest = blake2b(digest_size=16)
        for array in arrays:
            update_digest(digest, array)
        for side, columns in self.columns.items():
            for name in sorted(columns):
                digest.update(f"{side}.{name}".encode())
                for array in vars(columns[name]).values():
                    update_digest(digest, array)
        return digest.hexdigest()

    @cached_property
    def n_repeats(self) -> int:
        """Number of events whose user had met the item before."""
        pairs = np.sort(self.user.astype(np.int64) * self.n_items + self.item)
        return int(np.count_nonzero(pairs[1:] == pairs[:-1]))

    @property
    def context(self) -> dict[str, Column]:
        """What was known when an event happened, by name: columns that features may read."""
        return {n: c for n, c in self.event_columns.items() if n not in OUTCOME_COLUMNS}

    @cached_property
    def timeline(self) -> TimeArray:
        """Shape (n_interactions,): rows by user, each user's oldest first, then in file order."""
        rows = self.n_interactions
        first = int(self.timestamp.min()) if rows else 0
        span = int(self.timestamp.max(initial=first)) - first + 1
        bits = rows.bit_length()
        if (self.n_users * span) << bits >= 2**63:
            return np.lexsort((self.timestamp, self.user))
        # user, time and row in one number: values are sorted in half the time of their places
        key = self.user.astype(np.int64)
        key *= span
        key += self.timestamp
        key -= first
        key <<= bits
        for start in range(0, rows, BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, rows)
            key[start:stop] |= np.arange(start, stop)
        key.sort()
        key &= (1 << bits) - 1
        return key

    @cached_property
    def tie_rank(self) -> IntArray:
        """Shape (n_items,): the fixed pseudo-random order in which equal scores are listed.

        Lower comes first. It depends on the data fingerprint alone, so that a tie is never broken
        in any model's favour and always the same way.
        """
        return tie_rank_of(self.fingerprint, self.n_items)


def tie_rank_of(fingerprint: str, n_items: int) -> IntArray:
    """Draw `Dataset.tie_rank` of the set with that fingerprint."""
    rng = np.random.default_rng(int(fingerprint[:16], 16))
    return rng.permutation(n_items).astype(np.int32)


def event_counts(numbers: IntArray, n: int) -> TimeArray:
    """Count the events of each of `n` users or items, some rows at a time."""
    counts = np.zeros(n, np.int64)
    for start in range(0, len(numbers), BLOCK_ROWS):
        counts += np.bincount(numbers[start : start + BLOCK_ROWS], minlength=n)
    return counts


def update_digest(digest: Any, array: NDArray[Any]) -> None:
    """Add an array's kind, shape and content to a hash; text is hashed as UTF-8."""
    if array.dtype.kind == "U":
        content = b"\0".join(
            "\0".join(array[start : start + BLOCK_ROWS].tolist()).encode()
            for start in range(0, len(array), BLOCK_ROWS)
        )
        digest.update(f"U{array.shape}{len(content)}".encode())
        digest.update(content)
    else:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
