"""Metric names: what exists, and which direction is better."""

from __future__ import annotations

import pytest

from recsys_core.errors import InputError
from recsys_core.evaluation.names import (
    ROW_METRICS,
    TOPK_METRICS,
    check_metric_name,
    higher_is_better,
)


@pytest.mark.parametrize("name", [*ROW_METRICS, *(f"{name}@10" for name in TOPK_METRICS)])
def test_every_metric_of_the_tables_has_a_valid_name(name: str) -> None:
    check_metric_name(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ncdg@10", "unknown metric 'ncdg@10'\ndid you mean 'ndcg@10'?"),
        ("ndcg", "did you mean 'ndcg@10'?"),
        ("auk", "did you mean 'auc'?"),
        ("ndcg@0", "K must be a whole number from 1 to 999999999, got '0'"),
        ("ndcg@ten", "got 'ten'"),
    ],
)
def test_a_wrong_name_gets_the_nearest_one(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_metric_name(name)
    assert message in str(caught.value)


def test_directions() -> None:
    better = ["recall@10", "ndcg@50", "auc", "auc/love", "gauc", "coverage@10", "novelty@5"]
    worse = ["logloss", "ece", "rmse/rating", "gini@10", "popularity@20", "loss"]
    assert all(higher_is_better(name) for name in better)
    assert not any(higher_is_better(name) for name in worse)
