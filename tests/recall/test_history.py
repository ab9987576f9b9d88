"""Weights of the events that a model queries with."""

from __future__ import annotations

import numpy as np

from recsys_core.protocols.interactions import Histories
from recsys_core.recall.history import HistoryConfig, event_weights, query_matrix

#: user 0: items 3, 1, 4 rated 5, 4, 2; user 1: nothing; user 2: item 0 rated 3
HISTORIES = Histories(
    offsets=np.array([0, 3, 3, 4], dtype=np.int64),
    items=np.array([3, 1, 4, 0], dtype=np.int32),
    ratings=np.array([5, 4, 2, 3], dtype=np.float32),
    timestamps=np.zeros(4, dtype=np.int64),
)


def test_without_weights_the_query_is_binary() -> None:
    query = query_matrix(HISTORIES, HistoryConfig(), 5).toarray()
    np.testing.assert_array_equal(query, [[0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]])


def test_an_event_counts_half_after_the_half_life() -> None:
    weights = event_weights(HISTORIES, HistoryConfig(history_half_life=1))
    np.testing.assert_allclose(weights, [1 / 4, 1 / 2, 1, 1])


def test_better_rated_events_count_more_relative_to_the_best_of_the_user() -> None:
    weights = event_weights(HISTORIES, HistoryConfig(rating_weight=2))
    np.testing.assert_allclose(weights, [1, (4 / 5) ** 2, (2 / 5) ** 2, 1], rtol=1e-6)


def test_both_multiply() -> None:
    weights = event_weights(HISTORIES, HistoryConfig(history_half_life=1, rating_weight=1))
    np.testing.assert_allclose(weights, [1 / 4, 1 / 2 * 4 / 5, 2 / 5, 1], rtol=1e-6)


def test_no_events_no_weights() -> None:
    empty = HISTORIES.take(np.array([1]))
    weights = event_weights(empty, HistoryConfig(history_half_life=1, rating_weight=1))
    assert weights.shape == (0,)
