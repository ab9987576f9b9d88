"""What every ranking model promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from recsys_core.config import Widths
from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.labels import TaskName
from recsys_core.training.config import SCHEDULE, Schedule, TrainingConfig

BATCH_NORM = "Normalise each hidden layer over the batch, between its weights and the ReLU."


class RankingConfig(TrainingConfig):
    """Fields of every ranking model."""

    monitor: Literal["auc", "logloss"] = Field(
        "auc", description="Validation metric that selects the epoch."
    )
    embedding_l2: float = Field(
        1e-3,
        ge=0,
        le=10,
        description="L2 penalty on the weights and embeddings looked up for each row.",
    )
    table_l2: float = Field(
        0.0,
        ge=0,
        le=10,
        description="L2 penalty on the whole tables of weights and embeddings at every step: half "
        "of it times the sum of squares, added to the loss of the batch.",
    )
    calibration: Literal["none", "platt", "isotonic"] = Field(
        "none",
        description="Calibrate the predicted log odds on the validation rows: platt fits a line, "
        "isotonic a strictly increasing step function. The ranking stays the same.",
    )

    @property
    def task_names(self) -> tuple[TaskName, ...]:
        """What the model predicts; the first is what it ranks by."""
        return ("like",)


class EmbeddingConfig(RankingConfig):
    """Fields of every model with a vector per field; the defaults suit all of them."""

    epochs: int = Field(
        8, ge=1, le=10_000, description="Maximum number of passes over the training rows."
    )
    patience: int = Field(
        2,
        ge=0,
        le=1000,
        description="Stop after this many epochs without a better validation value; 0: never stop "
        "early.",
    )
    batch_size: int = Field(2048, ge=1, le=10_000_000, description="Rows per gradient step.")
    learning_rate: float = Field(2e-3, gt=0, le=10, description="Adam's initial learning rate.")
    schedule: Schedule = Field("cosine", description=SCHEDULE)
    embedding_l2: float = Field(
        3e-3,
        ge=0,
        le=10,
        description="L2 penalty on the weights and embeddings looked up for each row.",
    )
    ema_decay: float = Field(
        0.997,
        ge=0,
        lt=1,
        description="Decay of the exponential moving average of the weights; the averaged weights "
        "are validated and saved. 0: off.",
    )
    embedding_size: int = Field(16, ge=1, le=4096, description="Embedding size of each field.")
    embedding_dropout: float = Field(
        0.05, ge=0, lt=1, description="Dropout rate of the embeddings."
    )


class DeepConfig(EmbeddingConfig):
    """Fields of every model with an MLP."""

    hidden: Widths = Field((256, 256, 256), description="Sizes of the MLP's hidden layers.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate of the hidden layers.")
    batch_norm: bool = Field(False, description=BATCH_NORM)


class MultiTaskConfig(EmbeddingConfig):
    """Fields of every multi-task model."""

    tasks: tuple[TaskName, ...] = Field(
        ("like", "love"),
        min_length=1,
        description="Tasks, `like` first. like: the row is relevant under the protocol; love: it "
        "is rated 5; rating: the rating itself, with squared error (needs rows of every rating).",
    )
    expert_hidden: Widths = Field(
        (128, 128), min_length=1, description="Sizes of each expert's layers."
    )
    tower_hidden: Widths = Field((64,), description="Sizes of the layers of each task's tower.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate of the hidden layers.")
    batch_norm: bool = Field(False, description=BATCH_NORM)

    @field_validator("tasks")
    @classmethod
    def _like_first_and_none_twice(cls, tasks: tuple[TaskName, ...]) -> tuple[TaskName, ...]:
        if tasks[0] != "like":
            raise ValueError("the first task must be like: it is what the model ranks by")
        if len(set(tasks)) < len(tasks):
            raise ValueError("a task occurs twice")
        return tasks

    @property
    def task_names(self) -> tuple[TaskName, ...]:
        """What the model predicts."""
        return self.tasks


class RankingModel(nn.Module, ABC):
    """Base of the ranking models: rows in, logits out.

    Parameters
    ----------
    config
        The model's typed configuration.
    layout
        Where the fields lie in the embedding table.
    tasks
        Number of logits per row.
    """

    Config: ClassVar[type[RankingConfig]]
    needs_histories: ClassVar[bool] = False
    """Whether its default features have the users' histories."""
    trains_together: ClassVar[bool] = True
    """Whether several processes can train it together: what it computes of a row depends on no
    other row, but for the moments of `BatchMoments` layers."""

    def __init__(self, config: RankingConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(tasks))
        """Shape (tasks,): starts at the log odds of the classes, or the mean value."""

    @abstractmethod
    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""

    def training_loss(self, batch: Batch, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Compute what a gradient step lowers.

        Parameters
        ----------
        loss
            From logits and labels, shape (rows, tasks) each, to the loss of the tasks.
        """
        return loss(self(batch), batch.labels)

    def gate_weights(self, batch: Batch) -> list[Tensor]:
        """Weights of the experts in eval mode, one (rows, experts) a task; none without gates."""
        return []
