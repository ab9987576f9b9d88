"""A cause that was planted must be named, whatever the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys_core.data.interactions import Interactions
from recsys_core.pipeline.explain import explain_items, influence
from recsys_core.recall.base import RecallModel
from tests.protocols.build import dataset
from tests.recall.build import fit, history

#: who likes the one likes the other; everything else is chance
CAUSE, EFFECT, N_CHANCE = 12, 13, 12


@pytest.fixture(scope="module")
def train() -> Interactions:
    rng = np.random.default_rng(5)
    rows: list[tuple[int, int, float, int]] = []
    for user in range(60):
        items = rng.choice(N_CHANCE, size=4, replace=False).tolist()
        if user == 0:
            items.insert(2, CAUSE)
        elif user % 2:
            items += [CAUSE, EFFECT]
        rows += [(user, int(item), 5.0, time) for time, item in enumerate(items)]
    data = dataset(rows)
    return Interactions.in_time_order(data, np.arange(len(rows)), 4.0)


def models() -> list[Any]:
    """Give one model of each kind that can be explained, and how it must be."""
    return [
        ("item-cf", {}, "influence"),
        ("ease", {}, "influence"),
        ("mf", {"epochs": 60, "dim": 8}, "similarity"),
    ]


@pytest.mark.parametrize(("name", "fields", "how"), models())
def test_the_planted_cause_is_named_first(
    name: str, fields: dict[str, Any], how: str, train: Interactions
) -> None:
    model = fit(name, train, **fields)
    known = model.histories_of(np.array([0]))
    (found,) = explain_items(model, 0, known, np.array([EFFECT]))
    assert (found.item, found.how) == (EFFECT, how)
    assert found.causes[0].item == CAUSE
    assert found.causes[0].weight > 0
    weights = [cause.weight for cause in found.causes]
    assert weights == sorted(weights, reverse=True)


def test_influence_is_the_similarity_that_item_cf_adds_up(train: Interactions) -> None:
    """s(history) - s(without i) = s_ij by the model's definition."""
    model = fit("item-cf", train)
    known = model.histories_of(np.array([0]))
    lost = influence(model, 0, known, np.array([EFFECT]))
    expected = model.item_scores(np.array([CAUSE]))[0, EFFECT]  # type: ignore[attr-defined]
    np.testing.assert_allclose(lost[0, known.items.tolist().index(CAUSE)], expected, rtol=1e-5)
    assert lost.shape == (1, len(known.items))


def test_a_list_that_is_the_same_for_everybody_has_no_cause(train: Interactions) -> None:
    model = fit("popularity", train)
    known = model.histories_of(np.array([0]))
    (found,) = explain_items(model, 0, known, np.array([EFFECT]))
    assert (found.how, found.causes) == ("none", ())


def test_nobody_without_a_history_has_a_cause(train: Interactions) -> None:
    model: RecallModel[Any] = fit("item-cf", train)
    (found,) = explain_items(model, -1, history([]), np.array([EFFECT]))
    assert (found.how, found.causes) == ("none", ())


def test_of_a_long_history_the_latest_events_are_asked(
    train: Interactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys_core.pipeline.explain.LATEST", 2)
    model = fit("item-cf", train)
    long = history([CAUSE, 0, 1])
    assert influence(model, -1, long, np.array([EFFECT])).shape == (1, 2)
    (found,) = explain_items(model, -1, long, np.array([EFFECT]))
    assert CAUSE not in [cause.item for cause in found.causes]
