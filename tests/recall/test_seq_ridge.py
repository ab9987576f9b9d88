"""Sequential ridge regression against an explicit design matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.compute import capacity
from recsys_core.config import parse_config
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.errors import CapacityError, InputError
from recsys_core.recall import seq_ridge
from recsys_core.recall.seq_ridge import SeqRidge, add_pairs
from tests.protocols.build import dataset, random_dataset
from tests.recall.build import fit, history


def design(
    histories: Histories, n_items: int, half_lives: tuple[float, ...], g: float, power: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Write down X and Y event by event."""
    inputs, outputs = [], []
    for user in range(len(histories)):
        part = histories.take(np.array([user]))
        events = list(zip(part.items.tolist(), part.ratings.tolist(), strict=True))
        for t in range(len(events) - 1):
            x, y = np.zeros((len(half_lives), n_items)), np.zeros(n_items)
            for s, (item, rating) in enumerate(events):
                best = max(rated for _, rated in events)
                weight = float(rating >= 4) if power is None else (rating / best) ** power
                for block, h in enumerate(half_lives):
                    if s <= t:
                        x[block, item] += weight * 2 ** (-(t - s) / h)
                if s > t and rating >= 4:
                    y[item] += 2 ** (-(s - t - 1) / g)
            inputs.append(x.ravel())
            outputs.append(y)
    return np.array(inputs), np.array(outputs)


@pytest.mark.parametrize(
    ("power", "half_lives", "l2"),
    [
        (None, (1.0,), 5),
        (1.5, (1.0,), (5,)),
        (None, (0.7, 3, 5), 5),
        (1.5, (0.7, 3, 5), (5, 9, 20)),
    ],
)
def test_weights_solve_the_normal_equations(
    monkeypatch: pytest.MonkeyPatch,
    power: float | None,
    half_lives: tuple[float, ...],
    l2: float | tuple[float, ...],
) -> None:
    monkeypatch.setattr(seq_ridge, "NEGLIGIBLE", 1e-12)
    data = random_dataset(2)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), 4.0)
    fields: dict[str, Any] = {"rating_exponent": power, "history_half_lives": half_lives}
    model = fit("seq-ridge", train, l2=l2, target_half_life=2, **fields)
    assert isinstance(model, SeqRidge)
    x, y = design(train.histories(), data.n_items, half_lives, 2, power)
    penalty = np.broadcast_to(l2, len(half_lives)).repeat(data.n_items)
    expected = np.linalg.solve(x.T @ x + np.diag(penalty), x.T @ y)
    np.testing.assert_allclose(model.weights, expected, rtol=1e-3, atol=1e-5)


def test_scores_are_those_of_the_last_moment() -> None:
    train = Interactions.in_time_order(random_dataset(2), np.arange(200), 4.0)
    model = fit("seq-ridge", train)
    assert isinstance(model, SeqRidge)
    asked = history([3, 8])
    asked.ratings[:] = [5, 2]
    short, long = np.split(model.weights, 2)
    expected = 2 / 5 * (short[8] + long[8]) + 2**-1 * short[3] + 2 ** (-1 / 8) * long[3]
    np.testing.assert_allclose(model.score(np.array([-1]), asked)[0], expected, rtol=1e-5)


def test_pairs_count_by_their_lag() -> None:
    table = np.zeros((3, 3), dtype=np.float32)
    earlier = np.array([1, 2, 3, 4, 5], dtype=np.float32)
    later = np.array([1, 1, 0, 1, 10], dtype=np.float32)
    events = history([0, 1, 2], [1, 0])
    add_pairs(table, events, earlier, later, np.array([1.0, 0.5]))
    # 0 then 1: 1 * 1; 1 then 2: 2 * 0; 0 then 2, lag 2: 1 * 0; second user, 1 then 0: 4 * 10
    np.testing.assert_array_equal(table, [[0, 1, 0], [40, 0, 0], [0, 0, 0]])


def test_order_is_learned() -> None:
    """Everybody goes on from item 0 to 1 to 2 to 3; what comes next is ranked by nearness."""
    rows = [(user, item, 5.0, item) for user in range(30) for item in range(4)]
    train = Interactions.in_time_order(dataset(rows), np.arange(len(rows)), 4.0)
    model = fit("seq-ridge", train, l2=1)
    top = model.recommend(np.array([-1, -1]), 3, histories=history([0], [0, 1]))
    assert top.items[0].tolist() == [1, 2, 3]
    assert top.items[1].tolist() == [2, 3, -1]


def test_penalties_are_one_for_all_or_one_for_each() -> None:
    with pytest.raises(InputError, match="l2 has 3 values, history_half_lives 2: give one for all"):
        parse_config(SeqRidge.Config, {"l2": [1, 2, 3]}, "model seq-ridge")
    with pytest.raises(InputError, match="input should be greater than 0"):
        parse_config(SeqRidge.Config, {"l2": 0}, "model seq-ridge")


def test_a_catalogue_that_cannot_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "available_memory", lambda: 1000)
    data = random_dataset(1)
    train = Interactions.in_time_order(data, np.arange(data.n_interactions), None)
    with pytest.raises(CapacityError, match="seq-ridge: a matrix of 80 x 80 numbers needs"):
        fit("seq-ridge", train)
