"""What every ranking model promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from recsys_core.features.encoder import Layout
from recsys_core.ranking.batch import Batch
from recsys_core.training.trainer import TrainingConfig


class RankingConfig(TrainingConfig):
    """Fields of every ranking model."""

    monitor: Literal["auc", "logloss"] = Field(
        "auc", description="The validation metric that chooses the epoch."
    )
    embedding_l2: float = Field(
        1e-3,
        ge=0,
        le=10,
        description="L2 penalty on the weights and vectors that a row looks up.",
    )


class RankingModel(nn.Module, ABC):
    """Base of the ranking models: rows in, logits out.

    Parameters
    ----------
    config
        The model's typed configuration.
    layout
        Where the fields lie in the embedding table.
    tasks
        Number of logits a row.
    """

    Config: ClassVar[type[RankingConfig]]
    needs_histories: ClassVar[bool] = False
    """Whether its default features have the users' histories."""

    def __init__(self, config: RankingConfig, layout: Layout, tasks: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(tasks))
        """Shape (tasks,): starts at the log odds of the classes."""

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
