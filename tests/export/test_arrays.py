"""Models of arrays and a formula: the script lists what the model lists, score for score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.export.recall import recall_part
from recsys_core.recall.base import RecallModel
from recsys_core.testing.planted import fit, planted
from tests.export.served import ids, served

#: fields with which each learns something in a moment
FIELDS: dict[str, list[dict[str, Any]]] = {
    "popularity": [{"half_life_days": 1}],
    "item-cf": [{"history_half_life": 2, "rating_exponent": 0.7, "neighbours": 5}],
    "user-cf": [{"neighbours": 9, "history_half_life": 3, "shrinkage": 1.0}],
    "ease": [{"rating_exponent": 1, "history_half_life": 4}],
    "seq-ridge": [{"l2": 5}, {"rating_exponent": None}],
    "session-knn": [{"window": 4, "neighbours": 20}, {"rating_exponent": None}],
    "ials": [{"dim": 4, "epochs": 2, "history_half_life": 2}],
    "mf": [{"dim": 4, "epochs": 1}, {"dim": 4, "epochs": 1, "loss": "bpr"}],
}
CASES = [(name, fields) for name, several in FIELDS.items() for fields in several]


def lists_are_the_same(model: RecallModel[Any], exported: Any) -> None:
    """Ask for everybody, for somebody new, for nobody known, with bans and with candidates."""
    dataset = planted()[0].dataset
    for user in (31, 97):
        history = model.histories.take(np.array([user]))
        events = [
            [str(dataset.item_ids[item]), float(rating), int(time)]
            for item, rating, time in zip(
                history.items, history.ratings, history.timestamps, strict=True
            )
        ]
        same(model, exported, user, history, {"user": f"u{user}"})
        same(model, exported, -1, history, {"history": events})
        some = np.arange(model.n_items) % 3 == 0
        candidates = [str(each) for each in dataset.item_ids[some]]
        asked = {"user": f"u{user}", "candidates": candidates}
        same(model, exported, user, history, asked, allowed=some)
        asked = {"user": f"u{user}", "without": candidates}
        same(model, exported, user, history, asked, allowed=~some)
    nothing = model.histories.take(np.array([0])).where(np.zeros(len(events), dtype=np.bool_))
    same(model, exported, -1, nothing, {"history": []})


def same(
    model: RecallModel[Any], exported: Any, user: int, history: Any, asked: Any, **more: Any
) -> None:
    top = model.recommend(np.array([user]), 12, histories=history, **more)
    found = exported.recommend(k=12, **asked)
    assert [item for item, _ in found] == ids(top.items[0], planted()[0].dataset)
    wanted = top.scores[0][top.items[0] >= 0]
    np.testing.assert_allclose([score for _, score in found], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "fields"), CASES)
def test_lists_are_those_of_the_model(name: str, fields: dict[str, Any], tmp_path: Path) -> None:
    train, _ = planted()
    model = fit(name, train, **fields)
    parts = {"": recall_part(name, model)}
    lists_are_the_same(model, served(tmp_path / "it", parts, train.dataset, model.histories))
