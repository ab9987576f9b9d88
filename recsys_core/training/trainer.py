"""The training loop: epochs, early stopping, learning-rate schedule, checkpoint and resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from recsys_core.compute.ranks import ALONE, Ranks
from recsys_core.compute.rehearsal import passes, some
from recsys_core.compute.runtime import Runtime
from recsys_core.errors import InputError
from recsys_core.evaluation.names import higher_is_better
from recsys_core.events import Event, OnEvent
from recsys_core.training.adam import Adam
from recsys_core.training.average import WeightAverage
from recsys_core.training.checkpoint import (
    DAMAGE,
    read_checkpoint,
    same_state,
    unusable,
    write_checkpoint,
)
from recsys_core.training.config import TrainingConfig
from recsys_core.training.exchange import Exchange
from recsys_core.training.gpu_memory import check_room
from recsys_core.training.memory import keep_freed_memory
from recsys_core.training.moments import check_moments, share_moments
from recsys_core.training.row_tables import settle

BatchT = TypeVar("BatchT")
#: at least this many seconds lie between two reports within an epoch
REPORT_SECONDS = 0.3
#: an update makes one pass where a fit may make so many, and each pass takes this share of the
#: rows: all that are new, and others drawn at random
UPDATED_PASSES, UPDATED_SHARE = 10, 0.5
#: what `plateau` multiplies the learning rate by
PLATEAU_FACTOR = 0.1


class Objective(Protocol[BatchT]):
    """What is trained: how to cut batches, the loss of one, and the validation metrics."""

    size: int
    """Number of training rows."""
    monitor: str
    """The validation metric that early stopping watches."""

    def batches(self, order: Tensor, batch_size: int) -> Iterator[BatchT]:
        """Cut the training rows, taken in `order` (shape (size,), int64), into batches.

        The order is on the host. Of one that several ranks can train it has this rank's rows alone,
        and `batch_size` is a list: how many of them each batch has.
        """
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
    plateaus: int = 0
    """Epochs whose validation value was not better than the best before them."""
    curve: list[dict[str, float]] = field(default_factory=list)
    """Loss and validation metrics of each epoch."""


def train(
    module: nn.Module,
    objective: Objective[Any],
    config: TrainingConfig,
    runtime: Runtime,
    on_event: OnEvent,
    reads: str = "",
    new: Tensor | None = None,
    mass: Callable[[Any], float | Tensor] | None = None,
) -> Progress:
    """Train `module` in place and leave it, in eval mode, with the weights of its best epoch.

    With `ema_decay`, weights are the averaged ones wherever they are judged or kept.

    Every epoch draws its order, dropout and negatives from a generator seeded by (seed, epoch), so
    a run that is resumed from a checkpoint takes exactly the steps of an undisturbed one.

    Events of the stage ``fit`` count batches; the one at the end of an epoch has its metrics.

    Where the runtime has several ranks, each calls this with the same module and takes its slice of
    every batch; order, batches and what is drawn through `Ranks.draws` do not depend on their
    number.

    Parameters
    ----------
    reads
        What tells the features of this training from those of another: a checkpoint goes by it.
    new
        Shape (objective.size,), bool: in an update, the rows that the earlier model has not seen.
    mass
        Of several ranks: what a batch counts in a mean over the parts that the ranks have.

    Raises
    ------
    InputError
        The loss is no longer a number, or the checkpoint is of another training.
    """
    keep_freed_memory()
    check_room(module, averaged=config.ema_decay > 0)
    ranks = runtime.ranks
    if ranks.size > 1:
        check_moments(module)
    if runtime.earlier is not None:
        config = update_schedule(config)
        reads = f"{reads} {runtime.earlier.key}"
    optimizer = make_optimizer(module, config)
    average = WeightAverage(module, config.ema_decay) if config.ema_decay else None
    progress, best = Progress(), None
    identity = {
        "seed": runtime.seed,
        "rows": objective.size,
        "features": reads,
        **config.model_dump(mode="json"),
    }
    epochs = min(config.epochs, runtime.stop_after or config.epochs)
    state = None
    if runtime.checkpoint is not None:
        state = read_checkpoint(runtime.checkpoint, module, optimizer, identity)
    state = same_state(ranks, module, optimizer, state)
    if state is not None:
        progress, best = _resumed(runtime.checkpoint or Path(), *state, average)
    epoch = _Epoch(
        module, objective, config, optimizer, on_event, average, epochs, new, ranks, mass
    )
    least = config.patience + 1 if config.patience else epochs
    for _ in passes(epochs - progress.epoch, min(epochs, least)):
        if _exhausted(progress, config):
            break
        metrics, rate = epoch.run(progress.epoch, progress.plateaus, runtime.seed)
        progress.epoch += 1
        progress.curve.append(metrics)
        if _improved(progress, metrics, objective.monitor):
            best = deepcopy(epoch.weights)
        if runtime.checkpoint is not None and ranks.first:
            kept = {"best": best, "average": average.state_dict() if average else None}
            write_checkpoint(runtime.checkpoint, module, optimizer, kept, vars(progress), identity)
        told = {**metrics, **epoch.learning_rate, "rows_per_second": rate}
        epoch.report(progress.epoch, 0, told)
    share_moments(module, ALONE)
    settle(module, leave=True)
    module.load_state_dict(epoch.weights if best is None else best)
    module.eval()
    return progress


def _resumed(
    folder: Path, progress: dict[str, Any], kept: dict[str, Any], average: WeightAverage | None
) -> tuple[Progress, dict[str, Tensor] | None]:
    """Take up how far a checkpoint was."""
    try:
        if average is not None:
            average.load_state_dict(kept["average"])
        done = Progress(**progress)
        counts = (done.epoch, done.best_epoch, done.plateaus)
        whole = all(isinstance(count, int) for count in counts)
        if not whole or not isinstance(done.best_value, float | None):
            raise ValueError("its progress is not a number of epochs")
        if not isinstance(done.curve, list) or len(done.curve) != done.epoch:
            raise ValueError("its curve is not that of its epochs")
        return done, kept["best"]
    except DAMAGE as error:
        raise unusable(folder, error) from error


class _Epoch:
    """Passes over the training rows, one `run` each."""

    def __init__(
        self,
        module: nn.Module,
        objective: Objective[Any],
        config: TrainingConfig,
        optimizer: torch.optim.Optimizer,
        on_event: OnEvent,
        average: WeightAverage | None,
        epochs: int,
        new: Tensor | None,
        ranks: Ranks,
        mass: Callable[[Any], float | Tensor] | None,
    ) -> None:
        self.module = module
        self.ranks = ranks
        self.mass = mass
        self.exchange = Exchange(module, ranks) if mass is not None and ranks.size > 1 else None
        share_moments(module, ranks)
        self.new = new
        self.epochs = epochs
        self.average = average
        self.objective = objective
        self.config = config
        self.optimizer = optimizer
        self.on_event = on_event
        self.loss = torch.compile(objective.loss) if config.compile else objective.loss
        self.device = next(module.parameters()).device
        self.computes: AbstractContextManager[object] = nullcontext()
        if config.precision == "bfloat16":
            self.computes = torch.autocast(self.device.type, torch.bfloat16)
        self.size = _visited(objective.size, new)
        self.batches = max(1, -(-self.size // config.batch_size))

    def run(self, epoch: int, plateaus: int, seed: int) -> tuple[dict[str, float], float]:
        """Train for one epoch; return its loss and validation metrics, and rows per second.

        Parameters
        ----------
        epoch, plateaus
            Epochs done, and how many of them were without a better validation value.
        """
        self.module.train()
        torch.manual_seed(_epoch_seed(seed, epoch))
        order = _order(self.objective.size, self.new)
        sizes: Any = self.config.batch_size
        if self.exchange is not None:
            sizes = self.ranks.batch_sizes(len(order), self.config.batch_size)
            order = self.ranks.own(order, self.config.batch_size)
            self._draw_apart(_epoch_seed(seed, epoch))
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        started = reported = time.perf_counter()
        done = 0
        batches = self.objective.batches(order, sizes)
        for batch in some(batches, self.batches):
            self._set_learning_rate(epoch + done / self.batches, plateaus)
            if isinstance(sizes, list):
                left = self.size - done * self.config.batch_size
                self.ranks.share = sizes[done] / min(self.config.batch_size, left)
            total += self._step(batch)
            done += 1
            now = time.perf_counter()
            if now - reported >= REPORT_SECONDS:
                self.report(epoch, done, {})
                reported = now
        loss = total.item() / max(done, 1)
        rate = self.size / (time.perf_counter() - started)
        if not math.isfinite(loss):
            raise InputError(
                f"training diverged in epoch {epoch + 1}: the loss is {loss}",
                f"lower learning_rate (now {self.config.learning_rate:g}) or set gradient_clip",
            )
        settle(self.module)
        self.module.eval()
        with self.average.in_place() if self.average else nullcontext(), torch.inference_mode():
            return self.ranks.agree({"loss": loss, **self.objective.validate()}), rate

    def _draw_apart(self, seed: int) -> None:
        """Let ranks draw alike through `Ranks.draws`, and each for itself where it does not matter.

        Without dropout one process draws from the very same stream.
        """
        self.ranks.draws = torch.Generator()
        self.ranks.draws.set_state(torch.get_rng_state())
        torch.manual_seed(_epoch_seed(seed, self.ranks.rank) % 2**63)

    @property
    def weights(self) -> dict[str, Tensor]:
        """What is validated and kept."""
        return self.average.weights if self.average else self.module.state_dict()

    def _step(self, batch: Any) -> Tensor:
        with self.computes:
            value = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        value = value.detach()
        if self.exchange is not None and self.mass is not None:
            value = self.exchange(value, self.mass(batch))
        if self.config.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update()
        return value

    def _set_learning_rate(self, epochs_done: float, plateaus: int) -> None:
        share = min(1.0, epochs_done / self.config.epochs)
        match self.config.schedule:
            case "constant":
                return
            case "linear":
                factor = 1 - share
            case "cosine":
                factor = (1 + math.cos(math.pi * share)) / 2
            case "plateau":
                factor = PLATEAU_FACTOR**plateaus
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * factor

    @property
    def learning_rate(self) -> dict[str, float]:
        """The learning rate of the last step by its name, where a schedule changes it."""
        if self.config.schedule == "constant":
            return {}
        return {"learning_rate": self.optimizer.param_groups[0]["lr"]}

    def report(self, epochs: int, batches: int, metrics: dict[str, float]) -> None:
        """Say how many epochs and batches of the next one are done."""
        step = epochs * self.batches + batches
        total = self.epochs * self.batches
        self.on_event(Event("fit", step, total, metrics, epoch=epochs if metrics else None))


def update_schedule(config: TrainingConfig) -> TrainingConfig:
    """Make the schedule of an update: a tenth of the passes, at the end as settled as a fit.

    The optimizer starts anew. A rate that is constant in a fit stays so: an update that let it fall
    would be better than what the configuration gives, not only newer. One that falls ends at
    zero, along a line, where the steps are too small for an average of the weights to matter.
    """
    changes: dict[str, Any] = {"epochs": -(-config.epochs // UPDATED_PASSES), "patience": 0}
    if config.schedule != "constant":
        changes |= {"schedule": "linear", "ema_decay": 0.0}
    return config.model_copy(update=changes)


def _visited(size: int, new: Tensor | None) -> int:
    """Count the rows of a pass: all, or in an update the new ones and some of the others."""
    return size if new is None else max(int(new.sum()), math.ceil(UPDATED_SHARE * size))


def _order(size: int, new: Tensor | None) -> Tensor:
    """Draw the rows of a pass, in the order in which they are taken."""
    order = torch.randperm(size)
    if new is None:
        return order
    first = torch.argsort(new[order].logical_not().int(), stable=True)
    chosen = order[first[: _visited(size, new)]]  # new ones, then others as they were drawn
    return chosen[torch.randperm(len(chosen))]


def chosen_epoch(curve: Sequence[Mapping[str, float | None]], monitor: str) -> int | None:
    """Tell after how many epochs `train` keeps the weights of a curve; None: nothing chose."""
    progress = Progress()
    for number, metrics in enumerate(curve, start=1):
        progress.epoch = number
        value = metrics.get(monitor)
        _improved(progress, {} if value is None else {monitor: value}, monitor)
    return progress.best_epoch or None


def make_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Build the fused Adam that every model trains with."""
    optimizer = Adam(
        module.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    optimizer.follow()
    return optimizer


def _epoch_seed(seed: int, epoch: int) -> int:
    return (seed + 1) * 1_000_003 + epoch


def _exhausted(progress: Progress, config: TrainingConfig) -> bool:
    """Whether `patience` epochs went by without a better validation value."""
    if config.patience == 0 or progress.best_value is None:
        return False
    return progress.epoch - progress.best_epoch >= config.patience


def _improved(progress: Progress, metrics: dict[str, float], monitor: str) -> bool:
    """Note whether the validation value is better; without one, every epoch is as good."""
    if monitor not in metrics:
        return False
    value = metrics[monitor]
    best = progress.best_value
    better = best is None or (value > best if higher_is_better(monitor) else value < best)
    if better:
        progress.best_value, progress.best_epoch = value, progress.epoch
    else:
        progress.plateaus += 1
    return better
