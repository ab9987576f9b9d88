"""A training small enough to know by heart; as a script, one that can be killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.compute.runtime import Runtime
from recsys_core.events import Event
from recsys_core.training.config import TrainingConfig
from recsys_core.training.trainer import Progress, train


class Regression:
    """y = x w + noise, with dropout on x; validation values may be given instead of measured."""

    def __init__(
        self, seed: int = 0, values: list[float] | None = None, scale: float = 1.0
    ) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.x = torch.randn(64, 3, generator=draw)
        self.y = scale * (self.x @ torch.tensor([1.0, -2.0, 0.5]))
        self.module = nn.Linear(3, 1)
        nn.init.zeros_(self.module.weight)
        nn.init.zeros_(self.module.bias)
        self.size = len(self.x)
        self.monitor = "logloss"
        self.values = values
        self.weights_seen: list[Tensor] = []

    def batches(self, order: Tensor, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.split(order, batch_size):
            yield self.x[rows], self.y[rows]

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, y = batch
        return F.mse_loss(self.module(F.dropout(x, 0.2, self.module.training)).squeeze(1), y)

    def validate(self) -> dict[str, float]:
        self.weights_seen.append(self.module.weight.clone())
        if self.values is not None:
            return {"logloss": self.values[len(self.weights_seen) - 1]} if self.values else {}
        return {"logloss": F.mse_loss(self.module(self.x).squeeze(1), self.y).item()}


CONFIG = TrainingConfig(
    epochs=6, batch_size=10, learning_rate=0.05, schedule="cosine", patience=0, weight_decay=1e-3
)


def fit(checkpoint: Path | None, die_after: int | None = None) -> tuple[Regression, Progress]:
    """Train on one thread; with `die_after`, the process kills itself after that many epochs."""
    torch.set_num_threads(1)
    toy = Regression()

    def listen(event: Event) -> None:
        if die_after is not None and event.metrics and len(toy.weights_seen) == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    progress = train(toy.module, toy, CONFIG, Runtime(seed=3, checkpoint=checkpoint), listen)
    return toy, progress


if __name__ == "__main__":
    fit(Path(sys.argv[1]), die_after=int(sys.argv[2]))
