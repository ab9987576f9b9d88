"""The moving average of weights: its formula, and that training judges and keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from recsys_core.compute.runtime import Runtime
from recsys_core.events import Event, ignore
from recsys_core.training import trainer
from recsys_core.training.average import WeightAverage
from recsys_core.training.trainer import train
from tests.training.toy import CONFIG, Regression

AVERAGED = CONFIG.model_copy(update={"ema_decay": 0.9})


def test_worked_example() -> None:
    module = nn.Linear(1, 1, bias=False)
    average = WeightAverage(module, 0.9)
    found = []
    for weight in (1.0, 2.0, 4.0):
        nn.init.constant_(module.weight, weight)
        average.update()
        found.append(average.weights["weight"].item())
    # the first step is taken whole; then d = min(9/10, (n + 1) / (n + 10)) = 2/11, 3/12
    second = 2 / 11 * 1 + 9 / 11 * 2
    assert found == pytest.approx([1, second, 3 / 12 * second + 9 / 12 * 4])


def test_late_steps_move_the_average_by_the_decay() -> None:
    module = nn.Linear(1, 1, bias=False)
    average = WeightAverage(module, 0.5)
    nn.init.constant_(module.weight, 8.0)
    for _ in range(20):
        average.update()
    nn.init.constant_(module.weight, 0.0)
    average.update()
    assert average.weights["weight"].item() == pytest.approx(4.0)


def test_in_place_lends_the_average_and_gives_the_weights_back() -> None:
    module = nn.Linear(1, 1, bias=False)
    average = WeightAverage(module, 0.9)
    for weight in (1.0, 2.0):
        nn.init.constant_(module.weight, weight)
        average.update()
    parameter = module.weight
    with average.in_place():
        assert module.weight.item() == pytest.approx(20 / 11)
    assert module.weight.item() == 2.0
    assert module.weight is parameter  # the optimizer's


def test_training_judges_and_keeps_the_average(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[torch.Tensor] = []
    toy = Regression()
    one_step = trainer._Epoch._step

    def watched(self: trainer._Epoch, batch: object) -> torch.Tensor:
        loss = one_step(self, batch)
        steps.append(toy.module.weight.detach().clone())
        return loss

    monkeypatch.setattr(trainer._Epoch, "_step", watched)
    train(toy.module, toy, AVERAGED, Runtime(seed=3), ignore)
    mean, expected = steps[0], []
    for n, weight in enumerate(steps[1:], start=1):
        decay = min(0.9, (n + 1) / (n + 10))
        mean = decay * mean + (1 - decay) * weight
        if (n + 1) % 7 == 0:  # 64 rows in batches of 10
            expected.append(mean)
    assert torch.allclose(torch.stack(toy.weights_seen), torch.stack(expected), atol=1e-6)
    assert torch.equal(toy.module.weight, toy.weights_seen[-1])


def test_steps_do_not_depend_on_the_average() -> None:
    plain, averaged = Regression(), Regression()
    losses = [
        [epoch["loss"] for epoch in train(toy.module, toy, config, Runtime(), ignore).curve]
        for toy, config in ((plain, CONFIG), (averaged, AVERAGED))
    ]
    assert losses[0] == losses[1]
    assert not torch.equal(plain.module.weight, averaged.module.weight)


def test_without_validation_the_last_average_is_kept() -> None:
    judged, blind = Regression(), Regression(values=[])
    for toy in (judged, blind):
        train(toy.module, toy, AVERAGED, Runtime(), ignore)
    assert torch.equal(blind.module.weight, judged.weights_seen[-1])


def test_a_resumed_training_ends_with_the_same_average(tmp_path: Path) -> None:
    class CutOffError(Exception):
        pass

    def stop_after_three(event: Event) -> None:
        if event.metrics and event.step >= 3 * 7:
            raise CutOffError

    cut, whole, resumed = Regression(), Regression(), Regression()
    with pytest.raises(CutOffError):
        train(cut.module, cut, AVERAGED, Runtime(checkpoint=tmp_path), stop_after_three)
    train(whole.module, whole, AVERAGED, Runtime(), ignore)
    train(resumed.module, resumed, AVERAGED, Runtime(checkpoint=tmp_path), ignore)
    assert torch.equal(resumed.module.weight, whole.module.weight)
