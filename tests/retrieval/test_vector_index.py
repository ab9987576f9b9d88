"""The vector index: exact where it says so, honest about how much it finds where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.errors import InputError
from recsys_core.events import Event
from recsys_core.retrieval.topk import top_k
from recsys_core.retrieval.vector_index import (
    LARGEST_SHARE,
    IndexConfig,
    VectorIndex,
    report_recall,
    search_unseen,
)
from tests.recall.build import history

FLAT = IndexConfig()
NOTHING = np.empty(0, np.int32)


def whole_numbers(rng: np.random.Generator, *shape: int) -> FloatArray:
    """Vectors whose products are exact in float32, and often equal."""
    return rng.integers(-2, 3, shape).astype(np.float32)


def fractions(rng: np.random.Generator, *shape: int) -> FloatArray:
    """Vectors whose products are exact in float32, and seldom equal."""
    return (rng.integers(0, 1024, shape) / 1024).astype(np.float32)


def brute_force(
    queries: FloatArray,
    vectors: FloatArray,
    seen: Histories,
    k: int,
    tie_rank: IntArray,
    banned: IntArray,
) -> tuple[IntArray, FloatArray]:
    scores = queries @ vectors.T
    scores[seen.row, seen.items] = -np.inf
    scores[:, banned] = -np.inf
    return top_k(scores, k, tie_rank)


def test_nearest_by_inner_product_worked_by_hand() -> None:
    index = VectorIndex(np.array([[1, 0], [0, 1], [2, 2], [-3, 0]], np.float32), FLAT)
    position, scores = index.search(np.array([[1, 0], [-1, 1]], np.float32), 5)
    # (1, 0): products 1, 0, 2, -3; (-1, 1): -1, 1, 0, 3
    assert position.tolist() == [[2, 0, 1, 3, -1], [3, 1, 2, 0, -1]]
    assert scores.tolist() == [[2, 1, 0, -3, -np.inf], [3, 1, 0, -1, -np.inf]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.booleans(), st.integers(0, 20))
def test_lists_of_unseen_items_are_those_of_brute_force(
    seed: int, k: int, ties: bool, bans: int
) -> None:
    rng = np.random.default_rng(seed)
    n_items = int(rng.integers(1, 400))
    make = whole_numbers if ties else fractions
    vectors, queries = make(rng, n_items, 3), make(rng, 9, 3)
    rows = [rng.permutation(n_items)[: rng.integers(0, n_items + 1)].tolist() for _ in range(8)]
    seen = history([], *rows)
    tie_rank = rng.permutation(n_items).astype(np.int32)
    index = VectorIndex(vectors, FLAT)
    everything = np.arange(n_items, dtype=np.int32)
    banned = rng.permutation(n_items)[:bans].astype(np.int32)
    items, scores, sure = search_unseen(index, everything, queries, seen, k, tie_rank, banned)
    wanted, best = brute_force(queries, vectors, seen, k, tie_rank, banned)
    np.testing.assert_array_equal(items[sure], wanted[sure])
    np.testing.assert_allclose(scores[sure], best[sure], rtol=1e-5)
    if not ties and 2 * (k + len(banned) + 1) <= LARGEST_SHARE * n_items:
        assert sure[0]  # who has seen nothing is served by the index


def test_a_list_that_may_have_lost_an_equal_item_is_not_sure() -> None:
    vectors = np.ones((100, 2), np.float32)
    numbers = np.arange(100, dtype=np.int32)
    index, query = VectorIndex(vectors, FLAT), np.ones((1, 2), np.float32)
    _, _, sure = search_unseen(index, numbers, query, history([]), 3, numbers, NOTHING)
    assert not sure.any()


def test_too_few_unseen_items_are_not_sure() -> None:
    vectors = np.random.default_rng(0).random((100, 4), np.float32)
    numbers = np.arange(100, dtype=np.int32)
    seen = history(list(range(98)))
    index = VectorIndex(vectors, FLAT)
    _, _, sure = search_unseen(index, numbers, vectors[:1], seen, 3, numbers, NOTHING)
    assert not sure.any()


@pytest.mark.parametrize(
    ("poor", "good"),
    [
        (
            {"index": "hnsw", "hnsw_m": 2, "hnsw_ef_search": 1},
            {"index": "hnsw", "hnsw_ef_search": 200},
        ),
        (
            {"index": "ivf", "ivf_nlist": 50, "ivf_nprobe": 1},
            {"index": "ivf", "ivf_nlist": 50, "ivf_nprobe": 50},
        ),
    ],
)
def test_recall_against_the_exact_index_is_reported(
    poor: dict[str, object], good: dict[str, object]
) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2000, 16)).astype(np.float32)
    queries = rng.normal(size=(300, 16)).astype(np.float32)
    events: list[Event] = []
    for fields in (poor, good):
        index = VectorIndex(vectors, IndexConfig.model_validate(fields))
        report_recall(index, queries, 20, events.append)
    bad, well = (event.metrics["index_recall@20"] for event in events)
    assert bad < 0.7
    assert well > 0.97
    assert f"finds {well:.2%} of the exact top 20" in events[1].message

    # the figure is that of a literal count
    found, _ = index.search(queries, 20)
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :20]
    shares = [
        len(set(a) & set(b)) / 20 for a, b in zip(found.tolist(), exact.tolist(), strict=True)
    ]
    assert well == pytest.approx(np.mean(shares))


def test_an_exact_index_has_nothing_to_report() -> None:
    events: list[Event] = []
    vectors = np.eye(3, dtype=np.float32)
    report_recall(VectorIndex(vectors, FLAT), vectors, 2, events.append)
    assert events == []


@pytest.mark.parametrize("kind", ["flat", "hnsw", "ivf"])
def test_few_vectors_or_none(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    config = IndexConfig.model_validate({"index": kind})
    for n in (0, 1, 3):
        vectors = np.eye(3, dtype=np.float32)[:n]
        position, scores = VectorIndex(vectors, config).search(np.ones((2, 3), np.float32), 4)
        assert [set(row) - {-1} for row in position.tolist()] == [set(range(n))] * 2
        assert np.isneginf(scores[:, n:]).all()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_the_same_vectors_give_the_same_answers(kind: str) -> None:
    config = IndexConfig.model_validate({"index": kind, "hnsw_ef_search": 10, "ivf_nprobe": 2})
    vectors = np.random.default_rng(1).normal(size=(800, 8)).astype(np.float32)
    (first, _), (second, _) = (VectorIndex(vectors, config).search(vectors, 9) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_another_dimension_is_refused() -> None:
    index = VectorIndex(np.eye(4, dtype=np.float32), FLAT)
    with pytest.raises(InputError, match=r"queries of shape \(1, 3\), the vectors have 4"):
        index.search(np.ones((1, 3), np.float32), 2)
