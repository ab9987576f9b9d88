"""Accuracy floors of the neural recall models that read a history, on real data.

A floor lies a little below what was measured when it was written. They run in
`make accuracy`; on ML-1M with the fields of the suites.
"""

from __future__ import annotations

import pytest

from recsys_core.pipeline.suites import load_suite
from tests.accuracy.test_embedding_floors import NEXT, measure


@pytest.mark.accuracy
def test_dssm_on_ml_100k() -> None:
    assert measure("dssm", {"epochs": 2, "batch_size": 32}, "ml-100k", NEXT)["recall@20"] > 0.21


@pytest.mark.accuracy
@pytest.mark.parametrize(
    ("suite", "model", "metric", "floor"),
    [
        ("next-item-ml1m", "dssm", "recall@20", 0.40),
        ("next-item-ml1m", "youtube-dnn", "ndcg@10", 0.190),
        ("next-item-ml1m", "sasrec", "ndcg@10", 0.177),
        ("recall-user-timeline-ml1m", "youtube-dnn", "ndcg@10", 0.200),
    ],
)
def test_ml_1m(suite: str, model: str, metric: str, floor: float) -> None:
    chosen = load_suite(suite)
    (job,) = chosen.select([model]).jobs
    params = {**job.params, "patience": 0}  # fitted without validation rows
    found = measure(model, params, "ml-1m", chosen.protocol, features=job.features)
    assert found[metric] > floor
