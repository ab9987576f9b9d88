"""Deep: an MLP over the embeddings of all fields.

Zhang et al., "Deep Learning over Multi-field Categorical Data", ECIR 2016 (FNN); here without the
pre-training by a factorization machine, which later work dropped.

    y = sigmoid(b + W MLP([e_1; ...; e_m]))

e_f is the pooled, weighted vector of field f. Every interaction has to be learned by the network.
"""

from __future__ import annotations

from torch import Tensor

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import DeepConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldEmbedding
from recsys_core.ranking.modules.layers import MLP, Dropout, Output
from recsys_core.registry import register_model


class DeepModelConfig(DeepConfig):
    """Fields of `deep`."""


@register_model(
    "deep",
    stage="ranking",
    title="MLP over embeddings",
    paper="Zhang et al., Deep Learning over Multi-field Categorical Data, ECIR 2016",
)
class Deep(RankingModel):
    """A deep network alone."""

    Config = DeepModelConfig

    def __init__(self, config: DeepModelConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        inputs = len(layout.names) * config.embedding_size
        self.mlp = MLP(inputs, config.hidden, config.dropout, batch_norm=config.batch_norm)
        self.output = Output((self.mlp.outputs,), tasks)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        fields = self.embedding_dropout(self.embedding(batch))  # (rows, fields, dim)
        logits: Tensor = self.bias + self.output(self.mlp(fields.flatten(start_dim=1)))
        return logits
