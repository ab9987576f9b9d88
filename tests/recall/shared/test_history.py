"""Which events a model queries with, and how much each counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.data.interactions import Histories
from recsys_core.recall.ease import Ease, EaseConfig
from recsys_core.recall.shared.history import age_weights, query_matrix, rating_weights

#: user 0: items 3, 1, 4 rated 5, 4, 2; user 1: nothing; user 2: item 0 rated 3
HISTORIES = Histories(
    offsets=np.array([0, 3, 3, 4], dtype=np.int64),
    items=np.array([3, 1, 4, 0], dtype=np.int32),
    ratings=np.array([5, 4, 2, 3], dtype=np.float32),
    timestamps=np.zeros(4, dtype=np.int64),
)


def query(**fields: Any) -> NDArray[np.float32]:
    """Ask a model of 5 items where a rating of 4 is liked."""
    model = Ease(EaseConfig(**fields))
    model.threshold, model.catalogue = 4.0, np.ones(5, dtype=np.bool_)
    asked: NDArray[np.float32] = query_matrix(model, HISTORIES).toarray()
    return asked


#: a row without an event that counts
NONE = [0.0] * 5


def test_without_weights_liked_events_count_the_same() -> None:
    np.testing.assert_array_equal(query(), [[0.0, 1, 0, 1, 0], NONE, NONE])


def test_an_event_counts_half_after_the_half_life() -> None:
    half = query(history_half_life=1)  # of the liked items 3, 1 the latter is the last
    np.testing.assert_allclose(half, [[0.0, 1, 0, 1 / 2, 0], NONE, NONE])


def test_forgotten_events_count_nothing() -> None:
    """After 39 half-lives 2^-39 = 1.8e-12 is left, after 40 half of that."""
    many = Histories(
        np.array([0, 42]), *(np.zeros(42, kind) for kind in (np.int32, np.float32, int))
    )
    assert np.flatnonzero(age_weights(many, 1.0)).tolist() == list(range(2, 42))


@pytest.mark.parametrize(("power", "first"), [(0, [1, 1, 1]), (2, [1, 16 / 25, 4 / 25])])
def test_with_a_rating_weight_every_event_counts_by_its_rating(
    power: float, first: list[float]
) -> None:
    three, one, four = first
    expected = [[0.0, one, 0, three, four], NONE, [1.0, 0, 0, 0, 0]]
    np.testing.assert_allclose(query(rating_exponent=power), expected, rtol=1e-6)


def test_both_multiply() -> None:
    expected = [[0.0, 1 / 2 * 4 / 5, 0, 1 / 4, 2 / 5], NONE, [1.0, 0, 0, 0, 0]]
    np.testing.assert_allclose(query(history_half_life=1, rating_exponent=1), expected, rtol=1e-6)


def test_no_events_no_weights() -> None:
    empty = HISTORIES.take(np.array([1]))
    assert age_weights(empty, 1).shape == rating_weights(empty, 1).shape == (0,)


def test_a_rating_below_zero_counts_nothing() -> None:
    disliked = Histories(*vars(HISTORIES.take(np.array([2]))).values())
    disliked.ratings[:] = -1
    np.testing.assert_array_equal(rating_weights(disliked, 1), [0])
