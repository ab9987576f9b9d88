"""Accuracy floors of the ranking models on real data.

A floor lies a little below what was measured when it was written, so that a change which makes a
model worse is noticed. ML-100K runs in the normal tests, ML-1M in `make accuracy`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.evaluation.rows import auc, row_logloss
from recsys_core.features.schema import load_schema
from recsys_core.pipeline.suites import load_suite
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.ranking.ranker import Ranker
from recsys_core.registry import model_info
from tests.data.real import real_data

#: suite, label, AUC and log loss on ML-1M with model seed 0: what was measured, less .001 and .002
FLOORS = [
    ("ctr-random-ml1m", "lr", 0.8730, 0.3456),
    ("ctr-random-ml1m", "fm", 0.9025, 0.3067),
    ("ctr-random-ml1m", "deep", 0.9055, 0.3020),
    ("ctr-random-ml1m", "wide-deep", 0.9048, 0.3031),
    ("ctr-random-ml1m", "deepfm", 0.9048, 0.3031),
    ("ctr-random-ml1m", "dcn", 0.9056, 0.3021),
    ("ctr-random-ml1m", "dcn-v2", 0.9061, 0.3015),
    ("ctr-random-ml1m", "qnn", 0.9069, 0.3002),
    ("ctr-random-ml1m", "deepfm-full", 0.9014, 0.3086),
    ("ctr-timeline-ml1m", "deepfm", 0.7761, 0.5694),
    ("ctr-timeline-ml1m", "dcn-v2", 0.7758, 0.5683),
    ("ctr-timeline-ml1m", "deepfm-full", 0.7816, 0.5609),
]


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


@lru_cache(maxsize=1)
def rows_of(suite: str) -> Split:
    """The split of a suite, kept for its next label."""
    return make_protocol(load_suite(suite).protocol).split(real_data("ml-1m"))


@pytest.mark.accuracy
def test_ctr_random_ml1m_has_the_rows_of_the_published_table() -> None:
    split = rows_of("ctr-random-ml1m")
    assert len(split.train) + len(split.valid) + len(split.test) == 739_012


@pytest.mark.accuracy
@pytest.mark.parametrize(("suite", "label", "least_auc", "most_logloss"), FLOORS)
def test_ml_1m(suite: str, label: str, least_auc: float, most_logloss: float) -> None:
    job = next(job for job in load_suite(suite).jobs if job.name == label)
    found_auc, found_logloss = measure(job.model, job.params, rows_of(suite), 0, job.features)
    assert found_auc >= least_auc
    assert found_logloss <= most_logloss
