"""FM: a factorization machine.

Rendle, "Factorization Machines", ICDM 2010.

    y = sigmoid(b + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j)

Between fields, as in the CTR literature: e_f is the pooled, weighted vector of field f, and pairs
are pairs of fields,

    sum_{f<g} <e_f, e_g> = 1/2 sum_d [ (sum_f e_fd)^2 - sum_f e_fd^2 ]      in O(fields * dim)

The vector of a pair that never met in train follows from what each of the two met.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import EmbeddingConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldEmbedding, FieldWeights
from recsys_core.ranking.modules.layers import Dropout, FactorizationMachine
from recsys_core.registry import register_model


class FMConfig(EmbeddingConfig):
    """Fields of `fm`."""

    epochs: int = Field(
        10, ge=1, le=10_000, description="Maximum number of passes over the training rows."
    )
    learning_rate: float = Field(5e-3, gt=0, le=10, description="Adam's initial learning rate.")
    embedding_l2: float = Field(
        2e-3,
        ge=0,
        le=10,
        description="L2 penalty on the weights and embeddings looked up for each row.",
    )
    embedding_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout rate of the embeddings.")


@register_model(
    "fm",
    stage="ranking",
    title="Factorization machine: all pairs of fields",
    paper="Rendle, Factorization Machines, ICDM 2010",
)
class FM(RankingModel):
    """First order and pairs."""

    Config = FMConfig

    def __init__(self, config: FMConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.linear = FieldWeights(layout, tasks, config.embedding_l2)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.fm = FactorizationMachine()

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        fields = self.embedding_dropout(self.embedding(batch))  # (rows, fields, dim)
        logits: Tensor = self.bias + self.linear(batch) + self.fm(fields)
        return logits
