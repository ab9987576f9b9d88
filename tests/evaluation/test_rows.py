"""AUC, GAUC, LogLoss, ECE and RMSE: by hand, and against scikit-learn."""

from __future__ import annotations

from math import log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_core.evaluation.rows import auc, average_ranks, ece, rmse, row_logloss, user_auc

Floats = NDArray[np.float64]


def floats(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)


def random_rows(seed: int, n: int = 400, levels: int = 20) -> tuple[Floats, Floats]:
    """Labels and probabilities with many ties."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(np.float64)
    return labels, rng.integers(0, levels + 1, n) / levels


def test_auc_by_hand() -> None:
    """Positives .8 and .4 against negatives .4, .2, .9: wins 2 + (1/2 + 1) of 6 pairs."""
    labels = floats(1, 1, 0, 0, 0)
    assert auc(labels, floats(0.8, 0.4, 0.4, 0.2, 0.9)) == pytest.approx((2 + 3 / 2) / 6)


def test_auc_of_constants_is_a_half_and_of_one_class_nothing() -> None:
    assert auc(floats(1, 0, 0, 1, 0), np.full(5, 0.3)) == 1 / 2
    assert np.isnan(auc(floats(1, 1), floats(0.1, 0.2)))
    assert np.isnan(auc(floats(0, 0), floats(0.1, 0.2)))


def test_user_auc_by_hand() -> None:
    """User 0: 1 of 2 pairs; user 1 has positives alone; user 2 a tie; user 3 no row."""
    users = np.array([2, 0, 0, 1, 0, 2, 1])
    labels = floats(1, 0, 1, 1, 0, 0, 1)
    scores = floats(0.5, 0.9, 0.5, 0.1, 0.2, 0.5, 0.7)
    assert user_auc(users, labels, scores, 4).tolist() == pytest.approx(
        [1 / 2, nan, 1 / 2, nan], nan_ok=True
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 100_000), levels=st.sampled_from([1, 3, 20, 10**9]))
def test_auc_agrees_with_scikit_learn_whatever_the_order(seed: int, levels: int) -> None:
    from sklearn import metrics as sklearn_metrics

    labels, scores = random_rows(seed, levels=levels)
    expected = sklearn_metrics.roc_auc_score(labels, scores)
    assert auc(labels, scores) == pytest.approx(expected, abs=1e-9)
    order = np.random.default_rng(seed).permutation(len(labels))
    assert auc(labels[order], scores[order]) == auc(labels, scores)
    assert auc(labels, np.exp(3 * scores)) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000), levels=st.sampled_from([2, 20, 10**9]))
def test_user_auc_agrees_with_scikit_learn_user_by_user(seed: int, levels: int) -> None:
    from sklearn import metrics as sklearn_metrics

    labels, scores = random_rows(seed, levels=levels)
    users = np.random.default_rng(seed).integers(0, 40, len(labels))
    ours = user_auc(users, labels, scores, 40)
    for user in range(0, 40, 4):
        own = users == user
        if len(np.unique(labels[own])) == 2:
            expected = sklearn_metrics.roc_auc_score(labels[own], scores[own])
            assert ours[user] == pytest.approx(expected, abs=1e-9)
        else:
            assert np.isnan(ours[user])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([-1.5, 0.0, 0.25, 7.0]))))
def test_average_ranks_agree_with_scipy(rows: list[tuple[int, float]]) -> None:
    from scipy import stats

    groups = np.array([group for group, _ in rows], dtype=np.int64)
    scores = floats(*(score for _, score in rows))
    assert (average_ranks(scores) == stats.rankdata(scores)).all()
    ranks = average_ranks(scores, groups)
    for group in range(4):
        own = groups == group
        assert (ranks[own] == stats.rankdata(scores[own])).all()


def test_logloss_by_hand_and_at_the_ends() -> None:
    loss = row_logloss(floats(1, 0, 1), floats(0.5, 0.25, 1))
    assert loss.tolist() == pytest.approx([log(2), log(4 / 3), 0], abs=1e-12)
    assert np.isfinite(row_logloss(floats(1, 0), floats(0, 1))).all()


def test_logloss_agrees_with_scikit_learn() -> None:
    from sklearn import metrics as sklearn_metrics

    labels, probabilities = random_rows(5)  # zeros and ones among them
    expected = sklearn_metrics.log_loss(labels, probabilities)
    assert row_logloss(labels, probabilities).mean() == pytest.approx(expected, abs=1e-9)


def test_ece_by_hand() -> None:
    """Bins [3/15, 4/15) and [14/15, 1]: 3/5 * |2/3 - .22| + 2/5 * |1/2 - .98|."""
    labels = floats(1, 1, 0, 1, 0)
    probabilities = floats(0.21, 0.22, 0.23, 0.96, 1.0)
    assert ece(labels, probabilities) == pytest.approx(3 / 5 * (2 / 3 - 0.22) + 2 / 5 * 0.48)


def test_ece_agrees_with_literal_code() -> None:
    labels, probabilities = random_rows(6, levels=1000)
    expected = 0.0
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        inside = (probabilities >= low) & ((probabilities < high) | (number == 14))
        if inside.any():
            gap = abs(labels[inside].mean() - probabilities[inside].mean())
            expected += inside.mean() * gap
    assert ece(labels, probabilities) == pytest.approx(expected, abs=1e-9)


def test_rmse() -> None:
    from sklearn import metrics as sklearn_metrics

    assert rmse(floats(3, 5), floats(4, 3)) == pytest.approx(sqrt((1 + 4) / 2))
    rng = np.random.default_rng(0)
    ratings, predicted = rng.random(50), rng.random(50)
    expected = sklearn_metrics.root_mean_squared_error(ratings, predicted)
    assert rmse(ratings, predicted) == pytest.approx(expected, abs=1e-9)
