"""Cuts by time: within each user, at one moment for all users, or at each user's last event."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.data.dataset import Dataset, TimeArray
from recsys_core.data.interactions import Interactions
from recsys_core.protocols.base import (
    DROPPED,
    TEST,
    TRAIN,
    VALID,
    Cut,
    ProtocolConfig,
    places_from_end,
    share_of,
)
from recsys_core.protocols.leaks import NOTHING_LATER, OTHERS_FUTURE, at_one_moment, within_users

SECONDS_A_DAY = 86_400
#: users with fewer events stay in train: one is needed for each part
MIN_EVENTS = 3


class UserTimeline(ProtocolConfig):
    """Each user's last events are test, as many before them validation.

    A user with n >= 3 events gives max(1, floor(test_share * n)) to test and as many to
    validation; users with fewer stay in train.
    """

    name: ClassVar[str] = "user-timeline"
    leaks: ClassVar[str] = OTHERS_FUTURE
    by_time: ClassVar[bool] = True

    test_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share of each user's events, the latest, used for testing; the same number "
        "before them is used for validation.",
    )

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        return _cut_users_ends(dataset, rows, self.test_share)

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return within_users(train, valid, test)


class LeaveLastOut(ProtocolConfig):
    """Each user's last event is test, the one before it validation."""

    name: ClassVar[str] = "leave-last-out"
    leaks: ClassVar[str] = OTHERS_FUTURE
    by_time: ClassVar[bool] = True

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        return _cut_users_ends(dataset, rows, 0.0)

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return within_users(train, valid, test)


class GlobalTimeline(ProtocolConfig):
    """Everything before one moment is train, what follows validation, the latest test.

    Validation and test rows whose user or item has no train row are dropped and counted.
    """

    name: ClassVar[str] = "global-timeline"
    leaks: ClassVar[str] = NOTHING_LATER
    by_time: ClassVar[bool] = True

    valid_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share used for validation: what comes right before the test part.",
    )
    test_share: float = Field(
        0.1, gt=0, lt=0.5, description="Share used for testing: the latest part."
    )
    unit: Literal["rows", "days"] = Field(
        "rows",
        description="What the shares refer to: rows, or days between the first and the last row.",
    )
    utc_offset: int = Field(
        0, ge=-12, le=14, description="With unit days: the days' offset from UTC in hours."
    )

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        times = dataset.timestamp[rows]
        part = self._by_rows(times) if self.unit == "rows" else self._by_days(times)
        train = part == TRAIN
        known_user = np.bincount(dataset.user[rows[train]], minlength=dataset.n_users) > 0
        known_item = np.bincount(dataset.item[rows[train]], minlength=dataset.n_items) > 0
        cold = ~(known_user[dataset.user[rows]] & known_item[dataset.item[rows]])
        counts = {
            "dropped_cold_rows": int(cold.sum()),
            "dropped_cold_valid_rows": int((cold & (part == VALID)).sum()),
            "dropped_cold_test_rows": int((cold & (part == TEST)).sum()),
        }
        part[cold] = DROPPED
        return Cut(part, counts)

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return at_one_moment(train, valid, test)

    def _by_rows(self, times: TimeArray) -> NDArray[np.int8]:
        n = np.array(len(times))
        test = int(share_of(n, self.test_share))
        valid = int(share_of(n, self.valid_share))
        part = np.full(len(times), TRAIN, dtype=np.int8)
        order = np.argsort(times, kind="stable")
        part[order[len(times) - test - valid :]] = VALID
        part[order[len(times) - test :]] = TEST
        return part

    def _by_days(self, times: TimeArray) -> NDArray[np.int8]:
        """Day d of 0..last is train up to (1 - valid - test) * last, test above (1 - test) * last.

        The rule is ReChorus' (data/MovieLens_1M/MovieLens-1M.ipynb, days 8 h ahead of UTC).
        """
        day = (times + self.utc_offset * 3600) // SECONDS_A_DAY
        day = day - day.min()
        last = day.max()
        part = np.full(len(times), TRAIN, dtype=np.int8)
        part[day > last * (1 - self.valid_share - self.test_share) + 1e-9] = VALID
        part[day > last * (1 - self.test_share) + 1e-9] = TEST
        return part


def _cut_users_ends(dataset: Dataset, rows: TimeArray, share: float) -> Cut:
    """Cut max(1, floor(share * n)) events off the end of each user's timeline, twice."""
    from_end, length = places_from_end(dataset.user[rows], dataset.timestamp[rows], dataset.n_users)
    held_out = np.maximum(1, share_of(length, share))
    part = np.full(len(rows), TRAIN, dtype=np.int8)
    enough = length >= MIN_EVENTS
    part[enough & (from_end < 2 * held_out)] = VALID
    part[enough & (from_end < held_out)] = TEST
    short_users = len(np.unique(dataset.user[rows[~enough]]))
    return Cut(part, {"users_only_in_train": short_users})
