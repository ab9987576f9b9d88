"""Top-K accuracy: fractions by hand, slow literal code, and ranx."""

from __future__ import annotations

import json
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_core.evaluation.accuracy import accuracy_metrics

RANX = Path(__file__).with_name("ranx.json")
NAMES = ["recall", "precision", "ndcg", "hit", "mrr", "map"]


def metrics_of(hits: list[int], relevant: int, *ks: int) -> dict[str, float]:
    computed = accuracy_metrics(np.array([hits], dtype=np.bool_), np.array([relevant]), ks)
    return {name: float(value[0]) for name, value in computed.items()}


def test_by_hand() -> None:
    """Hits at ranks 2 and 3 of a list of 5; three items are relevant."""
    values = metrics_of([0, 1, 1, 0, 0], 3, 1, 2, 5)
    ideal = 1 / log2(2) + 1 / log2(3) + 1 / log2(4)
    expected = {
        "recall@1": 0,
        "recall@2": 1 / 3,
        "recall@5": 2 / 3,
        "precision@1": 0,
        "precision@2": 1 / 2,
        "precision@5": 2 / 5,
        "hit@1": 0,
        "hit@2": 1,
        "hit@5": 1,
        "mrr@1": 0,
        "mrr@2": 1 / 2,
        "mrr@5": 1 / 2,
        "map@1": 0,
        "map@2": (1 / 2) / 3,
        "map@5": (1 / 2 + 2 / 3) / 3,
        "ndcg@1": 0,
        "ndcg@2": (1 / log2(3)) / (1 / log2(2) + 1 / log2(3)),
        "ndcg@5": (1 / log2(3) + 1 / log2(4)) / ideal,
    }
    assert values == pytest.approx(expected, abs=1e-12)


def test_recall_is_not_forgiven_when_k_is_small() -> None:
    """Ten relevant items, two places, both right: recall 2/10, but an ideal ndcg of 1."""
    values = metrics_of([1, 1], 10, 2)
    assert values["recall@2"] == 2 / 10
    assert values["map@2"] == (1 + 1) / 10
    assert values["ndcg@2"] == 1


def literal(hits: NDArray[np.bool_], relevant: int, k: int) -> dict[str, float]:
    """Each metric by its formula, one user, with loops."""
    ranks = [rank for rank in range(1, k + 1) if hits[rank - 1]]
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(k, relevant) + 1))
    return {
        f"recall@{k}": len(ranks) / relevant,
        f"precision@{k}": len(ranks) / k,
        f"ndcg@{k}": sum(1 / log2(rank + 1) for rank in ranks) / ideal,
        f"hit@{k}": float(bool(ranks)),
        f"mrr@{k}": 1 / ranks[0] if ranks else 0.0,
        f"map@{k}": sum(sum(r <= rank for r in ranks) / rank for rank in ranks) / relevant,
    }


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 100_000), width=st.integers(1, 30), density=st.floats(0, 1))
def test_equals_literal_code_and_keeps_its_bounds(seed: int, width: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    hits = rng.random((7, width)) < density
    relevant = np.maximum(hits.sum(axis=1) + rng.integers(0, 5, 7), 1)
    ks = list(range(1, width + 1))
    computed = accuracy_metrics(hits, relevant, ks)
    for k in ks:
        for user in range(7):
            for name, value in literal(hits[user], int(relevant[user]), k).items():
                assert computed[name][user] == pytest.approx(value, abs=1e-12)
    for values in computed.values():
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    for name in ("recall", "hit", "mrr", "map"):
        curve = np.array([computed[f"{name}@{k}"] for k in ks])
        assert (np.diff(curve, axis=0) >= 0).all()


def test_users_do_not_influence_each_other() -> None:
    rng = np.random.default_rng(3)
    hits = rng.random((40, 20)) < 0.2
    relevant = hits.sum(axis=1) + 1
    order = rng.permutation(40)
    ours, shuffled = (accuracy_metrics(hits[o], relevant[o], [5, 20]) for o in (range(40), order))
    for name in ours:
        assert (ours[name][order] == shuffled[name]).all()


def test_agrees_with_ranx() -> None:
    """60 users; what ranx says of them was written down by write_ranx.py."""
    recorded: dict[str, Any] = json.loads(RANX.read_text())
    users = recorded["users"]
    hits = np.zeros((len(users), 25), dtype=np.bool_)
    for row, user in enumerate(users):
        hits[row, np.array(user["hits"], dtype=int) - 1] = True
    ours = accuracy_metrics(hits, np.array([user["relevant"] for user in users]), recorded["ks"])
    assert len(users) == 60
    for name in NAMES:
        for place, k in enumerate(recorded["ks"]):
            theirs = [user[name][place] for user in users]
            assert ours[f"{name}@{k}"] == pytest.approx(theirs, abs=1e-9)
