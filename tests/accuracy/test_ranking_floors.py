"""Accuracy floors of the ranking models on real data.

A floor lies a little below what was measured when it was written, so that a change which makes a
model worse is noticed. ML-100K runs in the normal tests, ML-1M in `make accuracy`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys_core.config import parse_config
from recsys_core.evaluation.rows import auc, row_logloss
from recsys_core.features.schema import load_schema
from recsys_core.pipeline.suites import load_suite
from recsys_core.protocols.catalogue import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info
from recsys_core.training.runtime import Runtime
from tests.data.real import real_data


def measure(model: str, params: dict[str, Any], split: Split, seed: int) -> tuple[float, float]:
    """AUC and log loss on the test rows."""
    config = parse_config(model_info(model).cls.Config, params, model)
    schema = load_schema("movielens", split.dataset)
    ranker = Ranker(model, config, schema, Runtime(seed=seed)).fit(split)
    scores = ranker.predict(split.test, split.known)[:, 0]
    labels = split.test.relevant.astype(np.float32)
    return auc(labels, scores.astype(np.float64)), float(row_logloss(labels, scores).mean())


@pytest.mark.parametrize(
    ("model", "params", "least_auc", "most_logloss"),
    [
        ("lr", {}, 0.785, 0.562),
        ("fm", {}, 0.786, 0.560),
        ("deepfm", {}, 0.790, 0.565),
        ("dcn-v2", {"epochs": 2}, 0.783, 0.564),
        ("mmoe", {"epochs": 2}, 0.781, 0.567),
    ],
)
def test_ml_100k_user_timeline(
    model: str, params: dict[str, Any], least_auc: float, most_logloss: float
) -> None:
    split = make_protocol({"name": "user-timeline"}).split(real_data("ml-100k"))
    found_auc, found_logloss = measure(model, params, split, seed=0)
    assert found_auc > least_auc
    assert found_logloss < most_logloss


@pytest.mark.accuracy
@pytest.mark.parametrize(
    ("model", "least_auc", "most_logloss"), [("lr", 0.8699, 0.3488), ("deepfm", 0.8990, 0.3140)]
)
def test_ctr_random_ml1m(model: str, least_auc: float, most_logloss: float) -> None:
    """RecBole's published figures (anchors of the suite), mean of three seeds."""
    suite = load_suite("ctr-random-ml1m")
    split = make_protocol(suite.protocol).split(real_data("ml-1m"))
    assert len(split.train) + len(split.valid) + len(split.test) == 739_012
    job = next(job for job in suite.jobs if job.name == model)
    found = np.mean([measure(model, job.params, split, seed) for seed in suite.seeds], axis=0)
    assert found[0] >= least_auc
    assert found[1] <= most_logloss
