"""DeepFM: a factorization machine and a deep network over the same embeddings.

Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI 2017.

    y     = sigmoid(y_FM + y_DNN)
    y_FM  = b + sum_i w_i x_i + sum_{i<j} <e_i, e_j>        pairs of fields, memorised
    y_DNN = W MLP([e_1; ...; e_m])                          what pairs cannot say

e_i is the embedding of field i: the pooled, weighted rows of the one table.
"""

from __future__ import annotations

from torch import Tensor

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import DeepConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldEmbedding, FieldWeights
from recsys_core.ranking.modules.layers import MLP, Dropout, FactorizationMachine, Output
from recsys_core.registry import register_model


class DeepFMConfig(DeepConfig):
    """Fields of `deepfm`."""


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

    def __init__(self, config: DeepFMConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.linear = FieldWeights(layout, tasks, config.embedding_l2)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        self.fm = FactorizationMachine()
        inputs = len(layout.names) * config.embedding_size
        self.mlp = MLP(inputs, config.hidden, config.dropout, batch_norm=config.batch_norm)
        self.output = Output((self.mlp.outputs,), tasks)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        fields = self.embedding_dropout(self.embedding(batch))  # (rows, fields, dim)
        deep = self.output(self.mlp(fields.flatten(start_dim=1)))
        logits: Tensor = self.bias + self.linear(batch) + self.fm(fields) + deep
        return logits
