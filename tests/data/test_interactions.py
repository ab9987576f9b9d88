"""Rows as models see them, and ragged histories."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_core.data.interactions import Histories, Interactions
from tests.protocols.build import dataset, split

ROWS = [(1, 2, 5.0, 30), (0, 1, 3.0, 10), (1, 0, 4.0, 10), (1, 2, 2.0, 20), (0, 0, 4.0, 10)]


@pytest.fixture
def rows() -> Interactions:
    """The five rows in time order: 1, 2, 4 (all at time 10), 3, 0; user 2 has none."""
    data = dataset(ROWS, n_users=3)
    return Interactions.in_time_order(data, np.array([4, 3, 2, 1, 0]), 4.0)


def test_time_order_then_file_order(rows: Interactions) -> None:
    assert rows.rows.tolist() == [1, 2, 4, 3, 0]
    assert rows.user.tolist() == [0, 1, 0, 1, 1]
    assert rows.item.tolist() == [1, 0, 0, 2, 2]
    assert rows.timestamp.tolist() == [10, 10, 10, 20, 30]
    assert rows.relevant.tolist() == [False, True, True, False, True]


def test_positives_and_counts(rows: Interactions) -> None:
    assert rows.positives().rows.tolist() == [2, 4, 0]
    assert rows.item_counts().tolist() == [2, 1, 2]


def test_a_repeated_pair_counts_once_in_pairs_and_matrix(rows: Interactions) -> None:
    assert rows.pairs().tolist() == [0, 1, 3 * 1 + 0, 3 * 1 + 2]
    assert rows.matrix().toarray().tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 0]]


def test_histories_are_oldest_first(rows: Interactions) -> None:
    histories = rows.histories()
    assert len(histories) == 3
    assert histories.offsets.tolist() == [0, 2, 5, 5]
    assert histories.items.tolist() == [1, 0, 0, 2, 2]
    assert histories.ratings.tolist() == [3, 4, 4, 2, 5]
    assert histories.row.tolist() == [0, 0, 1, 1, 1]


def as_lists(histories: Histories) -> list[list[int]]:
    parts = np.split(histories.items, histories.offsets[1:-1])
    return [[int(item) for item in part] for part in parts]


def test_histories_can_be_picked_and_thinned(rows: Interactions) -> None:
    histories = rows.histories()
    assert as_lists(histories.take(np.array([1, 2, 0, 1]))) == [[0, 2, 2], [], [1, 0], [0, 2, 2]]
    assert as_lists(histories.where(histories.ratings >= 4)) == [[0], [0, 2], []]
    assert histories.take(np.array([], dtype=np.int64)).offsets.tolist() == [0]


def test_histories_as_a_matrix(rows: Interactions) -> None:
    histories = rows.histories()
    assert histories.matrix(3).toarray().tolist() == [[1, 1, 0], [1, 0, 2], [0, 0, 0]]
    weighted = histories.matrix(3, np.array([0.5, 1, 2, 3, 4], dtype=np.float32))
    assert weighted.toarray().tolist() == [[1, 0.5, 0], [2, 0, 7], [0, 0, 0]]


def test_known_and_catalogue_of_a_split() -> None:
    cut = split(dataset(ROWS), [1, 4], [0, 2], [3])
    assert cut.known.rows.tolist() == [1, 2, 4, 0]
    assert cut.catalogue.tolist() == [True, True, False]
