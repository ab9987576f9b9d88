"""Predicted ratings: normal equations by hand, a planted taste, histories at hand."""

from __future__ import annotations

import numpy as np
import pytest

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.features.predicted_ratings import BIAS_L2, L2, PredictedRatings
from tests.protocols.build import dataset
from tests.recall.build import history, random_rows


def fit(rows: Interactions) -> PredictedRatings:
    return PredictedRatings.fit(rows.histories(), rows.n_items)


def ask(model: PredictedRatings, histories: Histories, items: IntArray) -> FloatArray:
    """Shape (n, width): predictions of each user's items."""
    users = np.repeat(model.solve(histories), items.shape[1], axis=0)
    return model(users, items.ravel()).reshape(items.shape)


def test_a_user_gets_the_solution_of_the_normal_equations() -> None:
    """Item 8 was rated twice: both ratings count."""
    model = fit(random_rows())
    items = [3, 8, 8, 20]
    asked = history(items)
    asked.ratings[:] = [5, 1, 4, 2]
    bias, vectors = np.split(model.items.astype(np.float64), [1], axis=1)
    known = np.hstack([np.ones((4, 1)), vectors[items]])
    penalty = np.diag([BIAS_L2, *[L2] * vectors.shape[1]])
    rest = np.array([5, 1, 4, 2]) - model.mean - bias[items, 0]
    user = np.linalg.solve(known.T @ known + penalty, known.T @ rest)
    expected = model.mean + bias[:, 0] + user[0] + vectors @ user[1:]
    every = np.arange(len(bias), dtype=np.int32)[None]
    np.testing.assert_allclose(ask(model, asked, every)[0], expected, rtol=1e-4)


def test_with_one_rating_everywhere_there_is_nothing_to_predict() -> None:
    """Data without ratings counts each event as 1."""
    data = dataset([(0, 0, 1.0, 0), (0, 1, 1.0, 1), (1, 0, 1.0, 0)])
    model = fit(Interactions.in_time_order(data, np.arange(3), 1.0))
    predicted = ask(model, history([0], [], rating=1.0), np.array([[0, 1], [1, -1]], np.int32))
    np.testing.assert_allclose(predicted, np.ones((2, 2)))


def test_a_user_of_whom_nothing_is_known_gets_the_items_biases() -> None:
    """Item 0 got 5 twice, item 1 got 3 twice: mean 4, biases of one, pulled to 0."""
    data = dataset([(0, 0, 5.0, 0), (0, 1, 3.0, 1), (1, 0, 5.0, 0), (1, 1, 3.0, 1)])
    model = fit(Interactions.in_time_order(data, np.arange(4), 4.0))
    liked, disliked = ask(model, history([]), np.array([[0, 1]], np.int32))[0]
    assert liked - 4 == pytest.approx(2 * 1 / (2 + BIAS_L2), abs=0.01)
    assert disliked - 4 == pytest.approx(-2 * 1 / (2 + BIAS_L2), abs=0.01)


def test_a_planted_taste_is_found() -> None:
    """Everybody rates everything; half of the people like even items, the others odd ones."""
    rng = np.random.default_rng(0)
    rows = [
        (user, item, 5.0 if item % 2 == user % 2 else 2.0, time)
        for user in range(60)
        for time, item in enumerate(rng.permutation(30)[:24])
    ]
    data = dataset(rows, n_users=60, n_items=30)
    train = Interactions.in_time_order(data, np.arange(len(rows)), 4.0)
    model = fit(train)
    every = np.tile(np.arange(30, dtype=np.int32), (60, 1))
    predicted = ask(model, train.histories(), every)
    liked = every % 2 == np.arange(60)[:, None] % 2
    unseen = train.matrix().toarray() == 0
    assert (predicted[liked & unseen] > 4).all()
    assert (predicted[~liked & unseen] < 3).all()
    # a stranger who dislikes items of one kind will like the other kind better
    asked = history([0, 2, 4, 6, 8], [1, 3, 5, 7, 9])
    asked.ratings[:] = 1
    even, odd = ask(model, asked, np.tile(np.array([20, 21], np.int32), (2, 1)))
    assert even[1] > even[0]
    assert odd[0] > odd[1]
