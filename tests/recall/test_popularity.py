"""Popularity over time, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_core.data.interactions import Interactions
from tests.protocols.build import dataset
from tests.recall.build import fit

DAY = 86_400
#: user, item, rating, day: item 0 was liked long ago, item 1 lately, item 2 never
ROWS = [(0, 0, 5.0, 0), (1, 0, 5.0, 0), (2, 0, 4.0, 10), (0, 1, 5.0, 20), (1, 1, 4.0, 30)]
DISLIKED = [(2, 2, 1.0, 40)]


def scores(**fields: Any) -> list[float]:
    rows = [(user, item, rating, day * DAY) for user, item, rating, day in ROWS + DISLIKED]
    train = Interactions.in_time_order(dataset(rows), np.arange(len(rows)), 4.0)
    model = fit("popularity", train, **fields)
    found: list[float] = model.score(np.array([-1]), model.histories.take(np.array([0])))[0]
    return list(found)


def test_likes_of_all_times_count_the_same() -> None:
    assert scores() == [3, 2, 0]


def test_old_likes_count_less() -> None:
    # the last row is of day 40, liked or not: ages are 40, 40, 30 and 20, 10
    assert scores(half_life_days=10) == [2 / 16 + 1 / 8, 1 / 4 + 1 / 2, 0]
