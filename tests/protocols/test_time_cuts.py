"""Cuts by time, on timelines that can be read off the page."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.protocols.registry import make_protocol
from tests.protocols.build import Row, dataset, random_dataset

ALL_RELEVANT = {"relevance": None}


def timeline(user: int, length: int, start: int = 0) -> list[Row]:
    """User `user` rates items 0, 1, ... at times start, start + 1, ..."""
    return [(user, place, 4.0, start + place) for place in range(length)]


def items_of(part: Interactions, user: int) -> list[int]:
    return [int(item) for item in part.item[part.user == user]]


@pytest.mark.parametrize(
    ("length", "train", "valid", "test"),
    [
        (1, [0], [], []),
        (2, [0, 1], [], []),
        (3, [0], [1], [2]),
        (9, [0, 1, 2, 3, 4, 5, 6], [7], [8]),
        (19, list(range(17)), [17], [18]),  # floor(1.9) = 1
        (20, list(range(16)), [16, 17], [18, 19]),
        (30, list(range(24)), [24, 25, 26], [27, 28, 29]),
    ],
)
def test_user_timeline_holds_out_a_tenth_of_each_user_twice(
    length: int, train: list[int], valid: list[int], test: list[int]
) -> None:
    data = dataset(timeline(0, length) + timeline(1, 30))
    cut = make_protocol({"name": "user-timeline", **ALL_RELEVANT}).split(data)
    assert items_of(cut.train, 0) == train
    assert items_of(cut.valid, 0) == valid
    assert items_of(cut.test, 0) == test
    assert cut.counts["users_only_in_train"] == (length < 3)


def test_leave_last_out_takes_one_event_a_part() -> None:
    data = dataset(timeline(0, 30) + timeline(1, 3) + timeline(2, 2))
    cut = make_protocol({"name": "leave-last-out", **ALL_RELEVANT}).split(data)
    assert (items_of(cut.valid, 0), items_of(cut.test, 0)) == ([28], [29])
    assert (items_of(cut.train, 1), items_of(cut.valid, 1), items_of(cut.test, 1)) == (
        [0],
        [1],
        [2],
    )
    assert items_of(cut.train, 2) == [0, 1]
    assert cut.counts["users_only_in_train"] == 1


def test_equal_times_keep_the_order_of_the_file() -> None:
    """All events of a user at one moment: the last in the file is test, whatever its item."""
    data = dataset([(u, item, 5.0, 7) for u in (0, 1) for item in (2, 0, 3, 1)])
    cut = make_protocol({"name": "leave-last-out"}).split(data)
    assert items_of(cut.test, 0) == [1]
    assert items_of(cut.valid, 1) == [3]


@pytest.mark.parametrize("name", ["user-timeline", "leave-last-out"])
def test_rows_of_other_users_do_not_disturb_equal_times(name: str) -> None:
    """Interleaving two files leaves each user's held-out items as they were."""
    first = [(0, item, 5.0, item // 4) for item in range(20)]
    second = [(1, item, 5.0, item // 4) for item in range(20)]
    protocol = make_protocol({"name": name})
    behind = protocol.split(dataset(first + second))
    mixed = protocol.split(
        dataset([row for pair in zip(first, second, strict=True) for row in pair])
    )
    for user in (0, 1):
        assert items_of(behind.test, user) == items_of(mixed.test, user)


def test_global_timeline_by_rows() -> None:
    """20 rows at times 0..19: 16 train, 2 validation, 2 test; one of each has a cold item."""
    rows: list[Row] = [(time % 2, time % 4, 5.0, time) for time in range(16)]
    rows += [(0, 1, 5.0, 16), (0, 4, 5.0, 17), (5, 1, 5.0, 18), (1, 2, 5.0, 19)]
    cut = make_protocol({"name": "global-timeline"}).split(dataset(rows))
    assert cut.train.rows.tolist() == list(range(16))
    assert cut.valid.rows.tolist() == [16]
    assert cut.test.rows.tolist() == [19]
    assert cut.counts == {
        "filtered_rows": 0,
        "dropped_cold_rows": 2,
        "dropped_cold_valid_rows": 1,
        "dropped_cold_test_rows": 1,
    }


def test_global_timeline_by_days() -> None:
    """Days 0..10: train up to day 8, validation day 9, test day 10, however many rows each has."""
    day = 86_400
    rows: list[Row] = [(u, u, 5.0, d * day) for d in range(11) for u in (0, 1)]
    rows += [(0, 1, 5.0, 10 * day + second) for second in range(5)]
    cut = make_protocol({"name": "global-timeline", "unit": "days"}).split(dataset(rows))
    days = [np.unique(part.timestamp // day).tolist() for part in (cut.train, cut.valid, cut.test)]
    assert days == [list(range(9)), [9], [10]]
    assert len(cut.test) == 7


def test_days_start_at_the_given_hour() -> None:
    """20:00 UTC on day 9 is day 10 eight hours further east."""
    day, hour = 86_400, 3_600
    rows: list[Row] = [(u, u, 5.0, d * day) for d in range(11) for u in (0, 1)]
    rows.append((0, 1, 5.0, 9 * day + 20 * hour))
    for offset, expected in ((0, 2), (8, 3)):
        protocol = make_protocol({"name": "global-timeline", "unit": "days", "utc_offset": offset})
        assert len(protocol.split(dataset(rows)).test) == expected


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), last_time=st.sampled_from([2, 5, 50, 5000]))
def test_global_timeline_leaks_nothing(seed: int, last_time: int) -> None:
    data = random_dataset(seed, last_time=last_time)
    cut = make_protocol({"name": "global-timeline"}).split(data)
    assert cut.train.timestamp.max() <= cut.valid.timestamp.min()
    assert cut.valid.timestamp.max() <= cut.test.timestamp.min()
    for part in (cut.valid, cut.test):
        assert np.isin(part.user, cut.train.user).all()
        assert np.isin(part.item, cut.train.item).all()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(["user-timeline", "leave-last-out"]))
def test_each_users_parts_follow_each_other(seed: int, name: str) -> None:
    cut = make_protocol({"name": name}).split(random_dataset(seed))
    for user in np.unique(cut.test.user):
        train, valid, test = (
            part.timestamp[part.user == user] for part in (cut.train, cut.valid, cut.test)
        )
        assert train.max() <= valid.min()
        assert valid.max() <= test.min()


@pytest.mark.parametrize("name", ["user-timeline", "leave-last-out", "global-timeline"])
def test_a_set_without_times_is_refused(name: str) -> None:
    data = dataset(timeline(0, 20) + timeline(1, 20), timed=False)
    with pytest.raises(InputError, match="'tiny' has no times\nuse --protocol random-per-user"):
        make_protocol({"name": name}).split(data)
