"""What orders the pool: a network trained on lists, listwise or row by row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.compute.runtime import Runtime
from recsys_core.compute.transfer import to_device
from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.evaluation.accuracy import accuracy_metrics
from recsys_core.events import OnEvent
from recsys_core.recall.shared.validation import METRIC
from recsys_core.sampling.softmax import MASKED
from recsys_core.training.config import TrainingConfig
from recsys_core.training.trainer import train
from recsys_core.two_stage.config import Loss
from recsys_core.two_stage.lists import Lists


class ListRanker(ABC):
    """Scores the candidates of users; higher is better."""

    curve: list[dict[str, float]]
    """Loss and ndcg@10 of the judged lists after each epoch."""

    @abstractmethod
    def fit(self, parts: Sequence[Lists], judged: Lists, loss: Loss, on_event: OnEvent) -> None:
        """Learn from lists; `judged`, whole pools of other rows, choose the epoch.

        Parameters
        ----------
        parts
            Lists by what was known of the users; at least one.
        """

    @abstractmethod
    def score(
        self,
        users: NDArray[np.integer],
        histories: Histories,
        items: IntArray,
        features: FloatArray,
    ) -> FloatArray:
        """Score candidates.

        Parameters
        ----------
        users, histories
            n rows: who is asked for, and what is known of them.
        items
            Shape (n, width); -1 where a pool is short, which gets any score.
        features
            Shape (n, width, features).

        Returns
        -------
        Shape (n, width), float32.
        """

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what `load` reads."""


def train_on_lists(
    module: nn.Module,
    logits: Callable[[Tensor], Tensor],
    parts: Sequence[Lists],
    loss: Loss,
    validate: Callable[[], dict[str, float]],
    config: TrainingConfig,
    runtime: Runtime,
    on_event: OnEvent,
) -> list[dict[str, float]]:
    """Train `module` on lists and return the curve.

    Parameters
    ----------
    logits
        Numbers of some lists, shape (b,), on the host -> logits of their items, shape (b, width).
    parts
        The lists, equally wide; they are numbered through.
    config
        Its `batch_size` counts lists.
    """
    objective = _Objective(logits, parts, loss, validate)
    return train(module, objective, config, runtime, on_event).curve


class _Objective:
    """Mean over lists of the softmax loss of the liked items, or of the log loss of all."""

    monitor = METRIC

    def __init__(
        self,
        logits: Callable[[Tensor], Tensor],
        parts: Sequence[Lists],
        loss: Loss,
        validate: Callable[[], dict[str, float]],
    ) -> None:
        self.size = sum(map(len, parts))
        self.validate = validate
        self._logits = logits
        self._loss = listwise if loss == "listwise" else pointwise
        labels = np.concatenate([part.labels for part in parts]).astype(np.float32)
        self._labels = torch.from_numpy(labels)
        self._listed = torch.from_numpy(np.concatenate([p.listed for p in parts]))

    def batches(self, order: Tensor, batch_size: int) -> Iterator[Tensor]:
        """Cut the lists, taken in `order`, into batches."""
        yield from torch.split(order, batch_size)

    def loss(self, batch: Tensor) -> Tensor:
        """Compute the loss of some lists."""
        return self._loss(self._logits(batch), self._labels[batch], self._listed[batch])


def listwise(logits: Tensor, labels: Tensor, listed: Tensor) -> Tensor:
    """Softmax cross-entropy over each list; a list with several liked items averages over them.

    mean over lists of -1/|L| sum_{i in L} log(exp z_i / sum_j exp z_j)
    (ListNet's top-one loss: Cao et al., ICML 2007).

    Parameters
    ----------
    logits, labels, listed
        Shape (b, width): z, 1 for the liked items L, and which places hold an item. The latter two
        may be on the host.
    """
    labels, listed = to_device(labels, logits.device), to_device(listed, logits.device)
    log_share = F.log_softmax(logits.masked_fill(~listed, MASKED), dim=1)
    liked = labels.sum(dim=1)
    return -((log_share * labels).sum(dim=1) / liked.clamp(min=1)).mean()


def pointwise(logits: Tensor, labels: Tensor, listed: Tensor) -> Tensor:
    """Binary cross-entropy of all listed items, shape (b, width) each; `listed` is on the host."""
    place = listed.flatten().nonzero().squeeze(1)
    logits = logits.flatten().index_select(0, to_device(place, logits.device))
    labels = to_device(labels.flatten().index_select(0, place), logits.device)
    return F.binary_cross_entropy_with_logits(logits, labels)


def judge(scores: FloatArray, lists: Lists) -> dict[str, float]:
    """Compute ndcg@10 of lists ordered by `scores`, shape (n, width); empty without lists."""
    if len(lists) == 0:
        return {}
    scores = np.where(lists.listed, scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    hits = np.take_along_axis(lists.labels, order, axis=1)
    hits = np.pad(hits, ((0, 0), (0, 10 - hits.shape[1])))
    return {METRIC: float(accuracy_metrics(hits, lists.relevant, [10])[METRIC].mean())}
