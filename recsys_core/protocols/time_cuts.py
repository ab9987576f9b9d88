"""Cuts by time: within each user, at one moment for all users, or at each user's last event."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recsys_core.data.dataset import Dataset, TimeArray, event_counts
from recsys_core.data.interactions import Interactions, RequestTime
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
from recsys_core.protocols.dates import Date, Dates, check_date, seconds_of
from recsys_core.protocols.leaks import (
    NOTHING_LATER,
    OTHERS_FUTURE,
    TARGET_TIME,
    at_one_moment,
    within_users,
)
from recsys_core.protocols.moments import cut_between_moments, cut_users_between_moments
from recsys_core.protocols.split import Split

SECONDS_A_DAY = 86_400
#: users with fewer events stay in train: one is needed for each part
MIN_EVENTS = 3
LEAST_WINDOWS = 2
TEST_SHARE = 0.1


class TimeCut(ProtocolConfig):
    """Base of the cuts by time."""

    by_time: ClassVar[bool] = True

    ties: Literal["split", "together"] = Field(
        "split",
        description="Events of equal time where a cut falls among them: split, by the order of the"
        " file; together, all in the later part.",
    )


class UserTimeline(TimeCut):
    """Each user's last events are test, as many before them validation.

    A user with n >= 3 events gives max(1, floor(test_share * n)) to test and as many to
    validation; users with fewer stay in train.
    """

    name: ClassVar[str] = "user-timeline"
    leaks: ClassVar[str] = OTHERS_FUTURE

    test_share: float = Field(
        TEST_SHARE,
        gt=0,
        lt=0.5,
        description="Share of each user's events, the latest, used for testing; the same number "
        "before them is used for validation.",
    )

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        return _cut_users_ends(dataset, rows, self.test_share, self.ties)

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return within_users(train, valid, test)


class LeaveLastOut(TimeCut):
    """Each user's last event is test, the one before it validation."""

    name: ClassVar[str] = "leave-last-out"
    leaks: ClassVar[str] = OTHERS_FUTURE

    request_time: RequestTime = Field(
        "last",
        description="When a user is asked, as models that read times are told: last, at the last"
        " known event; target, at the event that is asked for, whose time nobody knows in use.",
    )

    @property
    def told_time(self) -> RequestTime:
        """When users are asked, as models are told."""
        return self.request_time

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        return _cut_users_ends(dataset, rows, 0.0, self.ties)

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        told = f" {TARGET_TIME}" if self.request_time == "target" else ""
        return f"{within_users(train, valid, test)}{told}"


class GlobalTimeline(TimeCut):
    """Everything before one moment is train, what follows validation, the latest test.

    The moments follow from shares of the rows, or the last one is a date. Validation and test rows
    whose user or item has no train row are dropped and counted.
    """

    name: ClassVar[str] = "global-timeline"
    leaks: ClassVar[str] = NOTHING_LATER

    valid_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        description="Share used for validation: what comes right before the test part; with a"
        " date, a share of what is before it.",
    )
    test_share: float = Field(
        TEST_SHARE, gt=0, lt=0.5, description="Share used for testing: the latest part."
    )
    date: Date | None = Field(
        None,
        description="Test rows are those from this date or time on, e.g. 2000-12-01; null: the"
        " share decides.",
    )
    dates: Dates = Field(
        (),
        max_length=100,
        description="Several dates, for as many windows: models are trained and evaluated once for"
        " each, on the rows from its date to the next one; metrics are means over windows.",
    )
    until: Date | None = Field(
        None, description="Leave out the rows from this date or time on; null: none."
    )
    unit: Literal["rows", "days"] = Field(
        "rows",
        description="What the shares refer to: rows, or days between the first and the last row.",
    )
    utc_offset: int = Field(
        0, ge=-12, le=14, description="Offset of days and dates from UTC in hours."
    )

    @model_validator(mode="after")
    def _dates_make_sense(self) -> Self:
        if self.date is not None and self.dates:
            raise ValueError("date and dates exclude each other")
        if self.dates:
            times = [self._seconds(date) for date in (*self.dates, *filter(None, [self.until]))]
            if len(self.dates) < LEAST_WINDOWS or sorted(set(times)) != times:
                raise ValueError("dates must be at least two, ascending, and before until")
        if self.date is None and not self.dates:
            return self
        if self.test_share != TEST_SHARE:
            raise ValueError(f"test_share = {self.test_share:g} has no effect with a date")
        late = self.date is not None and self._seconds(self.date)
        if self.until is not None and late and self._seconds(self.until) <= late:
            raise ValueError(f"until {self.until} is not after date {self.date}")
        return self

    def split(self, dataset: Dataset) -> Split:
        """Cut `dataset`; with several dates once for each, and the last cut knows the others.

        Raises
        ------
        InputError
            As for any protocol; of several windows it names the one that cannot be cut.
        """
        if not (self.dates and dataset.timed):
            return super().split(dataset)
        for date in self.dates:
            check_date(
                self.name, dataset.name, "dates", date, self._seconds(date), dataset.timestamp
            )
        windows = {
            date: self._window(date, until).split(dataset)
            for date, until in zip(self.dates, (*self.dates[1:], self.until), strict=True)
        }
        last = windows[self.dates[-1]]
        leaks = dict.fromkeys(window.leaks for window in windows.values())
        return replace(
            last,
            parameters=self.model_dump(mode="json"),
            leaks=f"{len(windows)} windows. {' '.join(leaks)}",
            counts={"windows": len(windows), **last.counts},
            windows=windows,
        )

    def _window(self, date: str, until: str | None) -> GlobalTimeline:
        return self.model_copy(update={"dates": (), "date": date, "until": until})

    def _seconds(self, date: str) -> int:
        return seconds_of(date, self.utc_offset)

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        times = dataset.timestamp[rows]
        self._check_dates(dataset.name, times)
        inside = np.ones(len(rows), dtype=np.bool_)
        if self.until is not None:
            inside = times < self._seconds(self.until)
        part = np.full(len(rows), DROPPED, dtype=np.int8)
        some = times[inside]
        part[inside] = self._by_rows(some) if self.unit == "rows" else self._by_days(some)
        train = part == TRAIN
        known_user = np.bincount(dataset.user[rows[train]], minlength=dataset.n_users) > 0
        known_item = np.bincount(dataset.item[rows[train]], minlength=dataset.n_items) > 0
        cold = inside & ~(known_user[dataset.user[rows]] & known_item[dataset.item[rows]])
        counts = {
            "dropped_cold_rows": int(cold.sum()),
            "dropped_cold_valid_rows": int((cold & (part == VALID)).sum()),
            "dropped_cold_test_rows": int((cold & (part == TEST)).sum()),
        }
        if self.until is not None:
            counts["rows_after_until"] = int((~inside).sum())
        part[cold] = DROPPED
        return Cut(part, counts)

    def _leaks(self, train: Interactions, valid: Interactions, test: Interactions) -> str:
        return at_one_moment(train, valid, test)

    def _check_dates(self, dataset: str, times: TimeArray) -> None:
        """Refuse dates that leave nothing on one of their sides."""
        for field, date in (("date", self.date), ("until", self.until)):
            if date is not None:
                check_date(self.name, dataset, field, date, self._seconds(date), times)

    def _by_rows(self, times: TimeArray) -> NDArray[np.int8]:
        order = np.argsort(times, kind="stable")
        n, ordered = len(times), times[order]
        if self.date is None:
            test = n - int(share_of(np.array(n), self.test_share))
            valid = test - int(share_of(np.array(n), self.valid_share))
        else:
            test = int(np.searchsorted(ordered, self._seconds(self.date)))
            valid = test - int(share_of(np.array(test), self.valid_share))
        if self.ties == "together":
            valid, test = cut_between_moments(ordered, valid, test)
        part = np.full(n, TRAIN, dtype=np.int8)
        part[order[valid:]] = VALID
        part[order[test:]] = TEST
        return part

    def _by_days(self, times: TimeArray) -> NDArray[np.int8]:
        """Day d of 0..last is train up to (1 - valid - test) * last, test above (1 - test) * last.

        The rule is ReChorus' (data/MovieLens_1M/MovieLens-1M.ipynb, days 8 h ahead of UTC). With a
        date, last is the last day before it, and test what follows.
        """
        day = (times + self.utc_offset * 3600) // SECONDS_A_DAY
        day = day - day.min()
        part = np.full(len(times), TRAIN, dtype=np.int8)
        if self.date is None:
            last, share = day.max(), self.test_share
            test = day > last * (1 - share) + 1e-9
        else:
            test = times >= self._seconds(self.date)
            last, share = day[~test].max(), 0.0
        part[day > last * (1 - self.valid_share - share) + 1e-9] = VALID
        part[test] = TEST
        return part


def _cut_users_ends(dataset: Dataset, rows: TimeArray, share: float, ties: str) -> Cut:
    """Cut max(1, floor(share * n)) events off the end of each user's timeline, twice."""
    user, times = dataset.user[rows], dataset.timestamp[rows]
    lengths = event_counts(user, dataset.n_users)
    held_out = np.maximum(1, share_of(lengths, share))
    part = np.full(len(rows), TRAIN, dtype=np.int8)
    if ties == "together":
        from_end, _ = places_from_end(user, times, dataset.n_users)
        valid, test = cut_users_between_moments(user, times, from_end, held_out[user])
        part[valid] = VALID
        part[test] = TEST
        enough = np.bincount(user[test], minlength=dataset.n_users) > 0
    else:
        enough = lengths >= MIN_EVENTS
        held_out[~enough] = 0
        sizes = np.stack([lengths - 2 * held_out, held_out, held_out], axis=1)
        codes = np.tile(np.array([TRAIN, VALID, TEST], dtype=np.int8), dataset.n_users)
        whole = len(rows) == dataset.n_interactions
        order = dataset.timeline if whole else np.lexsort((times, user))
        part[order] = np.repeat(codes, sizes.ravel())
    short_users = int(np.count_nonzero(lengths[~enough]))
    return Cut(part, {"users_only_in_train": short_users})
