"""The first stage: leak guard, features by hand, training and serving alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recsys_core.compute.runtime import Runtime
from recsys_core.data.interactions import Interactions
from recsys_core.features.known import Known
from recsys_core.two_stage.candidates import FirstStage, competition_ranks, feature_names
from recsys_core.two_stage.channels import Channels, LeakError, best_epochs
from recsys_core.two_stage.config import RankerConfig
from recsys_core.two_stage.cuts import View, inner_cuts
from recsys_core.two_stage.lists import judged_lists, thin, training_lists
from recsys_core.two_stage.ranker_choice import ranker_schema
from tests.recall.build import history
from tests.two_stage.build import config, planted


def stage_of(rows: Interactions) -> FirstStage:
    """Fit the planted channels on `rows`."""
    some = config()
    channels = Channels.fit(some.channels, rows)
    schema = ranker_schema(some.ranker, rows.dataset)
    assert schema is not None
    known = Known.of(rows)
    return FirstStage(some, channels, known, schema.features, rows.dataset.tie_rank)


@pytest.fixture(scope="module")
def inner() -> tuple[FirstStage, tuple[View, ...]]:
    split = planted()
    (cut,) = inner_cuts(split.train, split.valid, config().inner)
    return stage_of(cut.fitted), cut.views


def test_scores_of_rows_that_channels_learned_from_are_refused() -> None:
    """Channels fitted on all of train must not label rows of train, not even a single one."""
    split = planted()
    (cut,) = inner_cuts(split.train, split.valid, config().inner)
    view = cut.views[-1]
    n = len(view.labelled)
    with pytest.raises(LeakError, match=rf"{n} of {n} labelled rows .* the channels learned from"):
        training_lists(stage_of(split.train), view, RankerConfig(), 0, 1000)
    one_too_many = Interactions.in_time_order(
        split.dataset, np.append(cut.fitted.rows, view.labelled.rows[:1]), 4.0
    )
    with pytest.raises(LeakError, match=rf"^1 of {n} labelled rows"):
        training_lists(stage_of(one_too_many), view, RankerConfig(), 0, 1000)
    with pytest.raises(LeakError):
        judged_lists(stage_of(split.train), view, np.arange(3, dtype=np.int32))


def test_features_at_serving_are_those_of_training(
    inner: tuple[FirstStage, tuple[View, ...]],
) -> None:
    """Every user asked alone, as a server is asked, gives the numbers that were trained on."""
    stage, views = inner
    for view in views:
        lists = training_lists(stage, view, RankerConfig(negatives=1000), 0, 1000)
        histories = view.known.histories()
        assert len(lists) > 50
        for row in range(0, len(lists), 7):
            user = lists.users[row : row + 1]
            one = histories.take(user)
            scores = stage.score(user, one)
            pool = stage.pool(scores).items
            served = stage.describe(user, scores, one, pool)[0]
            numbers = dict(zip(pool[0].tolist(), served, strict=True))
            numbers.pop(-1, None)
            trained = lists.features[row][lists.listed[row]]
            items = lists.items[row][lists.listed[row]].tolist()
            assert sorted(items) == sorted(numbers)
            np.testing.assert_allclose(
                trained, np.stack([numbers[item] for item in items]), rtol=1e-5, atol=1e-5
            )


def test_labels_are_what_was_liked_later(inner: tuple[FirstStage, tuple[View, ...]]) -> None:
    stage, views = inner
    view = views[0]
    lists = training_lists(stage, view, RankerConfig(negatives=5), 0, 1000)
    liked = view.labelled.positives()
    pairs = set(zip(liked.user.tolist(), liked.item.tolist(), strict=True))
    for user, items, labels in zip(lists.users, lists.items, lists.labels, strict=True):
        found = {int(item) for item in items[labels]}
        assert found
        assert all((int(user), item) in pairs for item in found)
        others = [int(item) for item in items[~labels] if item >= 0]
        assert len(others) == 5
        assert not any((int(user), item) in pairs for item in others)


def test_rated_rows_are_the_later_rated_items(inner: tuple[FirstStage, tuple[View, ...]]) -> None:
    stage, views = inner
    rated = training_lists(stage, views[0], RankerConfig(rows="rated"), 0, 1000)
    later = views[0].labelled
    for user, items in zip(rated.users, rated.items, strict=True):
        assert sorted(items[items >= 0]) == sorted(later.item[later.user == user])


def test_the_number_of_lists_is_limited(inner: tuple[FirstStage, tuple[View, ...]]) -> None:
    stage, views = inner
    assert len(training_lists(stage, views[0], RankerConfig(), 0, 10)) <= 10


def test_negatives_are_drawn_uniformly() -> None:
    """Ten candidates, the first liked: each other one is kept in 3 of 9 draws."""
    items = np.tile(np.arange(10, dtype=np.int32), (3000, 1))
    labels = np.zeros((3000, 10), dtype=np.bool_)
    labels[:, 0] = True
    kept, liked = thin(items, labels, 3, np.random.default_rng(0))
    assert kept.shape == (3000, 4)
    assert (kept[liked] == 0).all()
    assert (liked.sum(axis=1) == 1).all()
    counts = np.bincount(kept[~liked], minlength=10)[1:] / 3000
    np.testing.assert_allclose(counts, 3 / 9, atol=0.035)  # four deviations


def test_ranks_by_hand() -> None:
    scores = np.array([[0.5, 2.0, -np.inf, 2.0, 1.0]], dtype=np.float32)
    own = scores[:, [4, 3, 1, 2, 0]]
    assert competition_ranks(scores[None], own[None])[0, 0].tolist() == [3, 1, 1, 5, 4]


def test_scores_and_spreads_by_hand(inner: tuple[FirstStage, tuple[View, ...]]) -> None:
    """Scores 1, 2, 6 (mean 3, deviation sqrt 14/3) of one channel; the other finds all alike."""
    stage, _ = inner
    labels = [{"model": "popularity", "label": "one"}, {"model": "item-cf", "label": "flat"}]
    names = feature_names(config(channels=labels), stage.features)
    scores = np.full((2, 1, len(stage.tie_rank)), -np.inf, dtype=np.float32)
    scores[:, 0, :3] = [[1, 2, 6], [5, 5, 5]]
    candidates = np.array([[2, 0]], dtype=np.int32)
    rows = stage.describe(np.array([-1]), scores, history([]), candidates)[0]
    best, worst = (dict(zip(names, row.tolist(), strict=True)) for row in rows)
    deviation = np.sqrt((4 + 1 + 9) / 3)
    assert best["score/one"] == pytest.approx((6 - 3) / deviation)
    assert worst["score/one"] == pytest.approx((1 - 3) / deviation)
    assert best["spread/one"] == worst["spread/one"] == pytest.approx(np.log(deviation))
    assert best["score/flat"] == best["spread/flat"] == 0


def test_nobody_known_has_features_too() -> None:
    """Nothing to divide by: what is known of nobody is 0 or the mean, never missing."""
    stage, somebody = stage_of(planted().train), np.array([-1])
    scores = stage.score(somebody, history([]))
    values = stage.describe(somebody, scores, history([]), np.array([[0, 1, -1]], np.int32))
    assert np.isfinite(values).all()


def test_inner_channels_take_the_epochs_that_were_best() -> None:
    split = planted()
    some = config(
        channels=[
            {"model": "mf", "params": {"epochs": 6, "dim": 8, "patience": 0, "schedule": "linear"}},
            {"model": "ials", "params": {"epochs": 2, "dim": 8}},
        ]
    ).channels
    final = Channels.fit(some, split.train, valid=split.valid)
    models: dict[str, Any] = dict(final.models)
    best = {}
    for name, model in models.items():
        best[name] = 1 + int(np.argmax([epoch["ndcg@10"] for epoch in model.curve]))
        assert best_epochs(model) == {"epochs": best[name]}
    best["mf"] = 2
    for epoch in models["mf"].curve:  # as if the second had been best
        epoch["ndcg@10"] = float(epoch is models["mf"].curve[1])
    again: dict[str, Any] = dict(Channels.fit(some, split.train, like=final).models)
    assert len(again["mf"].curve) == best["mf"]
    # the learning rate falls as it did: to zero after six epochs, not after two
    stopped = type(models["mf"])(models["mf"].config, Runtime(stop_after=2)).fit(split.train)
    users, histories = np.arange(9), split.train.histories().take(np.arange(9))
    scores = [each.score(users, histories) for each in (again["mf"], stopped)]
    np.testing.assert_array_equal(*scores)
    assert again["ials"].config.epochs == best["ials"]


def test_without_context_scores_and_ranks_are_left(
    inner: tuple[FirstStage, tuple[View, ...]],
) -> None:
    stage, views = inner
    ranker = stage.config.ranker.model_copy(update={"context": False})
    assert ranker_schema(ranker, planted().dataset) is None
    some = stage.config.model_copy(update={"ranker": ranker})
    bare = replace(stage, config=some, features=())
    names = feature_names(some, ())
    kept = len(names)
    assert names == feature_names(stage.config, stage.features)[:kept]
    assert kept == 2 * len(stage.channels)
    users = np.arange(3, dtype=np.int32)
    known = views[0].known.histories().take(users)
    scores = stage.score(users, known)
    items = stage.pool(scores).items
    every = stage.describe(users, scores, known, items)
    found = bare.describe(users, scores, known, items)
    np.testing.assert_array_equal(found, every[:, :, :kept])
