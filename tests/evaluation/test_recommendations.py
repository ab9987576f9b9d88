"""Ranked lists judged as a whole: who is counted, who is left out, what is a miss."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from recsys_core.errors import InputError
from recsys_core.evaluation.names import TOPK_METRICS
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.protocols.split import Split
from tests.protocols.build import dataset, random_dataset, split


@pytest.fixture
def cut() -> Split:
    """User 0 likes items 2 and 5 in test, user 1 dislikes item 2, user 2 likes item 3.

    Item 5 has no train row; user 2 has no row but that of test.
    """
    rows = [
        *((0, 0, 5.0, 0), (0, 1, 2.0, 1), (1, 0, 4.0, 2), (1, 2, 4.0, 3), (1, 3, 1.0, 4)),
        *((0, 3, 5.0, 5), (1, 1, 5.0, 6)),
        *((0, 2, 4.0, 7), (0, 5, 5.0, 8), (1, 4, 1.0, 9), (2, 3, 5.0, 10)),
    ]
    return split(dataset(rows), range(5), [5, 6], range(7, 11))


def test_by_hand(cut: Split) -> None:
    lists = np.array([[2, -1, -1], [3, -1, -1], [0, 1, 3]], dtype=np.int32)
    outcome = evaluate_recommendations(np.arange(3), lists, cut, [1, 3])
    assert outcome.users.tolist() == [0, 2]
    assert outcome.counts == {
        "users": 2,
        "users_without_relevant": 1,
        "cold_users": 1,
        "cold_items": 1,
    }
    assert outcome.user_metrics["recall@3"].tolist() == [1 / 2, 1]
    assert outcome.user_metrics["precision@3"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert outcome.metrics["recall@1"] == (1 / 2 + 0) / 2
    assert outcome.metrics["mrr@3"] == pytest.approx((1 + 1 / 3) / 2)
    first = 1 / (1 + 1 / log2(3))
    assert outcome.metrics["ndcg@3"] == pytest.approx((first + 1 / log2(4)) / 2)
    assert outcome.metrics["coverage@3"] == 4 / 4
    assert np.isnan(outcome.metrics["diversity@3"])  # no genres


def test_a_user_is_cold_where_nothing_is_known_of_her_yet() -> None:
    """User 2 has a test row, and a validation row or none."""
    data = dataset([(0, 0, 5.0, 0), (1, 1, 5.0, 1), (2, 0, 5.0, 2), (2, 1, 5.0, 3)])
    lists = np.array([[0]], dtype=np.int32)
    for valid, cold in (([2], 0), ([], 1)):
        cut = split(data, [0, 1], valid, [3])
        outcome = evaluate_recommendations(np.array([2]), lists, cut, [1])
        assert outcome.counts["cold_users"] == cold


def test_padding_is_never_a_hit() -> None:
    """User 1 likes item 0: her key less one is user 0's last item, that of padding."""
    data = dataset([(u, i, 5.0, i) for u in range(2) for i in range(4)])
    cut = split(data, [0, 1, 2, 5, 6], [7], [3, 4])
    lists = np.full((2, 2), -1, dtype=np.int32)
    outcome = evaluate_recommendations(np.arange(2), lists, cut, [2])
    assert outcome.metrics["recall@2"] == 0
    assert outcome.metrics["coverage@2"] == 0
    assert np.isnan(outcome.metrics["novelty@2"])
    assert np.isnan(outcome.ci95["novelty@2"]).all()


def test_every_metric_is_there_and_every_mean_has_an_interval_around_it() -> None:
    data = random_dataset(0)
    cut = split(data, range(400), range(400, 450), range(450, 600))
    rng = np.random.default_rng(0)
    lists = np.array([rng.permutation(40)[:10] for _ in range(30)], dtype=np.int32)
    outcome = evaluate_recommendations(np.arange(30), lists, cut, [5, 10])
    assert set(outcome.metrics) == {f"{name}@{k}" for name in TOPK_METRICS for k in (5, 10)}
    assert set(outcome.ci95) == set(outcome.user_metrics)
    assert not {name for name in outcome.ci95 if name.startswith(("coverage", "gini"))}
    for name, (low, high) in outcome.ci95.items():
        assert low <= outcome.metrics[name] <= high
    again = evaluate_recommendations(np.arange(30), lists, cut, [5, 10])
    assert again.ci95 == outcome.ci95
    assert again.metrics == pytest.approx(outcome.metrics, nan_ok=True, abs=0)


def test_the_order_of_users_does_not_matter() -> None:
    data = random_dataset(1)
    cut = split(data, range(400), range(400, 450), range(450, 600))
    rng = np.random.default_rng(1)
    lists = np.array([rng.permutation(40)[:10] for _ in range(30)], dtype=np.int32)
    order = rng.permutation(30)
    one = evaluate_recommendations(np.arange(30), lists, cut, [10])
    two = evaluate_recommendations(order, lists[order], cut, [10])
    assert two.metrics == pytest.approx(one.metrics, nan_ok=True, abs=1e-12)
    assert two.counts == one.counts


def test_nobody_to_judge_is_an_error(cut: Split) -> None:
    with pytest.raises(InputError, match="none of the 1 user has a relevant item"):
        evaluate_recommendations(np.array([1]), np.array([[0]], dtype=np.int32), cut, [1])


def test_lists_that_are_too_short_for_k_are_a_mistake_of_the_caller(cut: Split) -> None:
    with pytest.raises(ValueError, match="lists of 2 items cannot be judged at K = 3"):
        evaluate_recommendations(np.array([0]), np.array([[0, 1]], dtype=np.int32), cut, [1, 3])


@pytest.mark.parametrize(
    ("users", "lists", "message"),
    [
        ([0], [[2, 3, 2]], "the list of user u0 holds item i2 twice\nleave out all but the first"),
        ([0, 2], [[2, -1, -1], [1, 0, 0]], "the list of user u2 holds item i0 twice"),
        ([0], [[6, 1, 2]], "item number 6 is not in the data set\nit has 6 items"),
        ([0], [[-2, 1, 2]], "item number -2 is not"),
        ([3], [[0, 1, 2]], "user number 3 is not in the data set\nit has 3 users"),
        ([-1], [[0, 1, 2]], "user number -1 is not"),
        ([0, 0], [[0, 1, 2], [0, 1, 2]], "user u0 has several lists"),
        ([0, 1], [[0, 1, 2]], r"lists of shape \(1, 3\) do not belong to \(2,\) users"),
        ([0], [[0.5, 1, 2]], "item numbers are float64, not integers"),
    ],
)
def test_lists_that_none_may_give_are_refused(
    cut: Split, users: list[int], lists: list[list[int]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluate_recommendations(np.array(users), np.array(lists), cut, [1, 3])


def test_what_is_judged_at_no_k_may_be_there_twice(cut: Split) -> None:
    lists = np.array([[2, 3, 3]])
    assert evaluate_recommendations(np.array([0]), lists, cut, [2]).metrics["recall@2"] == 1 / 2


def test_known_items_in_lists_are_counted(cut: Split) -> None:
    """User 0 knows 0 and 1 of train and 3 of validation; the last of the list is not judged."""
    lists = np.array([[0, 2, 3, 4, 1]])
    assert evaluate_recommendations(np.array([0]), lists, cut, [4]).counts["known_items"] == 2
