"""The outcome of a protocol: three parts of a data set, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, Dataset, TimeArray, update_digest
from recsys_core.data.interactions import Histories, Interactions, KnownItems
from recsys_core.data.timelines import Timelines
from recsys_core.errors import InputError

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Split:
    """Train, validation and test rows of one data set under one protocol.

    Parameters
    ----------
    protocol
        The protocol's name, e.g. ``"user-timeline"``.
    parameters
        Its parameters as plain values.
    leaks
        A sentence: what a model may see here that it could not have known in use.
    train, valid, test
        The rows, each in time order.
    counts
        What the protocol left out or found, by name, e.g. ``{"dropped_cold_rows": 12}``.
    cut
        Of a split that has all rows in train: the one that the protocol makes; else None.
    windows
        With several test windows: the split of each by its date, the last of which this one is;
        empty otherwise.
    """

    protocol: str
    parameters: dict[str, Any]
    leaks: str
    train: Interactions
    valid: Interactions
    test: Interactions
    counts: dict[str, int] = field(default_factory=dict)
    cut: Split | None = None
    windows: Mapping[str, Split] = field(default_factory=dict)

    @property
    def dataset(self) -> Dataset:
        """The data set that was split."""
        return self.train.dataset

    @property
    def threshold(self) -> float | None:
        """A rating of at least this is relevant; None: every row is."""
        return self.train.threshold

    @property
    def known_items(self) -> KnownItems:
        """Whether users may be recommended what they know."""
        return self.train.known_items

    @property
    def negatives(self) -> int:
        """Items drawn beside each event for ranking models; only without ratings and labels."""
        return 0 if self.dataset.explicit else int(self.parameters.get("negatives", 0))

    @property
    def negative_sampler(self) -> str:
        """How they are drawn."""
        return str(self.parameters.get("negative_sampler", "uniform"))

    @cached_property
    def known(self) -> Interactions:
        """Train and validation rows, and queries: what is known of the users at test time."""
        rows = self.known_rows()
        return Interactions.in_time_order(self.dataset, rows, self.threshold, self.known_items)

    def known_rows(self) -> TimeArray:
        """Give the row numbers of what is known of the users at test time, in any order."""
        return np.concatenate([self.train.rows, self.valid.rows, self.query])

    def timelines(self) -> Timelines | Histories:
        """Give what `requests` gives of all users, a few at a time where that can be."""
        if self.test.request_time != "last":
            return self.requests(np.arange(self.dataset.n_users))
        return Timelines(self.dataset, self.known_rows())

    def requests(self, users: NDArray[np.integer]) -> Histories:
        """Give what is known of users at test time, and when they are asked; one row each."""
        return self.test.asked(users, self.known.histories().take(users))

    @cached_property
    def known_before_valid(self) -> Interactions:
        """Train rows, and queries of validation users: what is known when these are asked for."""
        return self.train.with_query_of(self.valid)

    @cached_property
    def query(self) -> TimeArray:
        """Rows with which validation and test users are asked and that nothing is learned from."""
        queries = [part.query for part in (self.valid, self.test) if part.query is not None]
        return np.concatenate(queries) if queries else np.empty(0, dtype=np.int64)

    def row_parts(self) -> dict[str, TimeArray]:
        """Give the row numbers of each part by its name, those of train first."""
        rows = {name: getattr(self, name).rows for name in PARTS}
        return rows | ({"query": self.query} if len(self.query) else {})

    def parts(self) -> NDArray[np.uint8]:
        """Tell where each row of the data set went, in the order of `Dataset.timeline`.

        Returns
        -------
        Shape (n_interactions,): 0 train, 1 validation, 2 test, 3 left out, 4 query.
        """
        codes = np.full(self.dataset.n_interactions, 3, dtype=np.uint8)
        for code, part in enumerate((self.train, self.valid, self.test)):
            codes[part.rows] = code
        codes[self.query] = 4
        return codes[self.dataset.timeline]

    @cached_property
    def catalogue(self) -> BoolArray:
        """Shape (n_items,): the items that may be recommended: with a train row, and new ones."""
        return self.train.catalogue

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the data fingerprint, what is asked, and the sorted row ids of each part."""
        digest = blake2b(digest_size=16)
        digest.update(f"{self.dataset.fingerprint}{self.threshold}".encode())
        if self.known_items != "exclude":
            digest.update(f"known_items {self.known_items}".encode())
        if self.train.request_time != "last":
            digest.update(f"request_time {self.train.request_time}".encode())
        if self.negatives:
            digest.update(f"negatives {self.negatives} {self.negative_sampler}".encode())
        for part in (self.train, self.valid, self.test):
            update_digest(digest, np.sort(part.rows))
        if len(self.query):
            digest.update(b"query")
            update_digest(digest, np.sort(self.query))
        for date, window in self.windows.items():
            digest.update(f"window {date} {window.fingerprint}".encode())
        if self.train.new_items is not None:
            digest.update(b"new items")
            update_digest(digest, self.train.new_items)
        return digest.hexdigest()


def require_one_window(split: Split, what: str) -> None:
    """Raise InputError for a split of several windows, where `what` is of a single one."""
    if split.windows:
        raise InputError(
            f"protocol {split.protocol} has {len(split.windows)} windows; {what} one split",
            f"take one by its date, e.g. --set protocol.date={next(iter(split.windows))}",
        )
