"""Popularity over time, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
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


def test_likes_of_the_last_days_alone_count() -> None:
    # ages are 40, 40, 30 and 20, 10
    assert scores(last_days=20) == [0, 2, 0]
    assert scores(last_days=30) == [1, 2, 0]
    assert scores(last_days=19.9, half_life_days=10) == [0, 1 / 2, 0]


def test_old_likes_count_less() -> None:
    # the last row is of day 40, liked or not: ages are 40, 40, 30 and 20, 10
    assert scores(half_life_days=10) == [2 / 16 + 1 / 8, 1 / 4 + 1 / 2, 0]


def test_scores_of_another_shape_name_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    train = Interactions.in_time_order(dataset(ROWS), np.arange(len(ROWS)), 4.0)
    model = fit("popularity", train)
    monkeypatch.setattr(type(model), "score", lambda *_: np.zeros((2, 1), np.float32))
    with pytest.raises(InputError, match=r"Popularity\.score gave shape \(2, 1\), not \(2, 2\)"):
        model.recommend(np.array([0, 1]), k=1)
