"""Item-based collaborative filtering against sums written out and slow literal code."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.compute.threads import limited_threads
from recsys_core.data.interactions import Interactions
from recsys_core.recall import item_cf, lists
from recsys_core.recall.item_cf import ItemCF
from tests.protocols.build import dataset, random_dataset
from tests.recall.build import fit, history

PLAIN: dict[str, Any] = {"asymmetry": 0.5, "activity_damping": 0.0}


def interactions(*likes: str) -> Interactions:
    """One user a word, who likes the items named by its letters."""
    rows = [(u, ord(letter) - ord("a"), 5.0, 0) for u, word in enumerate(likes) for letter in word]
    data = dataset(rows)
    return Interactions.in_time_order(data, np.arange(len(rows)), None)


def similarities(train: Interactions, **fields: Any) -> NDArray[np.float32]:
    """Row: recommended item j; column: item i of the history."""
    model = fit("item-cf", train, **fields)
    assert isinstance(model, ItemCF)
    dense: NDArray[np.float32] = model.neighbours.toarray()
    return dense


#: a is liked by 3 users, b by 2, c by 1; a and b share 2, a and c 1, b and c 1
TRAIN = interactions("ab", "abc", "a")


def test_cosine() -> None:
    expected = np.array(
        [
            [0, 2 / sqrt(3 * 2), 1 / sqrt(3 * 1)],
            [2 / sqrt(3 * 2), 0, 1 / sqrt(2 * 1)],
            [1 / sqrt(3 * 1), 1 / sqrt(2 * 1), 0],
        ]
    )
    np.testing.assert_allclose(similarities(TRAIN, **PLAIN), expected, rtol=1e-6)


def test_asymmetry_is_the_exponent_of_the_recommended_item() -> None:
    a_from_c, c_from_a = 1 / (3**0.2 * 1**0.8), 1 / (1**0.2 * 3**0.8)
    found = similarities(TRAIN, asymmetry=0.2, activity_damping=0)
    np.testing.assert_allclose([found[0, 2], found[2, 0]], [a_from_c, c_from_a], rtol=1e-6)
    one = similarities(TRAIN, asymmetry=0.0, activity_damping=0)
    assert one[0, 1] == 2 / 2  # P(a | b): both users of b like a
    np.testing.assert_allclose(one[1, 0], 2 / 3)


def test_jaccard_and_dice() -> None:
    jaccard = similarities(TRAIN, similarity="jaccard", activity_damping=0)
    np.testing.assert_allclose(jaccard[0], [0, 2 / 3, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(jaccard[1], [2 / 3, 0, 1 / 2], rtol=1e-6)
    dice = similarities(TRAIN, similarity="dice", activity_damping=0)
    np.testing.assert_allclose(dice[0], [0, 2 * 2 / (3 + 2), 2 * 1 / (3 + 1)], rtol=1e-6)


def test_shrinkage_is_added_below() -> None:
    cosine = similarities(TRAIN, shrinkage=10, **PLAIN)
    np.testing.assert_allclose(cosine[0, 1], 2 / (sqrt(3 * 2) + 10), rtol=1e-6)
    jaccard = similarities(TRAIN, similarity="jaccard", activity_damping=0, shrinkage=4)
    np.testing.assert_allclose(jaccard[0, 2], 1 / (3 + 4), rtol=1e-6)


def test_active_users_count_less() -> None:
    # the users like 2, 3 and 1 items: with exponent 1 they count 1/2, 1/3 and 1
    found = similarities(TRAIN, asymmetry=0.5, activity_damping=1)
    shared_ab, a, b = 1 / 2 + 1 / 3, 1 / 2 + 1 / 3 + 1, 1 / 2 + 1 / 3
    np.testing.assert_allclose(found[0, 1], shared_ab / sqrt(a * b), rtol=1e-6)
    c = 1 / 3
    np.testing.assert_allclose(found[2, 0], (1 / 3) / sqrt(a * c), rtol=1e-6)


def test_only_the_nearest_neighbours_of_the_recommended_item_are_kept() -> None:
    found = similarities(TRAIN, neighbours=1, **PLAIN)
    np.testing.assert_array_equal(found.argmax(axis=1), [1, 0, 1])  # of a: b, of b: a, of c: b
    assert (np.count_nonzero(found, axis=1) == 1).all()


def test_scores_are_sums_over_the_history() -> None:
    model = fit("item-cf", TRAIN, **PLAIN)
    scores = model.score(np.array([-1]), history([0, 1]))[0]
    np.testing.assert_allclose(scores[2], 1 / sqrt(3) + 1 / sqrt(2), rtol=1e-6)


def literal(train: Interactions, config: item_cf.ItemCFConfig) -> NDArray[np.float64]:
    """The definition, pair by pair."""
    likes = [set(train.item[train.user == u].tolist()) for u in range(train.n_users)]

    def count(*items: int) -> float:
        who = np.array([len(s) for s in likes if s >= set(items)], dtype=np.float64)
        return float((who**-config.activity_damping).sum())

    n = train.n_items
    table = np.zeros((n, n))
    for j in range(n):
        for i in range(n):
            if i != j and (shared := count(i, j)) > 0:
                a = config.asymmetry
                table[j, i] = shared / (count(i) ** (1 - a) * count(j) ** a + config.shrinkage)
    return table


@pytest.mark.parametrize("dense_items", [0, 10_000])
def test_agrees_with_literal_code_on_random_data(
    dense_items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways to multiply, several blocks, several threads."""
    monkeypatch.setattr(item_cf, "DENSE_ITEMS", dense_items)
    monkeypatch.setattr(item_cf, "GRAM_BLOCK", 7)
    monkeypatch.setattr(lists, "BLOCK_SCORES", 9 * 40)
    monkeypatch.setattr(lists, "LEAST_ROWS", 1)
    data = random_dataset(2)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), None)
    with limited_threads(3):
        model = fit("item-cf", train, neighbours=40, shrinkage=0.5)
        histories = model.histories_of(np.arange(30))
        scores = model.score(np.arange(30), histories)
    assert isinstance(model, ItemCF)
    expected = literal(train, model.config)
    np.testing.assert_allclose(model.neighbours.toarray(), expected, rtol=1e-5)
    np.testing.assert_allclose(scores, histories.matrix(40) @ expected.T, rtol=1e-5)
