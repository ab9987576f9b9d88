"""The training loop: epochs, early stopping, learning-rate schedule, checkpoint and resume."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from recsys_core.config import Config
from recsys_core.evaluation.names import higher_is_better
from recsys_core.events import Event, OnEvent
from recsys_core.training.checkpoint import read_checkpoint, write_checkpoint
from recsys_core.training.runtime import Runtime

BatchT = TypeVar("BatchT")


class TrainingConfig(Config):
    """Fields of every model that learns by gradient descent."""

    epochs: int = Field(20, ge=1, le=10_000, description="Passes over the training rows at most.")
    batch_size: int = Field(4096, ge=1, le=10_000_000, description="Rows a gradient step.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's step size.")
    weight_decay: float = Field(
        0.0, ge=0, le=10, description="L2 penalty on all weights, added to the gradient."
    )
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "constant", description="How the learning rate falls to zero over all steps, or not."
    )
    patience: int = Field(
        3,
        ge=0,
        le=1000,
        description="Epochs without a better validation value before training stops; 0: never.",
    )
    gradient_clip: float | None = Field(
        None, gt=0, description="Largest norm of the gradient; null: no limit."
    )
    compile: bool = Field(False, description="Compile the loss with torch.compile.")


class Objective(Protocol[BatchT]):
    """What is trained: how to cut batches, the loss of one, and the validation metrics."""

    size: int
    """Number of training rows."""
    monitor: str
    """The validation metric that early stopping watches."""

    def batches(self, order: Tensor, batch_size: int) -> Iterator[BatchT]:
        """Cut the training rows, taken in `order` (shape (size,), int64), into batches."""
        ...

    def loss(self, batch: BatchT) -> Tensor:
        """Compute the mean loss of a batch, a scalar with gradient."""
        ...

    def validate(self) -> dict[str, float]:
        """Compute the validation metrics; empty when there are no validation rows."""
        ...


@dataclass
class Progress:
    """What a checkpoint must hold beside weights and optimizer."""

    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    best_value: float | None = None
    curve: list[dict[str, float]] = field(default_factory=list)
    """Loss and validation metrics of each epoch."""


def train(
    module: nn.Module,
    objective: Objective[Any],
    config: TrainingConfig,
    runtime: Runtime,
    on_event: OnEvent,
) -> Progress:
    """Train `module` in place and leave it with the weights of its best epoch.

    Every epoch draws its order, dropout and negatives from a generator seeded by (seed, epoch), so
    a run that is resumed from a checkpoint takes exactly the steps of an undisturbed one.
    """
    optimizer = make_optimizer(module, config)
    progress, best = Progress(), None
    if runtime.checkpoint is not None:
        progress, best = _resume(runtime.checkpoint, module, optimizer)
    loss = torch.compile(objective.loss) if config.compile else objective.loss
    device = next(module.parameters()).device
    while progress.epoch < config.epochs and not _exhausted(progress, config):
        module.train()
        torch.manual_seed(_epoch_seed(runtime.seed, progress.epoch))
        order = torch.randperm(objective.size).to(device)
        started = time.perf_counter()
        total = torch.zeros((), device=device)
        steps = 0
        for batch in objective.batches(order, config.batch_size):
            _set_learning_rate(optimizer, config, objective.size, progress.epoch, steps)
            value = loss(batch)
            optimizer.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            if config.gradient_clip is not None:
                nn.utils.clip_grad_norm_(module.parameters(), config.gradient_clip)
            optimizer.step()
            total += value.detach()
            steps += 1
        rate = objective.size / (time.perf_counter() - started)
        module.eval()
        with torch.inference_mode():
            metrics = {"loss": total.item() / max(steps, 1), **objective.validate()}
        progress.epoch += 1
        progress.curve.append(metrics)
        if _improved(progress, metrics, objective.monitor):
            best = deepcopy(module.state_dict())
        on_event(Event("fit", progress.epoch, config.epochs, {**metrics, "rows_per_second": rate}))
        if runtime.checkpoint is not None:
            write_checkpoint(runtime.checkpoint, module, optimizer, best, vars(progress))
    if best is not None:
        module.load_state_dict(best)
    module.eval()
    return progress


def make_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Build the fused Adam that every model trains with."""
    return torch.optim.Adam(
        module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )


def _epoch_seed(seed: int, epoch: int) -> int:
    return (seed + 1) * 1_000_003 + epoch


def _set_learning_rate(
    optimizer: torch.optim.Optimizer, config: TrainingConfig, size: int, epoch: int, step: int
) -> None:
    if config.schedule == "constant":
        return
    steps = -(-size // config.batch_size)
    done = (epoch * steps + step) / (config.epochs * steps)
    factor = 1 - done if config.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * factor


def _exhausted(progress: Progress, config: TrainingConfig) -> bool:
    """Whether `patience` epochs went by without a better validation value."""
    if config.patience == 0 or progress.best_value is None:
        return False
    return progress.epoch - progress.best_epoch >= config.patience


def _improved(progress: Progress, metrics: dict[str, float], monitor: str) -> bool:
    """Note a better validation value; without validation no epoch is better than the last."""
    if monitor not in metrics:
        return False
    value = metrics[monitor]
    best = progress.best_value
    better = best is None or (value > best if higher_is_better(monitor) else value < best)
    if better:
        progress.best_value, progress.best_epoch = value, progress.epoch
    return better


def _resume(
    folder: Path, module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Progress, dict[str, Tensor] | None]:
    state = read_checkpoint(folder, module, optimizer)
    if state is None:
        return Progress(), None
    progress, best = state
    return Progress(**progress), best
