"""Metrics that weigh users by their rows: the test is of the difference that is shown."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.evaluation.linearised import ratio_values, root_values, where_defined
from recsys_core.evaluation.predictions import evaluate_predictions, evaluate_ratings
from recsys_core.evaluation.result import Evaluation
from recsys_core.evaluation.significance import paired_test
from recsys_core.evaluation.tested import is_of_difference
from recsys_core.evaluation.windows import over_windows
from tests.evaluation.test_windows import found
from tests.protocols.build import random_dataset, split


def test_a_weighted_mean_by_hand() -> None:
    """(3/4 + 1/4 + 2 * 1) / 4 = 3/4; user i is 3/4 + 3 w (x - 3/4) / 4."""
    values, weights = np.array([3 / 4, 1 / 4, 1]), np.array([1, 1, 2])
    linear = ratio_values(values, weights)
    assert linear.tolist() == [3 / 4, 3 / 4 - 3 / 8, 3 / 4 + 3 * 2 / 4 * 1 / 4]
    assert linear.mean() == 3 / 4
    # a user without a value has no weight: 3/4 + 4 w (x - 3/4) / 4
    judged = ratio_values(np.array([3 / 4, 1 / 4, 1, np.nan]), np.array([1, 1, 2, 7]))
    assert judged.tolist() == [3 / 4, 1 / 4, 5 / 4, 3 / 4]
    assert np.isnan(ratio_values(np.full(2, np.nan), np.ones(2))).all()


def test_the_interval_by_hand() -> None:
    """Differences -1/10 of 9 rows and +1/10 of 1 and of 2: by rows -1/20, by users +1/30."""
    rows = np.array([9, 1, 2])
    a, b = np.array([0.3, 0.5, 0.6]), np.array([0.4, 0.4, 0.5])
    test = paired_test(ratio_values(a, rows), ratio_values(b, rows))
    assert test.delta == pytest.approx(-1 / 20)
    assert paired_test(a, b).delta == pytest.approx(1 / 30)
    # d = -1/20 + w (d - -1/20) / 4: -1/20 - 9/80, -1/20 + 3/80, -1/20 + 6/80
    error = sqrt((9**2 + 3**2 + 6**2) / 80**2 / 2) / sqrt(3)
    assert test.ci95[1] - test.delta == pytest.approx(4.302652729911275 * error)  # t of 2


def test_a_root_by_hand() -> None:
    """Squares 1 of one row and 9 of three: root 7; 9 rows of 0 change nothing."""
    linear = root_values(np.array([1.0, 9.0]), np.array([1, 3]))
    # squares 7 + 2 (1 - 7) / 4 = 4 and 7 + 2 * 3 (9 - 7) / 4 = 10; root 7 -+ 3 / (2 root 7)
    assert linear.tolist() == pytest.approx([sqrt(7) - 1.5 / sqrt(7), sqrt(7) + 1.5 / sqrt(7)])
    assert root_values(np.zeros(3), np.array([1, 2, 9])).tolist() == [0, 0, 0]


def test_only_means_that_lack_users_are_linearised() -> None:
    both = where_defined({"all": np.array([1.0, 0.0]), "one": np.array([0.25, np.nan])})
    assert {name: values.tolist() for name, values in both.items()} == {"one": [0.25, 0.25]}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n_users=st.integers(2, 12))
def test_the_shown_difference_is_the_middle_of_its_interval(seed: int, n_users: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    # few users have most rows, and some have one class or none
    users, items = (rng.random(n) ** 3 * n_users).astype(int), rng.integers(0, 20, n)
    labels = (rng.random(n) < 0.4).astype(np.float32)
    cut = split(random_dataset(1, n_users=12, n_items=60), range(400), range(9), range(9))
    sides = [
        evaluate_predictions(users, items, labels, rng.random(n).astype(np.float32), cut)
        for _ in range(2)
    ]
    for judge in (
        *[evaluate_ratings(users, labels, rng.random(n, dtype=np.float32)) for _ in range(2)],
        *sides,
    ):
        for name in judge.user_metrics:
            assert judge.tested(name).mean() == pytest.approx(
                judge.metrics[name], abs=1e-12, nan_ok=True
            )
    for name in sides[0].user_metrics:
        a, b = (side.metrics[name] for side in sides)
        test = paired_test(*(side.tested(name) for side in sides))
        if test.n >= 2:
            assert is_of_difference(test.delta, a, b)
            assert test.ci95[0] <= a - b + 1e-12
            assert a - b <= test.ci95[1] + 1e-12


def test_windows_by_hand() -> None:
    """Window means 1/2 of two users and 1/5 of two: the mean is 7/20, that of users 7/30."""
    first, second = found([1, 3], [0, 1], 0.5), found([3, 4, 5], [0.4, np.nan, 0], 0.7)
    whole = over_windows({"2000-09-01": first, "2000-12-01": second})
    # of the 4 users: 7/20 + 4/(2 * 2) (x - mean of the window), summed over windows
    expected = [7 / 20 - 1 / 2, 7 / 20 + 1 / 2 + 1 / 5, 7 / 20, 7 / 20 - 1 / 5]
    assert whole.tested("ndcg@10").tolist() == pytest.approx(expected)
    assert whole.tested("ndcg@10").mean() == pytest.approx(whole.metrics["ndcg@10"])


def test_windows_of_rows() -> None:
    """The linearised values of each window count, not the users' own."""
    windows = {
        date: Evaluation(
            users=np.arange(2, dtype=np.int32),
            user_metrics={"logloss": values},
            metrics={"logloss": float(np.average(values, weights=rows))},
            linearised={"logloss": ratio_values(values, rows)},
        )
        for date, values, rows in (
            ("a", np.array([0.2, 0.6]), np.array([3, 1])),
            ("b", np.array([0.8, 0.4]), np.array([1, 1])),
        )
    }
    whole = over_windows(windows)
    assert whole.metrics["logloss"] == pytest.approx((0.3 + 0.6) / 2)
    assert whole.tested("logloss").mean() == pytest.approx(0.45)


def test_what_is_not_of_the_difference() -> None:
    assert is_of_difference(0.1, 0.4, 0.3)
    assert is_of_difference(1e5 / 3, 1e5, 2e5 / 3)
    assert not is_of_difference(0.0024, 0.4991, 0.5)
