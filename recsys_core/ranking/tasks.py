"""What a ranking model predicts of a row: its labels, loss and outputs, task by task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.rows import auc, rmse, row_logloss
from recsys_core.ranking.labels import BINARY, LABELS, TaskName, label_problem
from recsys_core.ranking.rows import RankingRows


@dataclass(frozen=True)
class Task:
    """One column of a model's output.

    Parameters
    ----------
    name
        What its metrics are called: ``auc/love``.
    binary
        True: a probability, by log loss. False: a value, by squared error.
    label
        Computes labels, shape (n,), of rows.
    """

    name: TaskName
    binary: bool
    label: Callable[[Interactions], NDArray[np.generic]]

    def metric(self, name: str) -> str:
        """Name a metric of this task: ``auc`` of like, ``auc/love``."""
        return name if self.name == "like" else f"{name}/{self.name}"


TASKS: dict[TaskName, Task] = {
    name: Task(name, name in BINARY, label) for name, label in LABELS.items()
}


class Tasks:
    """The tasks of a model, in the order of its outputs; the first one is what it ranks by."""

    def __init__(self, names: Sequence[TaskName]) -> None:
        self.all = tuple(TASKS[name] for name in names)
        self._binary = [number for number, task in enumerate(self.all) if task.binary]
        self._values = [number for number, task in enumerate(self.all) if not task.binary]

    def __len__(self) -> int:
        return len(self.all)

    def first(self, n: int) -> Tasks:
        """Keep the first `n` tasks."""
        return Tasks([task.name for task in self.all[:n]])

    def check(self, train: Interactions, *, drawn: bool = False) -> None:
        """Raise InputError where the train rows of a binary task are all of one class.

        Parameters
        ----------
        drawn
            Whether items are drawn beside them.
        """
        for task in self.all:
            problem = label_problem(task.name, train, drawn=drawn)
            if problem is not None:
                raise problem

    def labels(self, rows: Interactions) -> Tensor:
        """Shape (n, tasks), float32."""
        columns = [torch.from_numpy(task.label(rows).astype(np.float32)) for task in self.all]
        return torch.stack(columns, dim=1)

    def labels_of(self, rows: RankingRows) -> Tensor:
        """Shape (n, tasks), float32: those of events, then those of rows that were drawn."""
        return torch.from_numpy(rows.labels(self.labels(rows.events).numpy()))

    def start(self, labels: Tensor) -> Tensor:
        """Shape (tasks,): the outputs that fit train labels best without any feature."""
        mean = labels.mean(dim=0)
        for number in self._binary:
            mean[number] = torch.logit(mean[number])
        return mean

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Sum of the tasks' mean losses: log loss, or squared error."""
        total = outputs.new_zeros(())
        if not self._values:
            return F.binary_cross_entropy_with_logits(outputs, labels) * len(self._binary)
        if self._binary:
            total = F.binary_cross_entropy_with_logits(
                outputs[:, self._binary], labels[:, self._binary]
            ) * len(self._binary)
        for number in self._values:
            total = total + F.mse_loss(outputs[:, number], labels[:, number])
        return total

    def predictions(self, outputs: Tensor) -> Tensor:
        """Turn outputs into probabilities and values, shape (rows, tasks)."""
        binary = torch.tensor([task.binary for task in self.all], device=outputs.device)
        return torch.where(binary, torch.sigmoid(outputs), outputs)

    def metrics(self, labels: FloatArray, predicted: FloatArray) -> dict[str, float]:
        """AUC and log loss of binary tasks, error of values; the first task's bear no name."""
        found: dict[str, float] = {}
        for number, task in enumerate(self.all):
            truth, guess = labels[:, number], predicted[:, number]
            values = (
                {
                    "auc": auc(truth, guess.astype(np.float64)),
                    "logloss": float(row_logloss(truth, guess).mean()),
                }
                if task.binary
                else {"rmse": rmse(truth, guess)}
            )
            found |= {task.metric(name): value for name, value in values.items()}
        return found
