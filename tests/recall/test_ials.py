"""Implicit ALS against dense normal equations and its own objective."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.recall.ials import IALS
from recsys_core.threads import limited_threads
from tests.recall.build import fit, history, random_rows

A, L2 = 0.2, 0.05


def objective(
    likes: NDArray[np.float64], users: NDArray[np.float64], items: NDArray[np.float64], power: float
) -> float:
    """Sum all pairs one after the other, as the docstring writes it."""
    n_users, n_items = likes.shape
    loss = 0.0
    for u in range(n_users):
        loss += L2 * (likes[u].sum() + A * n_items) ** power * users[u] @ users[u]
        for i in range(n_items):
            score = users[u] @ items[i]
            loss += likes[u, i] * (1 - score) ** 2 + A * score**2
    for i in range(n_items):
        loss += L2 * (likes[:, i].sum() + A * n_users) ** power * items[i] @ items[i]
    return loss


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_every_epoch_lowers_the_objective_to_its_optimum_for_one_side(power: float) -> None:
    train = random_rows()
    likes = train.positives().matrix()
    dense = likes.toarray().astype(np.float64)
    before = np.inf
    for epochs in (1, 2, 5):
        model = fit(
            "ials", train, dim=3, epochs=epochs, unobserved_weight=A, l2=L2, l2_exponent=power
        )
        assert isinstance(model, IALS)
        items = model.item_vectors.astype(np.float64)
        gram = model.item_vectors.T @ model.item_vectors
        users = model.solve_rows(likes, model.item_vectors, gram).astype(np.float64)
        value = objective(dense, users, items, power)
        assert value < before
        before = value
        for step in (0.01, -0.01):  # no user can do better with these items
            assert objective(dense, users + step, items, power) > value


def test_weighted_rows_solve_dense_normal_equations() -> None:
    model = fit("ials", random_rows(), dim=4, unobserved_weight=A, l2=L2, rating_weight=1)
    assert isinstance(model, IALS)
    items = model.item_vectors.astype(np.float64)
    asked = history([3, 8, 20])
    asked.ratings[:] = [5, 4, 2]
    weights = np.zeros(len(items))
    weights[[3, 8, 20]] = [1, 4 / 5, 2 / 5]
    penalty = L2 * (weights.sum() + A * len(items))
    system = items.T @ np.diag(weights + A) @ items + penalty * np.eye(4)
    expected = items @ np.linalg.solve(system, items.T @ weights)
    np.testing.assert_allclose(model.score(np.array([-1]), asked)[0], expected, rtol=1e-3)


def test_threads_change_nothing() -> None:
    vectors = []
    for threads in (1, 2):
        with limited_threads(threads):
            model = fit("ials", random_rows(), dim=4)
            assert isinstance(model, IALS)
            vectors.append(model.item_vectors)
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-4, atol=1e-6)
