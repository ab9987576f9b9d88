"""Accuracy floors of the ranking models on ML-100K.

A floor lies a little below what was measured when it was written, so that a change which makes a
model worse is noticed. ML-1M: test_ml_1m_floors.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.evaluation.rows import auc, row_logloss
from recsys_core.features.schema import load_schema
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info
from tests.data.real import real_data


def measure(
    model: str,
    params: dict[str, Any],
    split: Split,
    seed: int,
    features: str | None = "movielens",
) -> tuple[float, float]:
    """AUC and log loss on the test rows."""
    config = parse_config(model_info(model).cls.Config, params, model)
    schema = load_schema(features, split.dataset)
    ranker = Ranker(model, config, schema, Runtime(seed=seed)).fit(split)
    scores = ranker.predict(split.test, split.known)[:, 0]
    labels = split.test.relevant.astype(np.float32)
    return auc(labels, scores.astype(np.float64)), float(row_logloss(labels, scores).mean())


@pytest.mark.parametrize(
    ("model", "params", "least_auc", "most_logloss"),
    [
        ("lr", {}, 0.785, 0.562),
        ("fm", {}, 0.786, 0.560),
        ("deepfm", {"epochs": 3}, 0.787, 0.559),
        pytest.param("dcn-v2", {"epochs": 2}, 0.785, 0.561, marks=pytest.mark.accuracy),
        pytest.param("mmoe", {"epochs": 2}, 0.783, 0.564, marks=pytest.mark.accuracy),
    ],
)
def test_ml_100k_user_timeline(
    model: str, params: dict[str, Any], least_auc: float, most_logloss: float
) -> None:
    split = make_protocol({"name": "user-timeline"}).split(real_data("ml-100k"))
    found_auc, found_logloss = measure(model, params, split, seed=0)
    assert found_auc > least_auc
    assert found_logloss < most_logloss
