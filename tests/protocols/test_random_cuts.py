"""Random cuts: counts as in the published tables, and nothing but the data decides them."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_core.protocols.registry import make_protocol
from tests.protocols.build import dataset


def recbole_counts(n: int) -> tuple[int, int, int]:
    """Train, validation and test rows that RecBole 1.2 gives a group of `n` rows at 8:1:1."""
    counts = [0, int(0.1 * n), int(0.1 * n)]
    counts[0] = n - counts[1] - counts[2]
    for part in (2, 1):
        if counts[0] <= 1:
            break
        if 0 < 0.1 * n < 1:
            counts[part] += 1
            counts[0] -= 1
    return counts[0], counts[1], counts[2]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9, 10, 19, 20, 29, 30, 101])
def test_random_per_user_counts_as_recbole(n: int) -> None:
    data = dataset([(0, i, 4.0, i) for i in range(n)] + [(1, i, 4.0, i) for i in range(30)])
    cut = make_protocol({"name": "random-per-user"}).split(data)
    counts = tuple(int((part.user == 0).sum()) for part in (cut.train, cut.valid, cut.test))
    assert counts == recbole_counts(n)


def test_random_rows_counts_round_down() -> None:
    data = dataset([(i % 7, i, 4.0, i) for i in range(109)])
    cut = make_protocol({"name": "random-rows"}).split(data)
    assert (len(cut.train), len(cut.valid), len(cut.test)) == (89, 10, 10)


def test_shares_are_parameters() -> None:
    data = dataset([(u, i, 4.0, 0) for u in range(4) for i in range(25)])
    shares = {"test_share": 0.2, "valid_share": 0.08}
    for name in ("random-rows", "random-per-user"):
        cut = make_protocol({"name": name, **shares}).split(data)
        assert (len(cut.valid), len(cut.test)) == (8, 20)


def test_a_share_that_is_a_whole_number_of_rows_is_that_number() -> None:
    """In floating point .29 * 100 is below 29."""
    data = dataset([(u, i, 4.0, 0) for u in range(2) for i in range(100)])
    cut = make_protocol({"name": "random-per-user", "test_share": 0.29}).split(data)
    assert np.bincount(cut.test.user).tolist() == [29, 29]


def test_a_users_test_rows_are_a_fair_draw() -> None:
    """Over 4,000 users with 10 rows, every place in the timeline is test about 400 times.

    The standard deviation of a count is sqrt(4000 * .1 * .9) = 19.
    """
    data = dataset([(u, i, 4.0, i) for u in range(4000) for i in range(10)])
    cut = make_protocol({"name": "random-per-user"}).split(data)
    assert np.abs(np.bincount(cut.test.item) - 400).max() < 5 * 19


@pytest.mark.parametrize("name", ["random-rows", "random-per-user"])
def test_random_cuts_need_no_times(name: str) -> None:
    data = dataset([(u, i, 4.0, 0) for u in range(4) for i in range(25)], timed=False)
    assert len(make_protocol({"name": name}).split(data).test) > 0
