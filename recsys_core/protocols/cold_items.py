"""New items: nothing is learned of them, and they may be recommended all the same."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recsys_core.data.dataset import BoolArray, Dataset, IntArray, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.protocols.base import (
    DROPPED,
    SEED,
    TEST,
    TRAIN,
    VALID,
    Cut,
    ProtocolConfig,
    share_of,
)
from recsys_core.protocols.dates import Date, check_date, seconds_of
from recsys_core.protocols.leaks import FUTURE, of_new_items
from recsys_core.protocols.random_cuts import cut_each_user

SHARE = 0.1


class ColdItems(ProtocolConfig):
    """Some items are new: all their rows are for testing, and lists may hold them.

    Either max(1, floor(share * n)) of n items, drawn at random; rows of other items are cut as by
    random-per-user. Or the items that first appear at a date: rows before it are train, the latest
    of them validation. Rows of users without a train row are dropped and counted.
    """

    name: ClassVar[str] = "cold-items"
    leaks: ClassVar[str] = FUTURE
    has_new_items: ClassVar[bool] = True

    share: float = Field(SHARE, gt=0, lt=1, description="Share of the items that are new.")
    date: Date | None = Field(
        None,
        description="Test rows are those from this date or time on (UTC), and the items that first"
        " appear then are new; null: the share decides.",
    )
    valid_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share used for validation: of each user's rows of other items, or of the rows"
        " before the date.",
    )
    test_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share of each user's rows of other items used for testing; with a date, all"
        " later rows are.",
    )

    @model_validator(mode="after")
    def _either_share_or_date(self) -> Self:
        if self.date is not None and self.share != SHARE:
            raise ValueError(f"share = {self.share:g} has no effect with a date")
        return self

    @property
    def needs_times(self) -> bool:
        """A date alone needs them."""
        return self.date is not None

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        user, item = dataset.user[rows], dataset.item[rows]
        part, is_new = (
            self._by_share(user, item)
            if self.date is None
            else self._by_date(dataset, rows, seconds_of(self.date, 0))
        )
        has_train = np.bincount(user[part == TRAIN], minlength=dataset.n_users) > 0
        cold = ~has_train[user]
        part[cold] = DROPPED
        new: IntArray = np.unique(item[is_new & ~cold])
        if not len(new):
            raise InputError(
                f"protocol {self.name} on data set '{dataset.name}': no item is new to users with"
                " train rows",
                "choose an earlier date, or a larger share",
            )
        return Cut(part, {"new_items": len(new), "dropped_cold_rows": int(cold.sum())}, new)

    def _by_share(self, user: IntArray, item: IntArray) -> tuple[NDArray[np.int8], BoolArray]:
        """Draw new items; tell the rows of each part, and those of new items."""
        rng = np.random.default_rng(SEED)
        items = rng.permutation(np.unique(item))
        count = max(1, int(share_of(np.array(len(items)), self.share)))
        is_new = np.isin(item, items[:count])
        part = np.full(len(item), TEST, dtype=np.int8)
        part[~is_new] = cut_each_user(user[~is_new], rng, self.valid_share, self.test_share)
        return part, is_new

    def _by_date(
        self, dataset: Dataset, rows: TimeArray, start: int
    ) -> tuple[NDArray[np.int8], BoolArray]:
        """Cut at a time, where the rows before it are cut once more for validation."""
        times, item = dataset.timestamp[rows], dataset.item[rows]
        check_date(self.name, dataset.name, "date", str(self.date), start, times)
        later = times >= start
        order = np.argsort(times, kind="stable")
        before = int(np.count_nonzero(~later))
        valid = before - int(share_of(np.array(before), self.valid_share))
        part = np.full(len(rows), TRAIN, dtype=np.int8)
        part[order[valid:]] = VALID
        part[later] = TEST
        appeared = np.bincount(item[~later], minlength=dataset.n_items) > 0
        return part, ~appeared[item]

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return of_new_items(train, valid, test)
