"""Events of equal time where a cut falls among them: split by file order, or kept together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.protocols.leaks import NOTHING, NOTHING_LATER
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from tests.protocols.build import Row, dataset, random_dataset

DAY = 86_400


def cut(rows: list[Row], name: str, ties: str, **fields: Any) -> Split:
    protocol = {"name": name, "ties": ties, "relevance": None, **fields}
    return make_protocol(protocol).split(dataset(rows))


def spread(times: list[int]) -> list[Row]:
    """Every user and item is early among the rows, so that none is cold later."""
    return [(place % 5, place % 7, 4.0, time) for place, time in enumerate(times)]


def times_of(split: Split) -> tuple[list[int], list[int], list[int]]:
    parts = (split.train, split.valid, split.test)
    train, valid, test = (sorted(set(part.timestamp.tolist())) for part in parts)
    return train, valid, test


def test_a_cut_inside_a_day_of_two() -> None:
    """60 rows of one day and 40 of the next: split, both cuts of 80/10/10 fall into the second."""
    days = spread([0] * 60 + [DAY] * 40)
    split = cut(days, "global-timeline", "split")
    assert (len(split.train), len(split.valid), len(split.test)) == (80, 10, 10)
    assert split.leaks.startswith(NOTHING_LATER[:-1])
    together = cut(days, "global-timeline", "together")
    assert times_of(together) == ([0], [0], [DAY])  # validation has to be of the first day
    assert (len(together.train), len(together.valid), len(together.test)) == (50, 10, 40)
    assert together.leaks.endswith(
        "of the 60 rows of 1970-01-01 00:00:00 UTC, 50 train, 10 validation."
    )


@pytest.mark.parametrize(
    ("counts", "parts"),
    [
        ([70, 15, 10, 5], ([0], [1], [2, 3])),  # cuts at 80 and 90: into moments 1 and 2
        ([50, 20, 30], ([0], [1], [2])),  # both into the last: validation is the moment before
        ([79, 1, 10, 10], ([0, 1], [2], [3])),  # no cut falls into a moment
        ([85, 5, 10], ([0], [1], [2])),  # into the first, which stays train
    ],
)
def test_a_moment_goes_to_the_later_part(counts: list[int], parts: tuple[list[int], ...]) -> None:
    times = [time for time, count in enumerate(counts) for _ in range(count)]
    together = cut(spread(times), "global-timeline", "together")
    assert times_of(together) == parts
    assert together.leaks == NOTHING


def test_one_moment_cannot_be_cut() -> None:
    with pytest.raises(InputError, match="the train part is empty"):
        cut(spread([7] * 100), "global-timeline", "together")


def items(part: Interactions, user: int) -> list[int]:
    return [int(item) for item in part.item[part.user == user]]


@pytest.mark.parametrize(
    ("times", "parts"),
    [
        ([1, 2, 3, 4], ([0, 1], [2], [3])),
        ([1, 2, 3, 3], ([0], [1], [2, 3])),  # the last moment has two events
        ([1, 2, 2, 3], ([0], [1, 2], [3])),
        ([1, 1, 1, 2], ([0, 1, 2, 3], [], [])),  # two moments are too few
        ([1, 1, 2, 3], ([0, 1], [2], [3])),
        ([5, 5, 5, 5], ([0, 1, 2, 3], [], [])),
    ],
)
def test_the_last_moment_of_a_user_is_test(times: list[int], parts: tuple[list[int], ...]) -> None:
    own = [(0, item, 4.0, time) for item, time in enumerate(times)]
    other = [(1, item, 4.0, time) for item, time in enumerate((1, 2, 3, 4))]
    split = cut([*own, *other], "leave-last-out", "together")
    assert tuple(items(part, 0) for part in (split.train, split.valid, split.test)) == parts
    assert split.counts["users_only_in_train"] == (not parts[2])


def test_a_share_of_a_user_is_whole_moments() -> None:
    """20 events, two to each part: test takes the three of time 8, validation both of 7."""
    times = [1] * 8 + [3, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8]
    own = [(0, item, 4.0, time) for item, time in enumerate(times)]
    other = [(1, item, 4.0, item) for item in range(20)]
    split = cut([*own, *other], "user-timeline", "together")
    assert items(split.test, 0) == [17, 18, 19]
    assert items(split.valid, 0) == [15, 16]
    assert items(split.train, 0) == list(range(15))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9_999),
    name=st.sampled_from(["global-timeline", "user-timeline", "leave-last-out"]),
    last=st.sampled_from([3, 10, 100, 10_000]),
)
def test_no_moment_is_in_two_parts(seed: int, name: str, last: int) -> None:
    data = random_dataset(seed, last_time=last)
    fields = {"relevance": None, "ties": "together"}
    try:
        split = make_protocol({"name": name, **fields}).split(data)
    except InputError as error:
        assert "part is empty" in error.problem  # noqa: PT017
        return
    own = name != "global-timeline"
    if not own and len(np.unique(data.timestamp)) <= 2:  # then the first is validation, too
        split = replace(split, valid=split.valid.where(np.zeros(len(split.valid), dtype=np.bool_)))
    before: set[tuple[int, int]] = set()
    latest = np.full(data.n_users, -1)
    for part in (split.train, split.valid, split.test):
        users = part.user if own else np.zeros(len(part), dtype=np.int32)
        moments = set(zip(users.tolist(), part.timestamp.tolist(), strict=True))
        assert not before & moments
        assert all(latest[user] < time for user, time in moments)
        for user, time in moments:
            latest[user] = max(latest[user], time)
        before |= moments
    assert own or "same time" not in split.leaks or not len(split.valid)


def test_without_ties_both_are_the_same_split() -> None:
    rows = [(place % 6, place % 9, 4.0, place) for place in range(200)]
    for name in ("global-timeline", "user-timeline", "leave-last-out"):
        one, other = (cut(rows, name, ties) for ties in ("split", "together"))
        assert one.fingerprint == other.fingerprint
