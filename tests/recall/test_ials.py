"""Implicit ALS against dense normal equations and its own objective."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.compute.threads import limited_threads
from recsys_core.data.interactions import Interactions
from recsys_core.events import Event
from recsys_core.recall.ials import IALS
from tests.protocols.build import dataset
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
    model = fit("ials", random_rows(), dim=4, unobserved_weight=A, l2=L2, rating_exponent=1)
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


def grouped(groups: int, size: int, known: int) -> Interactions:
    """Five users a group of `size` items like `known` of it each."""
    rows = [
        (user, (2 * (user // groups) + time) % size * groups + user % groups, 5.0, time)
        for user in range(5 * groups)
        for time in range(known)
    ]
    data = dataset(rows, n_users=5 * groups, n_items=groups * size)
    return Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)


def test_on_sparse_data_zeros_do_not_outweigh_the_likes() -> None:
    train = grouped(groups=100, size=10, known=6)
    messages: list[str] = []

    def listen(event: Event) -> None:
        messages.append(event.message)

    model = fit("ials", train, dim=64, epochs=5, on_event=listen)
    assert isinstance(model, IALS)
    # 500 users x 6 of 1,000 items: 25 * 3,000 / 500,000
    assert model.weight == pytest.approx(0.15)
    assert "unobserved_weight 0.15, by density" in messages
    users = np.arange(500)
    own = model.recommend(users, 4).items % 100 == users[:, None] % 100
    assert own.mean() > 0.95


def test_a_weight_that_is_given_stays_and_a_dense_set_gets_the_largest(tmp_path: Path) -> None:
    given = fit("ials", random_rows(), dim=4, unobserved_weight=3)
    chosen = fit("ials", random_rows(), dim=4)
    assert isinstance(given, IALS)
    assert isinstance(chosen, IALS)
    assert (given.weight, chosen.weight) == (3, 0.5)
    sparse = fit("ials", grouped(groups=20, size=10, known=2), dim=4)
    sparse.save(tmp_path)
    loaded = IALS.load(tmp_path)
    assert isinstance(sparse, IALS)
    assert loaded.weight == sparse.weight == pytest.approx(25 * 200 / (100 * 200))
