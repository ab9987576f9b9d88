"""The short training of an update: which rows it takes, and for how long."""

from __future__ import annotations

import pytest
import torch

from recsys_core.training.config import Schedule, TrainingConfig
from recsys_core.training.trainer import _order, update_schedule


@pytest.mark.parametrize(
    ("fit", "update"),
    [
        ("constant", ("constant", 0.9)),
        ("linear", ("linear", 0.0)),
        ("cosine", ("linear", 0.0)),
        ("plateau", ("linear", 0.0)),
    ],
)
def test_a_tenth_of_the_passes_at_a_rate_that_falls_if_that_of_a_fit_does(
    fit: Schedule, update: tuple[Schedule, float]
) -> None:
    found = update_schedule(TrainingConfig(epochs=25, patience=3, schedule=fit, ema_decay=0.9))
    assert (found.epochs, found.patience) == (3, 0)
    assert (found.schedule, found.ema_decay) == update
    assert update_schedule(TrainingConfig(epochs=4)).epochs == 1


def test_a_pass_takes_what_is_new_and_half_of_all() -> None:
    new = torch.zeros(100, dtype=torch.bool)
    new[[3, 97]] = True
    taken = _order(100, new).tolist()
    assert len(taken) == len(set(taken)) == 50
    assert {3, 97} <= set(taken)
    assert sorted(_order(4, torch.ones(4, dtype=torch.bool)).tolist()) == [0, 1, 2, 3]
    assert sorted(_order(4, None).tolist()) == [0, 1, 2, 3]
