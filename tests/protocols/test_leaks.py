"""The sentence on what a split leaks is true of its rows: ties at the cut, missing times."""

from __future__ import annotations

import pytest

from recsys_core.protocols.leaks import FUTURE, NOTHING, NOTHING_LATER, OTHERS_FUTURE, UNKNOWN
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from tests.protocols.build import Row, dataset


def split(rows: list[Row], name: str, *, timed: bool = True, **parameters: object) -> Split:
    protocol = make_protocol({"name": name, "relevance": None, **parameters})
    return protocol.split(dataset(rows, timed=timed))


def spread(times: list[int]) -> list[Row]:
    """Every user and item is early among the rows, so that none is cold later."""
    return [(place % 5, place % 7, 4.0, time) for place, time in enumerate(times)]


def test_a_cut_between_two_moments_leaks_nothing() -> None:
    found = split(spread(list(range(100))), "global-timeline")
    assert found.leaks == NOTHING


def test_a_cut_inside_a_moment_says_how_many_rows_share_it() -> None:
    """60 rows of one day and 40 of the next: both cuts of 80/10/10 fall inside the second."""
    found = split(spread([0] * 60 + [86_400] * 40), "global-timeline")
    assert (len(found.train), len(found.valid), len(found.test)) == (80, 10, 10)
    assert found.leaks == (
        "Leaks nothing from later: no train row is from after a test row, but a cut falls between"
        " rows of the same time: of the 40 rows of 1970-01-02 00:00:00 UTC, 20 train,"
        " 10 validation, 10 test."
    )


def test_each_cut_has_its_moment() -> None:
    """100 rows: train to 79, validation to 89; ten rows of time 5 and four of time 7 tie."""
    times = [1] * 75 + [5] * 10 + [6] * 3 + [7] * 4 + [8] * 8
    found = split(spread(times), "global-timeline")
    assert found.leaks.endswith(
        "of the 10 rows of 1970-01-01 00:00:05 UTC, 5 train, 5 validation;"
        " of the 4 rows of 1970-01-01 00:00:07 UTC, 2 validation, 2 test."
    )


def test_a_tied_validation_part_is_no_tie_at_the_cut() -> None:
    times = list(range(80)) + [100] * 10 + list(range(200, 210))
    assert split(spread(times), "global-timeline").leaks == NOTHING


@pytest.mark.parametrize("name", ["user-timeline", "leave-last-out"])
def test_cuts_inside_a_moment_of_a_user_are_counted(name: str) -> None:
    """User 0 rates all at time 7; user 1 one by one; user 2 has too few events to be cut."""
    rows = [(0, item, 4.0, 7) for item in range(5)] + [(1, item, 4.0, item) for item in range(5)]
    found = split([*rows, (2, 0, 4.0, 9), (2, 1, 4.0, 9)], name)
    assert found.leaks == (
        f"{OTHERS_FUTURE} The cuts of 1 of 2 users fall between rows of the same time,"
        " where the order of the file decides."
    )


@pytest.mark.parametrize("name", ["user-timeline", "leave-last-out"])
def test_users_who_end_together_know_nothing_of_others_future(name: str) -> None:
    """Both users rate items 0 to 4 at the same times: train 0 to 2, validation 3, test 4."""
    rows = [(user, item, 4.0, item) for item in range(5) for user in (0, 1)]
    assert split(rows, name).leaks == NOTHING
    at_once = [(user, item, 4.0, 7) for item in range(5) for user in (0, 1)]
    assert split(at_once, name).leaks.startswith(f"{NOTHING_LATER} The cuts of 2 of 2 users")


@pytest.mark.parametrize("name", ["random-rows", "random-per-user"])
def test_a_random_cut_leaks_the_future_where_there_is_one(name: str) -> None:
    assert split(spread(list(range(100))), name).leaks == FUTURE
    assert split(spread([0] * 100), name, timed=False).leaks == UNKNOWN
    at_once = split(spread([7] * 100), name)
    parts = [
        f"{len(part)} {word}"
        for part, word in zip(
            (at_once.train, at_once.valid, at_once.test),
            ("train", "validation", "test"),
            strict=True,
        )
    ]
    assert at_once.leaks == (
        f"{NOTHING_LATER[:-1]}, but a cut falls between rows of the same time:"
        f" of the 100 rows of 1970-01-01 00:00:07 UTC, {', '.join(parts)}."
    )
