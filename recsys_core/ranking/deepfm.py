"""DeepFM: a factorization machine and a deep network over the same embeddings.

Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI 2017.

    y     = sigmoid(y_FM + y_DNN)
    y_FM  = b + sum_i w_i x_i + sum_{i<j} <e_i, e_j>        pairs of fields, memorised
    y_DNN = W MLP([e_1; ...; e_m])                          what pairs cannot say

e_i is the embedding of field i: the pooled, weighted rows of the one table.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from recsys_core.features.encoder import Layout
from recsys_core.ranking.base import RankingConfig, RankingModel
from recsys_core.ranking.batch import Batch
from recsys_core.ranking.layers import (
    MLP,
    Dropout,
    FactorizationMachine,
    FieldEmbedding,
    FieldWeights,
)
from recsys_core.registry import register_model


class DeepFMConfig(RankingConfig):
    """Fields of `deepfm`."""

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
    hidden: tuple[int, ...] = Field((256, 256, 256), description="Widths of the MLP's layers.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of hidden units dropped.")
    embedding_dropout: float = Field(
        0.05, ge=0, lt=1, description="Share of the embeddings' entries dropped."
    )


@register_model(
    "deepfm",
    stage="ranking",
    title="Factorization machine + MLP over shared embeddings",
    paper="Guo et al., DeepFM: A Factorization-Machine based Neural Network for CTR Prediction, "
    "IJCAI 2017",
)
class DeepFM(RankingModel):
    """First order, pairs, and a deep network."""

    Config = DeepFMConfig

    def __init__(self, config: DeepFMConfig, layout: Layout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.linear = FieldWeights(layout, tasks, config.embedding_l2)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.fm = FactorizationMachine()
        inputs = len(layout.names) * config.embedding_size
        self.mlp = MLP(inputs, config.hidden, config.dropout)
        self.output = nn.Linear(self.mlp.outputs, tasks, bias=False)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        fields = self.embedding_dropout(self.embedding(batch))  # (rows, fields, dim)
        deep = self.output(self.mlp(fields.flatten(start_dim=1)))
        logits: Tensor = self.bias + self.linear(batch) + self.fm(fields) + deep
        return logits
