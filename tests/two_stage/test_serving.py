"""A two-stage recommender served by original ids: its lists, their channels, and reasons."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recsys_core.pipeline.explain import explain_items, influence
from recsys_core.pipeline.recommender import Recommender
from recsys_core.two_stage.model import TwoStage
from tests.two_stage.build import fitted, known, planted


def test_lists_name_the_channels_that_brought_each_item() -> None:
    recommender = Recommender(fitted(), planted())
    users, histories = known(planted())
    top = fitted().recommend(users[:1], 5, histories=histories.take(np.array([0])))
    found = recommender.recommend(str(planted().dataset.user_ids[users[0]]), k=5)
    ids = planted().dataset.item_ids
    assert [one.item_id for one in found] == ids[top.items[0]].tolist()
    names = fitted().channel_names
    for one, sources in zip(found, top.sources[0], strict=True):
        assert one.channels == tuple(name for name, has in zip(names, sources, strict=True) if has)
        assert one.channels


def test_reasons_are_numbers_also_where_an_item_stops_being_a_candidate() -> None:
    users, histories = known(planted())
    history = histories.take(np.array([0]))
    user = int(users[0])
    items = fitted().recommend(users[:1], 3, histories=history).items[0]
    lost = influence(fitted(), user, history, items)
    assert lost.shape == (3, len(history.items))
    assert np.isfinite(lost).all()
    found = explain_items(fitted(), user, history, items)
    assert [one.item for one in found] == items.tolist()
    assert all(cause.item in history.items for one in found for cause in one.causes)


def test_a_model_that_was_read_gives_the_same_lists_and_reasons(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    users, histories = known(planted())
    history = histories.take(np.array([0]))
    user_id = str(planted().dataset.user_ids[users[0]])
    lists, reasons = [], []
    for model in (fitted(), TwoStage.load(tmp_path)):
        lists.append(Recommender(model, planted()).recommend(user_id, k=20))
        items = model.recommend(users[:1], 20, histories=history).items[0]
        reasons.append(explain_items(model, int(users[0]), history, items))
    assert lists[0] == lists[1]
    assert reasons[0] == reasons[1]
    assert {one.how for one in reasons[0]} >= {"influence"}
