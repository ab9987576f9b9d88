"""Wide & Deep: a linear model that memorises beside a network that generalises, trained jointly.

Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016.

    y = sigmoid(b + w_wide . [x, phi(x)] + W MLP([e_1; ...; e_m]))

x are the slots of all fields, phi(x) cross-product transformations: features of the source
``cross`` in the schema. Both parts learn from the same loss. (The paper trains the wide part by
FTRL with L1; here all is Adam with an L2 penalty on what a row looks up.)
"""

from __future__ import annotations

from torch import Tensor

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import DeepConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldEmbedding, FieldWeights
from recsys_core.ranking.modules.layers import MLP, Dropout, Output
from recsys_core.registry import register_model


class WideDeepConfig(DeepConfig):
    """Fields of `wide-deep`."""


@register_model(
    "wide-deep",
    stage="ranking",
    title="Linear model + MLP, trained jointly",
    paper="Cheng et al., Wide & Deep Learning for Recommender Systems, DLRS 2016",
)
class WideDeep(RankingModel):
    """First order and a deep network."""

    Config = WideDeepConfig

    def __init__(self, config: WideDeepConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.wide = FieldWeights(layout, tasks, config.embedding_l2)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        inputs = len(layout.names) * config.embedding_size
        self.mlp = MLP(inputs, config.hidden, config.dropout, batch_norm=config.batch_norm)
        self.output = Output((self.mlp.outputs,), tasks)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        fields = self.embedding_dropout(self.embedding(batch))  # (rows, fields, dim)
        deep = self.output(self.mlp(fields.flatten(start_dim=1)))
        logits: Tensor = self.bias + self.wide(batch) + deep
        return logits
