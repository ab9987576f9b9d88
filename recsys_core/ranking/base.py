"""What every ranking model promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from recsys_core.features.layout import Layout
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


class EmbeddingConfig(RankingConfig):
    """Fields of every model with a vector a field; the defaults suit all of them."""

    epochs: int = Field(8, ge=1, le=10_000, description="Passes over the training rows at most.")
    patience: int = Field(
        2,
        ge=0,
        le=1000,
        description="Epochs without a better validation value before training stops; 0: never.",
    )
    batch_size: int = Field(2048, ge=1, le=10_000_000, description="Rows a gradient step.")
    learning_rate: float = Field(2e-3, gt=0, le=10, description="Adam's step size.")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "cosine", description="How the learning rate falls to zero over all steps, or not."
    )
    embedding_l2: float = Field(
        3e-3,
        ge=0,
        le=10,
        description="L2 penalty on the weights and vectors that a row looks up.",
    )
    embedding_size: int = Field(16, ge=1, le=4096, description="Length of a field's vector.")
    embedding_dropout: float = Field(
        0.05, ge=0, lt=1, description="Share of the embeddings' entries dropped."
    )


class DeepConfig(EmbeddingConfig):
    """Fields of every model with an MLP."""

    hidden: tuple[int, ...] = Field((256, 256, 256), description="Widths of the MLP's layers.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of hidden units dropped.")


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
