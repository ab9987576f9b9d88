"""Predicted rows judged as a whole, and the intervals of both kinds of evaluation."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.errors import InputError
from recsys_core.evaluation.intervals import (
    MEAN_RESAMPLES,
    mean_intervals,
    percentile_interval,
    resamples,
)
from recsys_core.evaluation.predictions import RESAMPLES, evaluate_predictions, gauc
from recsys_core.evaluation.result import Evaluation
from recsys_core.evaluation.rows import auc, ece, user_auc
from recsys_core.protocols.split import Split
from tests.protocols.build import dataset, random_dataset, split


@pytest.fixture
def cut() -> Split:
    """Users 0 and 1 and items 0 and 1 are known; user 2 and item 2 are not."""
    rows = [(u, i, 5.0, 0) for u in (0, 1) for i in (0, 1)]
    rows += [(0, 2, 5.0, 1), (1, 0, 1.0, 1), (2, 1, 5.0, 1)]
    return split(dataset(rows), range(3), [3], [4, 5, 6])


def judge(cut: Split, users: list[int], labels: list[float], scores: list[float]) -> Evaluation:
    return evaluate_predictions(
        np.array(users),
        np.array([0, 1, 2] * len(users))[: len(users)],
        np.array(labels, dtype=np.float32),
        np.array(scores, dtype=np.float32),
        cut,
    )


def test_by_hand(cut: Split) -> None:
    """User 0: AUC 1 of 1 pair, 2 rows; user 1: 1/2 of 2 pairs, 3 rows; user 2: one class."""
    outcome = judge(cut, [0, 0, 1, 1, 1, 2], [1, 0, 1, 0, 0, 1], [0.75, 0.25, 0.5, 0.75, 0.25, 0.5])
    assert outcome.users.tolist() == [0, 1, 2]
    assert outcome.user_metrics["gauc"].tolist() == pytest.approx([1, 1 / 2, np.nan], nan_ok=True)
    assert outcome.metrics["gauc"] == pytest.approx((2 * 1 + 3 * (1 / 2)) / (2 + 3))
    # positives .75 .5 .5 against negatives .25 .75 .25: wins 2 + 1/2, 2, 2 of 9
    assert outcome.metrics["auc"] == pytest.approx((2 + 1 / 2 + 2 + 2) / 9)
    quarter, half = -log(3 / 4), -log(1 / 2)
    wrong = -log(1 / 4)
    assert outcome.user_metrics["logloss"].tolist() == pytest.approx(
        [quarter, (half + wrong + quarter) / 3, half]
    )
    assert outcome.metrics["logloss"] == pytest.approx((3 * quarter + 2 * half + wrong) / 6)
    # bins of .25: labels 0 0; of .5: 1 1; of .75: 1 0
    assert outcome.metrics["ece"] == pytest.approx((2 * 0.25 + 2 * 0.5 + 2 * 0.25) / 6)
    assert outcome.counts == {
        "users": 3,
        "users_without_relevant": 0,
        "gauc_users_left_out": 1,
        "cold_users": 1,
        "cold_items": 1,
    }


def random_predictions(
    seed: int, n: int = 3000, n_users: int = 60
) -> tuple[Split, NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """Predictions with ties, of users who differ in what they like."""
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, n_users, n), rng.integers(0, 40, n)
    taste = rng.random(n_users)[users]
    labels = (rng.random(n) < taste).astype(np.float32)
    scores = np.round(np.clip(taste + rng.normal(0, 0.3, n), 0, 1), 2).astype(np.float32)
    data = random_dataset(seed, n_users=n_users, n_items=60)
    return split(data, range(400), range(400, 500), range(500, 600)), users, items, labels, scores


def test_agrees_with_scikit_learn() -> None:
    from sklearn import metrics as sklearn_metrics

    cut, users, items, labels, scores = random_predictions(0)
    outcome = evaluate_predictions(users, items, labels, scores, cut)
    wide = scores.astype(np.float64)
    assert outcome.metrics["auc"] == pytest.approx(
        sklearn_metrics.roc_auc_score(labels, wide), abs=1e-9
    )
    total = weight = 0.0
    for user in range(60):
        own = users == user
        if len(np.unique(labels[own])) == 2:
            total += own.sum() * sklearn_metrics.roc_auc_score(labels[own], wide[own])
            weight += own.sum()
    assert outcome.metrics["gauc"] == pytest.approx(total / weight, abs=1e-9)
    assert gauc(users, labels, wide) == outcome.metrics["gauc"]
    clipped = np.clip(wide, np.finfo(np.float32).eps, 1 - np.finfo(np.float32).eps)
    assert outcome.metrics["logloss"] == pytest.approx(
        sklearn_metrics.log_loss(labels, clipped), abs=1e-9
    )


def test_intervals_are_those_of_repeated_rows() -> None:
    """Literally: repeat the rows of each drawn user, evaluate, take the percentiles."""
    cut, users, items, labels, scores = random_predictions(1, n=400, n_users=12)
    p = scores.astype(np.float64)
    values: dict[str, list[float]] = {"auc": [], "gauc": [], "ece": []}
    for block in resamples(12, RESAMPLES):
        for drawn in block.astype(np.int64):
            rows = np.repeat(np.arange(400), drawn[users])
            values["auc"].append(auc(labels[rows], p[rows]))
            own = user_auc(users, labels, p, 12)
            weight = np.bincount(users, minlength=12) * drawn
            defined = ~np.isnan(own)
            values["gauc"].append(float(np.average(own[defined], weights=weight[defined])))
            values["ece"].append(ece(labels[rows], p[rows]))
    outcome = evaluate_predictions(users, items, labels, scores, cut)
    for name, resampled in values.items():
        expected = percentile_interval(np.array(resampled))
        assert outcome.ci95[name] == pytest.approx(expected, abs=1e-9)


def test_every_metric_lies_in_its_interval_and_again_the_same() -> None:
    cut, users, items, labels, scores = random_predictions(2)
    outcome = evaluate_predictions(users, items, labels, scores, cut)
    assert set(outcome.ci95) == set(outcome.metrics) == {"auc", "gauc", "logloss", "ece"}
    for name, (low, high) in outcome.ci95.items():
        if name != "ece":  # noise in a resample only adds to it
            assert low < outcome.metrics[name] < high
    again = evaluate_predictions(users, items, labels, scores, cut)
    assert (again.metrics, again.ci95) == (outcome.metrics, outcome.ci95)


def test_the_order_of_rows_does_not_matter() -> None:
    cut, users, items, labels, scores = random_predictions(3)
    order = np.random.default_rng(0).permutation(len(users))
    one = evaluate_predictions(users, items, labels, scores, cut)
    two = evaluate_predictions(users[order], items[order], labels[order], scores[order], cut)
    assert two.metrics == pytest.approx(one.metrics, abs=1e-12)
    assert two.ci95["auc"] == pytest.approx(one.ci95["auc"], abs=1e-12)


def test_one_class_alone_leaves_auc_undefined(cut: Split) -> None:
    outcome = judge(cut, [0, 0, 1], [1, 1, 1], [0.5, 0.6, 0.7])
    assert np.isnan([outcome.metrics["auc"], outcome.metrics["gauc"]]).all()
    assert np.isnan([*outcome.ci95["auc"], *outcome.ci95["gauc"]]).all()
    assert outcome.counts["gauc_users_left_out"] == 2
    assert outcome.metrics["logloss"] > 0


def test_what_cannot_be_judged_is_refused(cut: Split) -> None:
    with pytest.raises(InputError, match="no rows"):
        judge(cut, [], [], [])
    with pytest.raises(InputError, match="it diverged\nlower its learning_rate"):
        judge(cut, [0], [1], [np.nan])
    with pytest.raises(InputError, match="it diverged"):
        judge(cut, [0], [1], [np.inf])
    with pytest.raises(InputError, match="user number 3 is not in the data set\nit has 3 users"):
        judge(cut, [3], [1], [0.5])
    with pytest.raises(InputError, match="label 2 of row 1 is not 0 or 1"):
        judge(cut, [0, 0], [1, 2], [0.5, 0.5])
    with pytest.raises(InputError, match="the columns of the rows differ in shape"):
        judge(cut, [0], [1, 0], [0.5, 0.5])
    row = (np.array([0]), np.array([-1]), np.ones(1, np.float32), np.ones(1, np.float32))
    with pytest.raises(InputError, match="item number -1 is not in the data set"):
        evaluate_predictions(*row, cut)


def test_scores_that_are_no_probabilities_are_ranked_all_the_same() -> None:
    """Log odds order rows as the probabilities do; only log loss and ECE need the latter."""
    cut, users, items, labels, scores = random_predictions(4)
    odds = (np.clip(scores, 0.01, 0.99) - 0.5) * 8
    near = evaluate_predictions(users, items, labels, np.clip(scores, 0.01, 0.99), cut)
    outcome = evaluate_predictions(users, items, labels, odds, cut)
    for name in ("auc", "gauc"):
        assert outcome.metrics[name] == pytest.approx(near.metrics[name], abs=1e-12)
        assert outcome.ci95[name] == pytest.approx(near.ci95[name], abs=1e-12)
    assert np.isnan([outcome.metrics["logloss"], outcome.metrics["ece"]]).all()
    assert set(outcome.user_metrics) == set(outcome.ci95) - {"auc"} == {"gauc"}
    assert outcome.counts["scores_outside_0_1"] == ((odds < 0) | (odds > 1)).sum()
    assert "scores_outside_0_1" not in near.counts


def test_resamples_draw_with_replacement() -> None:
    blocks = list(resamples(50, 200))
    counts = np.concatenate(blocks)
    assert counts.shape == (200, 50)
    assert (counts.sum(axis=1) == 50).all()
    assert (counts == 0).mean() == pytest.approx((1 - 1 / 50) ** 50, abs=0.02)


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide() -> None:
    values = np.random.default_rng(0).exponential(size=2000)
    low, high = mean_intervals({"some": values})["some"]
    error = values.std() / np.sqrt(2000)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_undefined_users_are_left_out_of_each_resample() -> None:
    """Literally: the mean of the defined values among the drawn users."""
    values = np.array([0.1, np.nan, 0.7, 0.4, np.nan, 0.9])
    expected = []
    for block in resamples(6, MEAN_RESAMPLES):
        for drawn in block.astype(np.int64):
            sample = np.repeat(values, drawn)
            defined = sample[~np.isnan(sample)]
            expected.append(defined.mean() if len(defined) else np.nan)
    intervals = mean_intervals({"full": np.nan_to_num(values), "gaps": values})
    assert intervals["gaps"] == pytest.approx(percentile_interval(np.array(expected)), abs=1e-12)


def test_no_metric_no_interval() -> None:
    assert mean_intervals({}) == {}
