"""Merging lists, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys_core.two_stage.merge import MergeConfig, Pool, Ranked, merge

#: ties go to the item with the lower number
TIES = np.arange(10, dtype=np.int32)


def ranked(items: list[int], scores: list[float]) -> Ranked:
    return Ranked(np.array([items], np.int32), np.array([scores], np.float32))


#: item 3 is in both lists; the second list is short
FIRST = ranked([1, 3, 5], [9.0, 7.0, 1.0])
SECOND = ranked([3, 2, -1], [0.8, 0.3, -np.inf])


def merged(method: str, **fields: Any) -> Pool:
    config = MergeConfig.model_validate({"method": method, **fields})
    return merge([FIRST, SECOND], [1.0, 3.0], config, TIES)


def listed(pool: Pool) -> list[tuple[int, float]]:
    pairs = zip(pool.items[0].tolist(), pool.scores[0].tolist(), strict=True)
    return [(item, score) for item, score in pairs if item >= 0]


def assert_order(pool: Pool, expected: Sequence[tuple[int, Fraction | int]]) -> None:
    found = listed(pool)
    assert [item for item, _ in found] == [item for item, _ in expected]
    for (_, score), (_, value) in zip(found, expected, strict=True):
        assert score == pytest.approx(float(value), rel=1e-6)


def test_round_robin_takes_turns() -> None:
    """First ranks 1 (channel 0) and 3 (channel 1), then 2 (channel 1, rank 2), then 5 (rank 3)."""
    pool = merged("round-robin")
    assert [item for item, _ in listed(pool)] == [1, 3, 2, 5]


def test_reciprocal_rank() -> None:
    half = {"rank_constant": 1}
    expected = [
        (3, Fraction(1, 1 + 2) + Fraction(1, 1 + 1)),
        (1, Fraction(1, 1 + 1)),
        (2, Fraction(1, 1 + 2)),
        (5, Fraction(1, 1 + 3)),
    ]
    assert_order(merged("reciprocal-rank", **half), expected)


def test_normalised() -> None:
    """Item 3 is (7 - 1) / (9 - 1) in the first list and the best, 1, in the second."""
    assert_order(merged("normalised"), [(3, Fraction(6, 8) + 1), (1, 1), (2, 0), (5, 0)])


def test_weighted() -> None:
    assert_order(merged("weighted"), [(3, Fraction(6, 8) + 3), (1, 1), (2, 0), (5, 0)])


def test_duplicates_are_one_candidate_that_remembers_its_channels() -> None:
    pool = merged("reciprocal-rank")
    sources = dict(zip(pool.items[0].tolist(), pool.sources[0].tolist(), strict=True))
    assert sources[1] == [True, False]
    assert sources[2] == [False, True]
    assert sources[3] == [True, True]
    assert sources[-1] == [False, False]


def test_equal_scores_follow_the_order_of_ties() -> None:
    same = ranked([4, 7, 2], [1.0, 1.0, 1.0])
    turned = TIES[::-1].copy()
    config = MergeConfig(method="normalised", size=3)
    assert merge([same], [1.0], config, TIES).items.tolist() == [[2, 4, 7]]
    assert merge([same], [1.0], config, turned).items.tolist() == [[7, 4, 2]]


lists = st.lists(st.permutations(range(10)).map(lambda p: p[:6]), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    lists,
    st.sampled_from(["round-robin", "normalised", "reciprocal-rank", "weighted"]),
    st.integers(1, 12),
)
def test_a_pool_is_the_union_of_the_lists_cut_to_size(
    channels: list[list[int]], method: str, size: int
) -> None:
    given_lists = [ranked(items, [float(-r) for r in range(6)]) for items in channels]
    config = MergeConfig.model_validate({"method": method, "size": size})
    pool = merge(given_lists, [1.0] * len(channels), config, TIES)
    union = {item for items in channels for item in items}
    found: NDArray[np.int32] = pool.items[0][pool.items[0] >= 0]
    assert len(found) == len(set(found.tolist())) == min(size, len(union))
    assert set(found.tolist()) <= union
    assert (np.diff(pool.scores[0][: len(found)]) <= 0).all()
    for place, item in enumerate(found.tolist()):
        assert pool.sources[0, place].tolist() == [item in items for items in channels]
