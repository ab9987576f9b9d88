"""Logistic regression.

McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013 (the model; here it is
trained by Adam over several epochs).

    P(relevant | x) = sigmoid(b + sum_s w_s W[i_s])

over the slots s of a row: an index i_s into the table of weights W and its value w_s. No feature
knows of another, so it ranks every user's items in the same order but for their attributes.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import RankingConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldWeights
from recsys_core.registry import register_model
from recsys_core.training.config import SCHEDULE, Schedule


class LRConfig(RankingConfig):
    """Fields of `lr`."""

    patience: int = Field(
        0,
        ge=0,
        le=1000,
        description="Stop after this many epochs without a better validation value; 0: never stop "
        "early.",
    )
    learning_rate: float = Field(2e-2, gt=0, le=10, description="Adam's initial learning rate.")
    schedule: Schedule = Field("cosine", description=SCHEDULE)
    embedding_l2: float = Field(
        1e-4, ge=0, le=10, description="L2 penalty on the weights looked up for each row."
    )


@register_model(
    "lr",
    stage="ranking",
    title="Logistic regression",
    paper="McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013",
)
class LR(RankingModel):
    """One weight per feature value."""

    Config = LRConfig

    def __init__(self, config: LRConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.weights = FieldWeights(layout, tasks, config.embedding_l2)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        logits: Tensor = self.bias + self.weights(batch)
        return logits
