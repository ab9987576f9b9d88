"""Recall of popular and rare items apart, by hand."""

from __future__ import annotations

import numpy as np

from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.strata import recall_by_stratum, strata_of
from tests.protocols.build import dataset

#: items 0 to 4 have 4, 2, 2, 1, 0 train rows
TRAIN = [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 2), (3, 2), (0, 3)]
REST = [(0, 2), (0, 4), (1, 3), (2, 1), (3, 1)]


def train() -> Interactions:
    data = dataset([(user, item, 5.0, time) for time, (user, item) in enumerate(TRAIN + REST)])
    return Interactions.in_time_order(data, np.arange(len(TRAIN)), None)


def test_each_stratum_has_a_third_of_the_rows() -> None:
    # of 9 rows 4 lie before the second item, 6 before the third, 8 before the fourth
    stratum = strata_of(train())
    assert stratum[0] == 0
    assert sorted(stratum[[1, 2]]) == [1, 2]  # equally popular: the tie order decides
    assert stratum[[3, 4]].tolist() == [2, 2]


def test_recall_counts_hits_among_the_relevant_of_the_stratum() -> None:
    rows = train()
    mid, tail = sorted([1, 2], key=lambda item: strata_of(rows)[item])
    users = np.array([3, 0], dtype=np.int32)
    # user 3 likes head and mid, user 0 mid and twice tail; user 1 is not asked
    pairs = np.sort([3 * 5 + 0, 3 * 5 + mid, 0 + mid, 0 + tail, 0 + 4, 1 * 5 + 0])
    items = np.array([[mid, 3, 0], [4, 0, -1]], dtype=np.int32)
    hits = np.array([[True, False, True], [True, False, False]])
    found = recall_by_stratum(users, items, hits, pairs, rows, [1, 3])
    expected = {
        "recall/head@1": [0 / 1, np.nan],
        "recall/mid@1": [1 / 1, 0 / 1],
        "recall/tail@1": [np.nan, 1 / 2],
        "recall/head@3": [1 / 1, np.nan],
        "recall/mid@3": [1 / 1, 0 / 1],
        "recall/tail@3": [np.nan, 1 / 2],
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
