"""Item to item: cosine by hand, and what every model that knows similarity must do."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Interactions
from recsys_core.errors import InputError
from recsys_core.recall.base import RecallModel
from recsys_core.recall.shared.similar import ItemToItem, cosine_scores
from recsys_core.registry import model_info, model_names
from tests.data.small import small
from tests.recall.build import (
    COLD_ITEM,
    ITEMS,
    N_ITEMS,
    block_of,
    fit,
    history,
    planted,
    random_rows,
)

SIMILAR = [name for name in model_names() if issubclass(model_info(name).cls, ItemToItem)]
IMPERSONAL = {"popularity"}
#: networks made for far more rows need more steps, and noise, for these few
FEW_ROWS: dict[str, Any] = {
    "batch_size": 8,
    "learning_rate": 0.01,
    "epochs": 10,
    "dim": 16,
    "dropout": 0.5,
}
FIELDS = {
    **dict.fromkeys(("dssm", "youtube-dnn", "sasrec"), FEW_ROWS),
    "hstu": {**FEW_ROWS, "temperature": 1},
}


class Vectors(ItemToItem):
    """Items with given vectors."""

    def __init__(self, vectors: FloatArray, catalogue: list[bool]) -> None:
        self.vectors = vectors
        self.catalogue = np.array(catalogue)
        self.tie_rank = np.arange(len(vectors), dtype=np.int32)

    def item_scores(self, items: Any) -> FloatArray:
        return cosine_scores(self.vectors, items)


def test_cosine_worked_by_hand() -> None:
    vectors = np.array([[1, 0], [2, 2], [0, 3], [0, 0], [-1, 0], [5, 0]], np.float32)
    model = Vectors(vectors, [True, True, True, True, True, False])
    top = model.similar_items(np.array([0, 3, 2]), 4)
    # item 3 has no vector, item 5 is not in the catalogue; cos(0, 1) = 2 / (1 * sqrt 8)
    assert top.items.tolist() == [[1, 2, 4, -1], [-1, -1, -1, -1], [1, 0, 4, -1]]
    half = math.sqrt(1 / 2)
    np.testing.assert_allclose(top.scores[0], [half, 0, -1, -np.inf], rtol=1e-6)
    np.testing.assert_allclose(top.scores[2], [half, 0, 0, -np.inf], rtol=1e-6)


def test_wrong_questions_are_refused() -> None:
    model = Vectors(np.eye(3, dtype=np.float32), [True] * 3)
    with pytest.raises(InputError, match="similar_items: k = 0"):
        model.similar_items(np.array([0]), 0)
    for wrong in (3, -1):
        with pytest.raises(InputError, match=f"item number {wrong}, the model knows 0 to 2"):
            model.similar_items(np.array([0, wrong]), 1)
    assert model.similar_items(np.array([], dtype=int), 2).items.shape == (0, 2)


def test_every_personal_model_knows_likeness() -> None:
    recall = {name for name in model_names() if issubclass(model_info(name).cls, RecallModel)}
    assert {"item-cf", "mf", "ease", "word2vec", "deepwalk-item", "deepwalk-user"} <= set(SIMILAR)
    assert set(SIMILAR) <= recall - IMPERSONAL


@cache
def fitted(name: str) -> Any:
    return fit(name, planted()[0], **FIELDS.get(name, {}))


def shared(model: Any, items: NDArray[np.integer], k: int) -> float:
    """Share of what is like an item that a history of that item alone gets, too."""
    alike = model.similar_items(items, k).items
    nobody = np.full(len(items), -1)
    served = model.recommend(nobody, k, histories=history(*([item] for item in items.tolist())))
    pairs = zip(alike.tolist(), served.items.tolist(), strict=True)
    return float(np.mean([len(set(one) & set(other)) / k for one, other in pairs]))


@pytest.mark.parametrize("name", SIMILAR)
def test_a_history_of_one_item_gets_what_is_like_it(name: str) -> None:
    assert shared(fitted(name), np.arange(N_ITEMS), ITEMS - 1) > 0.75


@pytest.mark.parametrize("name", ["item-cf", "ease", "seq-ridge"])
def test_where_a_history_adds_up_its_items_likeness_has_the_same_direction(name: str) -> None:
    """From a rare item to a popular one is another way than back."""
    data = small()
    rows = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    model: Any = fit(name, rows)
    assert shared(model, np.flatnonzero(model.catalogue), 5) > 0.98


@pytest.mark.parametrize("name", SIMILAR)
def test_items_of_the_same_block_are_alike(name: str) -> None:
    model = fitted(name)
    top = model.similar_items(np.arange(N_ITEMS), ITEMS - 1)
    same = block_of(top.items) == block_of(np.arange(N_ITEMS))[:, None]
    assert same[:, :5].mean() > 0.95
    assert (top.items != np.arange(N_ITEMS)[:, None]).all()
    assert (np.diff(np.where(np.isneginf(top.scores), -1e9, top.scores)) <= 0).all()
    whole = model.similar_items(np.array([0, COLD_ITEM]), N_ITEMS + 5)
    assert COLD_ITEM not in whole.items
    assert (whole.items[1] == -1).all()
    assert np.isneginf(whole.scores[1]).all()


@pytest.mark.parametrize("name", ["item-cf", "ease"])
def test_what_is_like_an_item_is_what_it_recommends(name: str) -> None:
    """Likeness has a direction here: the item is the history, the others are candidates."""
    train = random_rows()
    model: Any = fit(name, train)
    for item in range(0, train.n_items, 5):
        recommended = model.recommend(np.array([-1]), 10, histories=history([item]))
        similar = model.similar_items(np.array([item]), 10)
        np.testing.assert_array_equal(similar.items, recommended.items)
        np.testing.assert_array_equal(similar.scores, recommended.scores)
