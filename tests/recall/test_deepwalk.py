"""DeepWalk's two ways to recommend, against literal code on given vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Interactions
from recsys_core.events import Event
from recsys_core.recall.shared.similar import unit
from recsys_core.retrieval.vector_index import IndexConfig
from tests.protocols.build import dataset
from tests.recall.build import USERS, block_of, fit, history, planted

#: users 0 to 3 and what they like; item 4 is only disliked
LIKES = [(0, 0), (0, 1), (1, 1), (2, 1), (2, 2), (3, 3)]
N_USERS, N_ITEMS = 4, 5


def given(name: str, nodes: FloatArray, **fields: Any) -> Any:
    """Fit, then put `nodes` in place of what was learned."""
    rows = [(user, item, 5.0, time) for time, (user, item) in enumerate(LIKES)] + [(3, 4, 1.0, 9)]
    data = dataset(rows, n_users=N_USERS, n_items=N_ITEMS)
    train = Interactions.in_time_order(data, np.arange(len(rows)), 4.0)
    model: Any = fit(name, train, walks_per_node=1, **fields)
    nodes[N_USERS + 4] = 0
    model.nodes = unit(nodes)
    model._prepare(IndexConfig(), lambda event: None)
    return model


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 2, 10])
def test_items_near_the_history(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = rng.normal(size=(N_USERS + N_ITEMS, 6)).astype(np.float32)
    model = given("deepwalk-item", nodes, neighbours=k, popularity_exponent=0.5)
    items = model.nodes[N_USERS:]
    counts = [1, 3, 1, 1]
    wanted = np.zeros((2, N_ITEMS))
    for row, liked in enumerate(([0, 2], [3])):
        for candidate in range(4):
            likeness = [
                (float(items[candidate] @ items[other]), other)
                for other in range(4)
                if other != candidate
            ]
            for similarity, other in sorted(likeness, reverse=True)[:k]:
                if other in liked and similarity > 0:
                    wanted[row, candidate] += similarity * counts[candidate] ** 0.5
    wanted[~wanted.any(axis=1)] = [*counts, 0]  # nothing is near: the most popular
    scores = model.score(np.array([-1, 3]), history([0, 2], [3]))
    np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("k", [1, 2, 10])
def test_items_of_the_nearest_users(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = rng.normal(size=(N_USERS + N_ITEMS, 6)).astype(np.float32)
    model = given("deepwalk-user", nodes, neighbours=k)
    users, items = model.nodes[:N_USERS], model.nodes[N_USERS:]
    wanted = np.zeros((2, N_ITEMS))
    for row, (user, liked) in enumerate(((0, [0, 1]), (None, [2, 3]))):
        profile = items[liked].mean(axis=0)
        query = profile / np.linalg.norm(profile)
        if user is not None:
            query = query + users[user]
        query = query / np.linalg.norm(query)
        likeness = [(float(query @ users[other]), other) for other in range(4) if other != user]
        for similarity, other in sorted(likeness, reverse=True)[:k]:
            for one, item in LIKES:
                if one == other and similarity > 0:
                    wanted[row, item] += similarity
    scores = model.score(np.array([0, -1]), history([0, 1], [2, 3]))
    np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["deepwalk-item", "deepwalk-user"])
def test_communities_are_found_through_any_index(name: str) -> None:
    rows, _ = planted()
    events: list[Event] = []
    walks: dict[str, Any] = {"walks_per_node": 3}
    exact = fit(name, rows, **walks).recommend(np.arange(40), 5)
    assert (block_of(exact.items) == (np.arange(40) // USERS)[:, None]).mean() > 0.97
    for kind in ("hnsw", "ivf"):
        options = {**walks, "index": kind, "ivf_nprobe": 1000}
        model = fit(name, rows, on_event=events.append, **options)
        assert (model.recommend(np.arange(40), 5).items == exact.items).mean() > 0.98
    reported = [event.metrics["index_recall@100"] for event in events if event.message]
    assert len(reported) == 2
    assert min(reported) > 0.98


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_word2vec_lists_by_index_are_those_of_full_scores(kind: str) -> None:
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(0, [60, 400], (3000, 2)), axis=0)
    rows = [(int(user), int(item), 5.0, place) for place, (user, item) in enumerate(pairs)]
    data = dataset(rows, n_users=60, n_items=400)
    model: Any = fit(
        "word2vec",
        Interactions.in_time_order(data, np.arange(len(rows)), 4.0),
        epochs=2,
        index=kind,
        ivf_nprobe=1000,
    )
    users = np.arange(-1, 60)
    by_index = model.recommend(users, 20)
    model.index = None
    in_full = model.recommend(users, 20)
    assert (by_index.items == in_full.items).mean() > (0.999 if kind == "flat" else 0.98)
    np.testing.assert_allclose(by_index.scores, in_full.scores, rtol=1e-3, atol=1e-6)
