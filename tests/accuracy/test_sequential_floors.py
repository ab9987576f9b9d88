"""Accuracy floors of the neural recall models that read a history, on real data.

A floor lies a little below what was measured when it was written. ML-100K runs in the normal tests,
ML-1M in `make accuracy`, each with the fields of the suite `next-item-ml1m`.
"""

from __future__ import annotations

import pytest

from recsys_core.pipeline.suites import load_suite
from tests.accuracy.test_embedding_floors import NEXT, measure


def test_dssm_on_ml_100k() -> None:
    assert measure("dssm", {"epochs": 2, "batch_size": 32}, "ml-100k", NEXT)["recall@20"] > 0.21


@pytest.mark.accuracy
@pytest.mark.parametrize(
    ("model", "metric", "floor"),
    [
        ("dssm", "recall@20", 0.40),
        ("youtube-dnn", "recall@20", 0.40),
        ("sasrec", "ndcg@10", 0.177),
    ],
)
def test_ml_1m(model: str, metric: str, floor: float) -> None:
    (job,) = load_suite("next-item-ml1m").select([model]).jobs
    params = {**job.params, "patience": 0}  # fitted without validation rows
    assert measure(model, params, "ml-1m", NEXT)[metric] > floor
