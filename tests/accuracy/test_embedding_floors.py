"""Accuracy floors of the recall models that learn vectors by skip-gram, on real data.

A floor lies a little below what was measured when it was written. ML-100K runs in the normal tests,
ML-1M in `make accuracy`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import limited_threads
from recsys_core.config import parse_config
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.pipeline.feature_schemas import feature_schema
from recsys_core.protocols.registry import make_protocol
from recsys_core.registry import model_info, reads_features
from tests.data.real import real_data

NEXT: dict[str, Any] = {"name": "leave-last-out", "relevance": None}
RANDOM = {"name": "random-per-user", "min_rating": 3, "k_core": 10, "relevance": None}


def measure(
    model: str,
    params: dict[str, Any],
    dataset: str,
    protocol: dict[str, Any],
    seed: int = 0,
    features: str | None = None,
) -> dict[str, float]:
    """Metrics on the test rows."""
    split = make_protocol(protocol).split(real_data(dataset))
    info = model_info(model)
    more = (feature_schema(info, features, split.dataset),) if reads_features(info) else ()
    config = parse_config(info.cls.Config, params, model)
    with limited_threads(1):  # tests run side by side
        fitted = info.cls(config, Runtime(seed=seed), *more).fit(split.train)
        users = np.unique(split.test.user)
        top = fitted.recommend(users, 20, histories=split.known.histories().take(users))
    return evaluate_recommendations(users, top.items, split, (10, 20)).metrics


@pytest.mark.parametrize(
    ("model", "params", "protocol", "metric", "floor"),
    [
        ("word2vec", {}, NEXT, "recall@20", 0.29),
        ("item-cf", {"history_half_life": 2}, NEXT, "recall@20", 0.30),
        ("deepwalk-item", {"walks_per_node": 8}, RANDOM, "ndcg@10", 0.24),
        ("deepwalk-user", {"walks_per_node": 8}, RANDOM, "ndcg@10", 0.225),
    ],
)
def test_ml_100k(
    model: str, params: dict[str, Any], protocol: dict[str, Any], metric: str, floor: float
) -> None:
    assert measure(model, params, "ml-100k", protocol)[metric] > floor


@pytest.mark.accuracy
@pytest.mark.parametrize(
    ("model", "params", "protocol", "metric", "floor"),
    [
        ("word2vec", {}, NEXT, "recall@20", 0.34),
        ("item-cf", {"history_half_life": 2}, NEXT, "recall@20", 0.27),
        ("deepwalk-item", {}, RANDOM, "ndcg@10", 0.24),
        ("deepwalk-user", {}, RANDOM, "ndcg@10", 0.25),
    ],
)
def test_ml_1m(
    model: str, params: dict[str, Any], protocol: dict[str, Any], metric: str, floor: float
) -> None:
    found = [measure(model, params, "ml-1m", protocol, seed)[metric] for seed in range(3)]
    assert np.mean(found) > floor
