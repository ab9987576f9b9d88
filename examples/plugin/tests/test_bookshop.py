"""The bookshop does what the workbench asks of its parts; and a value of each by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bookshop.metric import brier, rank_biased_precision
from bookshop.protocol import LastDays
from recsys_core.evaluation.extended import Lists, Rows
from recsys_core.testing import (
    check_metric,
    check_protocol,
    check_reader,
    check_recall_model,
    check_statistic,
)
from recsys_core.testing.made import made_events, made_split

LOG = b"""{"reader": "ann", "book": "b1", "stars": 5, "at": 1700000000}
{"reader": "ann", "book": "b2", "stars": 2, "at": 1700000100}
{"reader": "bob", "book": "b1", "stars": 4, "at": 1700000200}
"""


@pytest.mark.parametrize("name", ["rbp", "brier"])
def test_a_metric_conforms(name: str) -> None:
    check_metric(name)


def test_rank_biased_precision_by_hand() -> None:
    """Hits at ranks 1 and 3 of 2 relevant items: (1 + .64) / (1 + .8)."""
    hits = np.array([[True, False, True]])
    lists = Lists(np.array([0]), np.array([[4, 5, 6]]), hits, np.array([2]), made_split())
    assert rank_biased_precision(lists, 3) == pytest.approx([1.64 / 1.8])
    assert rank_biased_precision(lists, 2) == pytest.approx([1 / 1.8])


def test_the_brier_score_by_hand() -> None:
    """User 0: (.2^2 + .5^2) / 2; user 3: .1^2."""
    labels, scores = np.array([1, 0, 0], np.float32), np.array([0.8, 0.5, 0.1])
    rows = Rows(np.array([0, 0, 3]), np.array([1, 2, 1]), labels, scores, made_split())
    assert brier(rows) == pytest.approx([0.145, 0.01])


def test_the_statistic_conforms() -> None:
    check_statistic("weekend_share")


def test_the_protocol_conforms() -> None:
    check_protocol("last-days", {"days": 60})


def test_the_last_days_are_test() -> None:
    split = LastDays(days=60).split(made_events())
    last = split.dataset.timestamp.max()
    parts = (split.test, split.valid, split.train)
    test, valid, train = ((last - part.timestamp) // 86_400 for part in parts)
    assert test.max() < 60 <= valid.min()
    assert valid.max() < 120 <= train.min()


def test_the_reader_conforms() -> None:
    check_reader("shop-log", LOG, events=3)


def test_the_model_conforms() -> None:
    check_recall_model("co-likes")
