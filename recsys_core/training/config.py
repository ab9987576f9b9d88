"""What every model that learns by gradient descent lets choose; light, for torch is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from recsys_core.config import Config

Schedule = Literal["constant", "cosine", "linear", "plateau"]
SCHEDULE = (
    "Learning rate schedule: constant; falling to zero over all steps along a line or a cosine; "
    "plateau: times 0.1 after each epoch without a better validation value."
)


class TrainingConfig(Config):
    """Fields of every model that learns by gradient descent."""

    replaced: ClassVar[Mapping[str, str]] = {"average_decay": "ema_decay"}

    epochs: int = Field(
        20, ge=1, le=10_000, description="Maximum number of passes over the training rows."
    )
    batch_size: int = Field(4096, ge=1, le=10_000_000, description="Rows per gradient step.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's initial learning rate.")
    weight_decay: float = Field(
        0.0, ge=0, le=10, description="L2 penalty on all weights, added to the gradient."
    )
    schedule: Schedule = Field("constant", description=SCHEDULE)
    patience: int = Field(
        3,
        ge=0,
        le=1000,
        description="Stop after this many epochs without a better validation value; 0: never stop "
        "early.",
    )
    gradient_clip: float | None = Field(
        None, gt=0, description="Clip the gradient to this norm; null: no clipping."
    )
    ema_decay: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Decay of the exponential moving average of the weights; the averaged weights "
        "are validated and saved. 0: off.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Numbers that products of a training step are computed in. bfloat16 is faster "
        "on recent GPUs and less exact; weights, sums, losses and evaluation stay float32.",
    )
    compile: bool = Field(False, description="Compile the loss with torch.compile.")

    @model_validator(mode="after")
    def _plateau_outlasts_an_epoch(self) -> Self:
        if self.schedule == "plateau" and self.patience == 1:
            raise ValueError(
                "schedule plateau lowers the learning rate where patience 1 ends the training; "
                "set patience to 2 or more, or to 0"
            )
        return self
