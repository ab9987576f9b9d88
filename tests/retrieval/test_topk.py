"""Top-K: exact, ties in the given order, nothing that is -inf."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_core.errors import InputError
from recsys_core.retrieval.topk import lower_bounds, top_k


def literal_top_k(
    scores: NDArray[np.float32], k: int, tie_rank: NDArray[np.int32]
) -> tuple[list[list[int]], list[list[float]]]:
    """Sort each row in full, by what the words say."""
    items, best = [], []
    for row in scores:
        order = sorted(range(len(row)), key=lambda item: (-row[item], tie_rank[item]))
        order = [item for item in order if row[item] > -np.inf][:k]
        missing = k - len(order)
        items.append(order + [-1] * missing)
        best.append([float(row[item]) for item in order] + [-np.inf] * missing)
    return items, best


def test_by_hand() -> None:
    """Items 1 and 3 are equal best: 3 comes first in tie order; item 2 is excluded."""
    scores = np.array([[0.5, 2.0, -np.inf, 2.0, -1.0]], dtype=np.float32)
    tie_rank = np.array([0, 3, 1, 2, 4], dtype=np.int32)
    items, best = top_k(scores, 3, tie_rank)
    assert items.tolist() == [[3, 1, 0]]
    assert best.tolist() == [[2.0, 2.0, 0.5]]
    items, best = top_k(scores, 6, tie_rank)
    assert items.tolist() == [[3, 1, 0, 4, -1, -1]]
    assert best[0, 4:].tolist() == [-np.inf, -np.inf]
    assert (str(items.dtype), str(best.dtype)) == ("int32", "float32")


def test_few_columns_reach_the_lower_bound() -> None:
    scores = np.random.default_rng(0).random((3, 4_000), dtype=np.float32)
    for k in (1, 50, 4_000):
        reached = (scores >= lower_bounds(scores, k)[:, None]).sum(axis=1)
        assert ((k <= reached) & (reached <= 1.5 * k)).all()


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    n_items=st.integers(1, 150),
    k=st.integers(1, 170),
    levels=st.sampled_from([1, 2, 5, 1_000_000]),
    excluded=st.sampled_from([0.0, 0.3, 0.95, 1.0]),
)
def test_equals_a_full_sort(seed: int, n_items: int, k: int, levels: int, excluded: float) -> None:
    rng = np.random.default_rng(seed)
    scores = (rng.integers(-levels, levels + 1, (5, n_items)) / 3).astype(np.float32)
    scores[scores == 0] *= rng.choice([-1, 1])  # zeros of both signs are equal
    scores[rng.random(scores.shape) < excluded] = -np.inf
    tie_rank = rng.permutation(n_items).astype(np.int32)
    before = scores.copy()
    items, best = top_k(scores, k, tie_rank)
    expected_items, expected_best = literal_top_k(scores, k, tie_rank)
    assert items.tolist() == expected_items
    assert best.tolist() == expected_best
    assert (scores == before).all()


def test_zeros_of_both_signs_are_equal() -> None:
    scores = np.array([[0.0, -0.0, 0.0, -0.0]], dtype=np.float32)
    items, _ = top_k(scores, 4, np.array([3, 2, 1, 0], dtype=np.int32))
    assert items.tolist() == [[3, 2, 1, 0]]


def test_extreme_scores_keep_their_order() -> None:
    info = np.finfo(np.float32)
    values = [info.min, -1.0, -info.tiny, 0.0, info.tiny, 1.0, info.max, np.inf]
    scores = np.array([values], dtype=np.float32)
    items, best = top_k(scores, 8, np.arange(8, dtype=np.int32))
    assert items.tolist() == [[7, 6, 5, 4, 3, 2, 1, 0]]
    assert best.tolist() == scores[:, ::-1].tolist()


def test_a_constant_scorer_scores_like_chance() -> None:
    """5 of 20 items listed, one is wanted: over 1,000 tie orders found 5/20 of the time.

    The standard deviation of the share is sqrt(.25 * .75 / 1000) = .0137.
    """
    rng = np.random.default_rng(0)
    found = [
        7 in top_k(np.zeros((1, 20), np.float32), 5, rng.permutation(20).astype(np.int32))[0]
        for _ in range(1000)
    ]
    assert np.mean(found) == pytest.approx(5 / 20, abs=4 * 0.0137)


def test_no_rows_and_no_items() -> None:
    for shape in ((0, 4), (3, 0)):
        items, best = top_k(np.zeros(shape, np.float32), 2, np.arange(shape[1], dtype=np.int32))
        assert items.shape == best.shape == (shape[0], 2)
        assert (items == -1).all()


def test_a_diverged_model_is_named() -> None:
    scores = np.array([[1.0, 2.0], [np.nan, 0.0]], dtype=np.float32)
    with pytest.raises(InputError, match="not numbers: it diverged"):
        top_k(scores, 1, np.arange(2, dtype=np.int32))
