"""EASE against its own optimality conditions, and its refusal of what cannot fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recsys_core.compute import capacity
from recsys_core.data.interactions import Interactions
from recsys_core.errors import CapacityError
from recsys_core.recall.ease import Ease
from tests.protocols.build import dataset, random_dataset
from tests.recall.build import fit


def test_two_items_by_hand() -> None:
    # item 0 is liked by 3 users, item 1 by 2, both by 1. With one other item the regression of
    # item 0 on item 1 is shared / (count of 1 + l2), and the other way round.
    rows = [(0, 0, 5.0, 0), (0, 1, 5.0, 0), (1, 0, 5.0, 0), (2, 0, 5.0, 0), (3, 1, 5.0, 0)]
    train = Interactions.in_time_order(dataset(rows), np.arange(5), None)
    model = fit("ease", train, l2=4)
    assert isinstance(model, Ease)
    expected = [[0, 1 / (3 + 4)], [1 / (2 + 4), 0]]  # row: what item i says about item j
    np.testing.assert_allclose(model.weights, expected, rtol=1e-6)


def test_weights_solve_the_constrained_regression() -> None:
    """Each column is the ridge regression of its item on all other items."""
    data = random_dataset(5)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), None)
    model = fit("ease", train, l2=3)
    assert isinstance(model, Ease)
    matrix = train.matrix().toarray().astype(np.float64)
    for item in (0, 17, 39):
        others = np.delete(matrix, item, axis=1)
        system = others.T @ others + 3 * np.eye(39)
        solution = np.linalg.solve(system, others.T @ matrix[:, item])
        np.testing.assert_allclose(np.delete(model.weights[:, item], item), solution, atol=1e-5)
        assert model.weights[item, item] == 0


def test_with_a_rating_weight_every_event_is_learned_from() -> None:
    # user 0 rates items 0 and 1 with 4 and 2: weights 4/4 and (2/4)^1; user 1 likes item 0 alone.
    # The regression of item 1 on item 0 is (1 * 1/2) / (1 + 1 + l2), that of 0 on 1 likewise.
    rows = [(0, 0, 4.0, 0), (0, 1, 2.0, 0), (1, 0, 5.0, 0)]
    train = Interactions.in_time_order(dataset(rows), np.arange(3), 4.0)
    model = fit("ease", train, l2=1, rating_exponent=1)
    assert isinstance(model, Ease)
    expected = [[0, (1 / 2) / (2 + 1)], [(1 / 2) / (1 / 4 + 1), 0]]
    np.testing.assert_allclose(model.weights, expected, rtol=1e-6)
    likes = fit("ease", train, l2=1)
    assert isinstance(likes, Ease)
    assert likes.weights[0, 1] == 0  # nobody likes item 1


def test_a_catalogue_that_cannot_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "available_memory", lambda: 1000)
    data = random_dataset(1)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), None)
    with pytest.raises(CapacityError, match=r"ease: a matrix of 40 x 40 items needs") as error:
        fit("ease", train)
    assert error.value.changes == ({"model": "item-cf"},)


def test_the_limit_of_a_container_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "max").write_text("5000\n")
    (tmp_path / "current").write_text("2000\n")
    monkeypatch.setattr(capacity, "LIMITS", (tmp_path / "max", tmp_path / "absent"))
    monkeypatch.setattr(capacity, "USED", (tmp_path / "current", tmp_path / "absent"))
    assert capacity.available_memory() == 3000
    (tmp_path / "max").write_text("max\n")
    assert capacity.available_memory() > 2**20
