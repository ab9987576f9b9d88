"""DCN: a cross network beside a deep network.

Wang et al., "Deep & Cross Network for Ad Click Predictions", ADKDD 2017.

    x_0     = [e_1; ...; e_m]                             embeddings of all fields, width d
    x_{l+1} = x_0 (x_l . w_l) + b_l + x_l                 crosses of degree l + 2, d weights each
    y       = sigmoid(b + W [x_L; MLP(x_0)])
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import DeepConfig, RankingModel
from recsys_core.ranking.modules.crossing import CrossNetwork
from recsys_core.ranking.modules.embedding import FieldEmbedding
from recsys_core.ranking.modules.layers import MLP, Dropout, Output
from recsys_core.registry import register_model


class DCNConfig(DeepConfig):
    """Fields of `dcn`."""

    cross_layers: int = Field(3, ge=1, le=100, description="Number of layers of the cross network.")


@register_model(
    "dcn",
    stage="ranking",
    title="Cross network with one vector per layer + MLP",
    paper="Wang et al., Deep & Cross Network for Ad Click Predictions, ADKDD 2017",
)
class DCN(RankingModel):
    """Explicit crosses and a deep network, side by side."""

    Config = DCNConfig

    def __init__(self, config: DCNConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        width = len(layout.names) * config.embedding_size
        self.cross = CrossNetwork(width, config.cross_layers)
        self.mlp = MLP(width, config.hidden, config.dropout, batch_norm=config.batch_norm)
        self.output = Output((width, self.mlp.outputs), tasks)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        inputs = self.embedding_dropout(self.embedding(batch)).flatten(start_dim=1)  # (rows, width)
        logits: Tensor = self.bias + self.output(self.cross(inputs), self.mlp(inputs))
        return logits
