"""Evaluation of ML-1M: a full catalogue of matrix-factorisation scores, and GAUC."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.harness import Figure, load_ml1m, median_seconds


def measure() -> Iterator[Figure]:
    """Time scoring, ranking and every metric of all users; then GAUC of 200,000 rows."""
    from recsys_core.evaluation.predictions import gauc
    from recsys_core.evaluation.recommendations import evaluate_recommendations
    from recsys_core.protocols.registry import make_protocol
    from recsys_core.recall.mf import MF, MFConfig

    dataset = load_ml1m()
    split = make_protocol({"name": "user-timeline"}).split(dataset)
    model = MF(MFConfig(epochs=1)).fit(split.train)
    users = np.unique(split.test.user)
    histories = split.known.histories().take(users)

    def evaluate() -> None:
        top = model.recommend(users, 100, histories=histories)
        evaluate_recommendations(users, top.items, split, (10, 20, 50, 100))

    evaluate()
    yield Figure("mf, full catalogue, all metrics", "s", median_seconds(evaluate), None, "")

    rng = np.random.default_rng(0)
    rows = 200_000
    of_user = rng.integers(0, 6_040, rows)
    labels = rng.integers(0, 2, rows).astype(np.float32)
    scores = rng.random(rows)
    gauc(of_user, labels, scores)
    time = median_seconds(lambda: gauc(of_user, labels, scores))
    yield Figure("GAUC of 200,000 rows", "s", time, None, "")
