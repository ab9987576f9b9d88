"""Accuracy floors of the recall models on real data.

A floor lies a little below what was measured when it was written, so that a change which makes a
model worse is noticed. ML-100K runs in the normal tests, ML-1M in `make accuracy`.
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
from recsys_core.pipeline.suites import load_suite
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.registry import model_info
from tests.data.real import real_data

SUITE = load_suite("topn-random-ml1m")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tests run side by side."""
    with limited_threads(1):
        yield


@cache
def split_of(dataset: str, protocol: str) -> Split:
    values = SUITE.protocol if protocol == "topn" else {"name": protocol}
    return make_protocol(values).split(real_data(dataset))


def ndcg(model: str, params: dict[str, Any], split: Split, seed: int = 0) -> float:
    """ndcg@10 on the test rows."""
    cls = model_info(model).cls
    fitted = cls(parse_config(cls.Config, params, model), Runtime(seed=seed))
    fitted.fit(split.train, valid=split.valid)
    users = np.unique(split.test.user)
    top = fitted.recommend(users, 10, histories=split.known.histories().take(users))
    return evaluate_recommendations(users, top.items, split, (10,)).metrics["ndcg@10"]


@pytest.mark.parametrize(
    ("model", "protocol", "floor"),
    [
        ("popularity", "random-per-user", 0.123),
        ("item-cf", "random-per-user", 0.270),
        ("ease", "random-per-user", 0.291),
        ("mf", "random-per-user", 0.293),
        ("item-cf", "user-timeline", 0.129),
        ("ease", "user-timeline", 0.140),
        pytest.param("mf", "user-timeline", 0.128, marks=pytest.mark.accuracy),
    ],
)
def test_ml_100k(model: str, protocol: str, floor: float) -> None:
    assert ndcg(model, {}, split_of("ml-100k", protocol)) > floor


@pytest.mark.accuracy
def test_the_protocol_is_recboles() -> None:
    """Its row count, and the plain item-cf and the popularity that RecBole's data give."""
    split = split_of("ml-1m", "topn")
    assert len(split.train) + len(split.valid) + len(split.test) == 834_449
    params = {job.name: job.params for job in SUITE.jobs}
    assert ndcg("item-cf", params["item-cf-plain"], split) == pytest.approx(0.2389, abs=0.002)
    assert ndcg("popularity", {}, split) == pytest.approx(0.1187, abs=0.002)


@pytest.mark.accuracy
@pytest.mark.parametrize(
    ("label", "floor"), [("item-cf", 0.250), ("mf", 0.278), ("mf-bpr", 0.235), ("ease", 0.285)]
)
def test_topn_random_ml1m(label: str, floor: float) -> None:
    """The mean of the suite's seeds."""
    job = next(job for job in SUITE.jobs if job.name == label)
    split = split_of("ml-1m", "topn")
    assert np.mean([ndcg(job.model, job.params, split, seed) for seed in SUITE.seeds]) > floor


@pytest.mark.accuracy
@pytest.mark.parametrize(
    ("model", "floor"),
    [
        ("item-cf", 0.120),
        ("ials", 0.131),
        ("ease", 0.140),
        ("seq-ridge", 0.173),
        ("session-knn", 0.159),
    ],
)
def test_user_timeline_ml1m(model: str, floor: float) -> None:
    (job,) = load_suite("recall-user-timeline-ml1m").select([model]).jobs
    assert ndcg(model, job.params, split_of("ml-1m", "user-timeline")) > floor
