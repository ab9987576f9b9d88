"""The short training of an update: which rows it takes, and for how long."""

from __future__ import annotations

import torch

from recsys_core.training.config import TrainingConfig
from recsys_core.training.trainer import _order, update_schedule


def test_a_tenth_of_the_passes_at_a_falling_rate() -> None:
    found = update_schedule(TrainingConfig(epochs=25, patience=3, ema_decay=0.9))
    assert (found.epochs, found.patience, found.ema_decay) == (3, 0, 0.0)
    assert found.schedule == "linear"
    assert update_schedule(TrainingConfig(epochs=4)).epochs == 1


def test_a_pass_takes_what_is_new_and_half_of_all() -> None:
    new = torch.zeros(100, dtype=torch.bool)
    new[[3, 97]] = True
    taken = _order(100, new).tolist()
    assert len(taken) == len(set(taken)) == 50
    assert {3, 97} <= set(taken)
    assert sorted(_order(4, torch.ones(4, dtype=torch.bool)).tolist()) == [0, 1, 2, 3]
    assert sorted(_order(4, None).tolist()) == [0, 1, 2, 3]
