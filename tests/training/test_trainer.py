"""The training loop: what it does with each field of its configuration, and what it reports."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.errors import InputError
from recsys_core.events import Event, ignore
from recsys_core.training import trainer
from recsys_core.training.config import TrainingConfig
from recsys_core.training.trainer import chosen_epoch, train
from tests.training.toy import CONFIG, Regression, fit


def config(**values: object) -> TrainingConfig:
    return TrainingConfig.model_validate({"patience": 0, "batch_size": 16, **values})


def test_it_learns() -> None:
    toy, progress = fit(None)
    assert progress.curve[-1]["loss"] < 0.7 * progress.curve[0]["loss"]
    assert progress.curve[-1]["logloss"] < 0.7 * progress.curve[0]["logloss"]
    assert not toy.module.training


def test_same_seed_same_weights_another_seed_others() -> None:
    def weight(seed: int) -> torch.Tensor:
        toy = Regression()
        train(toy.module, toy, CONFIG, Runtime(seed=seed), ignore)
        return toy.module.weight

    assert torch.equal(weight(1), weight(1))
    assert not torch.equal(weight(1), weight(2))


@pytest.mark.parametrize(
    ("values", "epochs", "best"),
    [
        ([5.0, 4.0, 4.5, 4.6, 1.0], 4, 2),  # two epochs without a better one: stops before the 1.0
        ([5.0, 4.0, 4.5, 3.0, 3.0], 5, 4),  # an equal value is not better
        ([1.0, 2.0, 3.0, 4.0, 5.0], 3, 1),
    ],
)
def test_patience_and_best_weights(values: list[float], epochs: int, best: int) -> None:
    toy = Regression(values=values)
    progress = train(toy.module, toy, config(epochs=5, patience=2), Runtime(), ignore)
    assert (progress.epoch, progress.best_epoch) == (epochs, best)
    assert torch.equal(toy.module.weight, toy.weights_seen[best - 1])


def test_without_patience_every_epoch_runs_and_the_best_is_kept() -> None:
    toy = Regression(values=[1.0, 2.0, 3.0, 4.0])
    progress = train(toy.module, toy, config(epochs=4), Runtime(), ignore)
    assert progress.epoch == 4
    assert torch.equal(toy.module.weight, toy.weights_seen[0])


def test_without_validation_the_last_weights_are_kept() -> None:
    toy = Regression(values=[])
    progress = train(toy.module, toy, config(epochs=4, patience=1), Runtime(), ignore)
    assert progress.epoch == 4
    assert progress.best_value is None
    assert torch.equal(toy.module.weight, toy.weights_seen[-1])


class Rates(torch.optim.Adam):
    """Adam that notes its learning rate at every step."""

    seen: list[float]

    def step(self, closure: object = None) -> None:  # type: ignore[override]
        self.seen.append(self.param_groups[0]["lr"])
        super().step()


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 3 / 4, 1 / 2, 1 / 4]),
        ("cosine", [1, (1 + math.sqrt(1 / 2)) / 2, 1 / 2, (1 - math.sqrt(1 / 2)) / 2]),
    ],
)
def test_schedule(schedule: str, rates: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Regression()
    optimizer = Rates(toy.module.parameters(), lr=0.1)
    optimizer.seen = []
    monkeypatch.setattr(trainer, "make_optimizer", lambda module, config: optimizer)
    chosen = config(epochs=2, batch_size=32, learning_rate=0.1, schedule=schedule)
    train(toy.module, toy, chosen, Runtime(), ignore)
    assert optimizer.seen == pytest.approx([0.1 * rate for rate in rates])


def test_plateau_lowers_the_rate_after_each_epoch_that_is_no_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And `patience` ends the training, after two such epochs in a row."""
    toy = Regression(values=[3.0, 2.0, 2.5, 1.9, 1.9, 2.1, 0.0])
    optimizer = Rates(toy.module.parameters(), lr=0.1)
    optimizer.seen = []
    monkeypatch.setattr(trainer, "make_optimizer", lambda module, config: optimizer)
    chosen = config(epochs=9, batch_size=64, learning_rate=0.1, schedule="plateau", patience=2)
    progress = train(toy.module, toy, chosen, Runtime(), ignore)
    assert optimizer.seen == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01, 0.001])
    assert (progress.epoch, progress.best_epoch) == (6, 4)


def test_a_plateau_that_ends_the_training_lowers_nothing() -> None:
    with pytest.raises(InputError, match="plateau lowers the learning rate where patience 1 ends"):
        parse_config(TrainingConfig, {"schedule": "plateau", "patience": 1}, "model mf")


def test_gradient_clip_bounds_the_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Regression(scale=1000.0)
    optimizer = torch.optim.SGD(toy.module.parameters(), lr=1.0)
    monkeypatch.setattr(trainer, "make_optimizer", lambda module, config: optimizer)
    train(toy.module, toy, config(epochs=1, batch_size=64, gradient_clip=0.5), Runtime(), ignore)
    moved = torch.cat([toy.module.weight.flatten(), toy.module.bias])
    assert moved.norm().item() == pytest.approx(0.5, rel=1e-4)


def test_weight_decay_shrinks() -> None:
    def norm(decay: float) -> float:
        toy = Regression()
        chosen = config(epochs=40, learning_rate=0.05, weight_decay=decay)
        train(toy.module, toy, chosen, Runtime(), ignore)
        return float(toy.module.weight.detach().norm())

    assert norm(1.0) < 0.8 * norm(0.0)


def test_divergence_is_an_error_not_a_result() -> None:
    toy = Regression(scale=float("inf"))
    with pytest.raises(
        InputError, match=r"diverged in epoch 1: the loss is .*\nlower learning_rate"
    ):
        train(toy.module, toy, config(epochs=3), Runtime(), ignore)


def test_reports_within_an_epoch_are_few_and_count_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock) * 0.1)
    events: list[Event] = []
    toy = Regression()
    train(toy.module, toy, config(epochs=2, batch_size=4), Runtime(), events.append)

    assert {(event.stage, event.total) for event in events} == {("fit", 32)}
    steps = [event.step for event in events]
    assert steps == sorted(steps)
    assert [(event.step, event.epoch) for event in events if event.metrics] == [(16, 1), (32, 2)]
    assert set(events[-1].metrics) == {"loss", "logloss", "rows_per_second"}
    within = [event for event in events if not event.metrics]
    assert 8 <= len(within) <= 12  # 16 batches of a tenth of a second an epoch, one report in three


def test_a_rate_that_a_schedule_changes_is_reported_and_is_no_result() -> None:
    """It falls along a line over 8 steps; the last of each pass of 4 is the 4th and the 8th."""
    events: list[Event] = []
    toy = Regression()
    settings = config(epochs=2, batch_size=16, schedule="linear", learning_rate=0.8)
    progress = train(toy.module, toy, settings, Runtime(), events.append)
    rates = [event.metrics["learning_rate"] for event in events if event.metrics]
    assert rates == pytest.approx([0.5, 0.1])
    assert "learning_rate" not in progress.curve[0]


def test_with_fewer_digits_steps_are_computed_and_validation_is_not() -> None:
    class Noting(Regression):
        def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
            products.append(self.module(batch[0]).dtype)
            return super().loss(batch)

        def validate(self) -> dict[str, float]:
            judged.append(self.module(self.x).dtype)
            return super().validate()

    products: list[torch.dtype] = []
    judged: list[torch.dtype] = []
    toy = Noting()
    few = train(toy.module, toy, config(precision="bfloat16"), Runtime(), ignore)
    assert (set(products), set(judged)) == ({torch.bfloat16}, {torch.float32})
    assert toy.module.weight.dtype == torch.float32
    whole = Regression()
    all_digits = train(whole.module, whole, config(), Runtime(), ignore)
    last = few.curve[-1]["logloss"]
    assert last == pytest.approx(all_digits.curve[-1]["logloss"], rel=0.01)


def test_compile_gives_the_same_function(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []

    def note(function: object) -> object:
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", note)
    toy = Regression()
    train(toy.module, toy, config(epochs=1, compile=True), Runtime(), ignore)
    assert compiled == [toy.loss]


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_stopped_after_some_epochs_it_is_where_it_was_then(schedule: str) -> None:
    """The learning rate falls as if all epochs were to come: nothing is compressed."""
    chosen = CONFIG.model_copy(update={"schedule": schedule})
    whole = Regression(values=[3.0, 2.0, 1.0, 4.0, 4.0, 4.0])
    progress = train(whole.module, whole, chosen, Runtime(seed=3), ignore)
    assert chosen_epoch(progress.curve, "logloss") == progress.best_epoch == 3
    toy, events = Regression(values=[]), list[Event]()
    stopped = train(toy.module, toy, chosen, Runtime(seed=3, stop_after=3), events.append)
    assert torch.equal(toy.module.weight, whole.module.weight)
    assert len(stopped.curve) == 3
    assert (events[-1].step, events[-1].total) == (21, 21)


@pytest.mark.parametrize(
    ("curve", "epoch"),
    [
        ([], None),
        ([{"loss": 1.0}], None),
        ([{"auc": 0.5}, {"auc": 0.7}, {"auc": 0.7}], 2),
        ([{"auc": 0.5}, {"auc": None}, {"auc": 0.6}], 3),
    ],
)
def test_the_chosen_epoch_is_the_first_of_the_best(
    curve: list[dict[str, float | None]], epoch: int | None
) -> None:
    assert chosen_epoch(curve, "auc") == epoch
