"""Popularity over time, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.recall.base import RecallModel
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
    with pytest.raises(InputError, match=r"Popularity\.score gave shape \(2, 1\), not \(1, 2\)"):
        model.recommend(np.array([0, 1]), k=1)


@pytest.mark.parametrize("k", [1, 5, 40])
@pytest.mark.parametrize("exclude_seen", [True, False])
def test_lists_are_those_of_ranking_each_user(k: int, exclude_seen: bool) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (int(user), int(item), float(rating), 0)
        for user, item, rating in zip(
            rng.integers(50, size=600),
            rng.integers(30, size=600),
            rng.integers(1, 6, size=600),
            strict=False,
        )
    ]
    train = Interactions.in_time_order(dataset(rows), np.arange(len(rows)), 4.0)
    model = fit("popularity", replace(train, new_items=np.array([3], np.int32)))
    users, banned = np.array([7, 2, -1, 49]), np.array([0, 9], np.int32)
    histories = model.histories_of(users)
    asked: dict[str, Any] = {"exclude_seen": exclude_seen, "banned": banned}
    items, scores = model.rank(users, histories, k, **asked)
    each_items, each_scores = RecallModel.rank(model, users, histories, k, **asked)
    assert items.tolist() == each_items.tolist()
    assert scores.tolist() == each_scores.tolist()
    assert items.dtype == each_items.dtype
    assert scores.dtype == each_scores.dtype
