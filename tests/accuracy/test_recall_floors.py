"""Accuracy floors of the recall models on ML-100K.

A floor lies a little below what was measured when it was written, so that a change which makes a
model worse is noticed. ML-1M: test_ml_1m_floors.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.threads import limited_threads
from recsys_core.config import parse_config
from recsys_core.evaluation.recommendations import evaluate_recommendations
from recsys_core.pipeline.feature_schemas import feature_schema
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.registry import model_info, reads_features
from tests.data.real import real_data

PROTOCOLS: dict[str, dict[str, Any]] = {
    "random": {"name": "random-per-user"},
    "recbole": {"name": "random-per-user", "min_rating": 3, "k_core": 10, "relevance": None},
    "timeline": {"name": "user-timeline"},
    "next": {"name": "leave-last-out", "relevance": None},
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tests run side by side."""
    with limited_threads(1):
        yield


@cache
def split_of(protocol: str) -> Split:
    return make_protocol(PROTOCOLS[protocol]).split(real_data("ml-100k"))


def measure(model: str, params: dict[str, Any], split: Split) -> dict[str, float]:
    """Metrics on the test rows, model seed 0."""
    info = model_info(model)
    more = (feature_schema(info, None, split.dataset),) if reads_features(info) else ()
    fitted = info.cls(parse_config(info.cls.Config, params, model), Runtime(seed=0), *more)
    fitted.fit(split.train, valid=split.valid)
    users = np.unique(split.test.user)
    top = fitted.recommend(users, 20, histories=split.known.histories().take(users))
    return evaluate_recommendations(users, top.items, split, (10, 20)).metrics


@pytest.mark.parametrize(
    ("model", "params", "protocol", "metric", "floor"),
    [
        ("popularity", {}, "random", "ndcg@10", 0.123),
        ("item-cf", {}, "random", "ndcg@10", 0.270),
        ("ease", {}, "random", "ndcg@10", 0.291),
        ("mf", {}, "random", "ndcg@10", 0.293),
        ("item-cf", {}, "timeline", "ndcg@10", 0.129),
        ("ease", {}, "timeline", "ndcg@10", 0.140),
        ("word2vec", {}, "next", "recall@20", 0.29),
        ("item-cf", {"history_half_life": 2}, "next", "recall@20", 0.30),
        ("deepwalk-item", {"walks_per_node": 8}, "recbole", "ndcg@10", 0.24),
        ("deepwalk-user", {"walks_per_node": 8}, "recbole", "ndcg@10", 0.225),
        pytest.param("mf", {}, "timeline", "ndcg@10", 0.128, marks=pytest.mark.accuracy),
        pytest.param(
            "dssm",
            {"epochs": 2, "batch_size": 32},
            "next",
            "recall@20",
            0.21,
            marks=pytest.mark.accuracy,
        ),
    ],
)
def test_ml_100k(
    model: str, params: dict[str, Any], protocol: str, metric: str, floor: float
) -> None:
    assert measure(model, params, split_of(protocol))[metric] > floor
