"""DCN-V2: a cross network of matrices, or of mixtures of low-rank ones, with a deep network.

Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning to
Rank Systems", WWW 2021.

    x_0      = [e_1; ...; e_m]                            embeddings of all fields
    x_{l+1}  = x_0 * (W_l x_l + b_l) + x_l                full: every pair of entries has its weight
    x_{l+1}  = x_0 * relu(BN(W_l x_l + b_l)) + x_l        `cross_activation: relu`
    x_{l+1}  = sum_i G_i(x_l) E_i(x_l) + x_l              mixture of low-rank experts, G a softmax
    E_i(x)   = x_0 * (U_i g(C_i g(V_i^T x)) + b_l)        g = tanh

    stacked:   y = sigmoid(b + W MLP(x_L))
    parallel:  y = sigmoid(b + W [x_L; MLP(x_0)])
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import DeepConfig, RankingModel
from recsys_core.ranking.modules.crossing import CrossNetworkV2, LowRankCrossNetwork
from recsys_core.ranking.modules.embedding import FieldEmbedding
from recsys_core.ranking.modules.layers import MLP, Dropout, Output
from recsys_core.registry import register_model


class DCNV2Config(DeepConfig):
    """Fields of `dcn-v2`."""

    structure: Literal["stacked", "parallel"] = Field(
        "parallel",
        description="stacked: the MLP reads the output of the cross network; parallel: "
        "both read the embeddings.",
    )
    cross_layers: int = Field(2, ge=1, le=100, description="Number of layers of the cross network.")
    cross_activation: Literal["none", "relu"] = Field(
        "none",
        description="What each full-rank cross layer does to W x + b before the product: nothing, "
        "or batch normalisation and ReLU.",
    )
    low_rank: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Rank of the experts' weight matrices; null: one full-rank matrix.",
    )
    experts: int = Field(4, ge=1, le=64, description="Number of low-rank experts per layer.")

    @model_validator(mode="after")
    def _activation_of_full_rank(self) -> Self:
        if self.cross_activation != "none" and self.low_rank is not None:
            raise ValueError(
                "cross_activation relu is of full-rank cross layers; set low_rank to null, or "
                "cross_activation to none"
            )
        return self


@register_model(
    "dcn-v2",
    stage="ranking",
    title="Cross network with matrices + MLP",
    paper="Wang et al., DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale "
    "Learning to Rank Systems, WWW 2021",
)
class DCNV2(RankingModel):
    """Explicit crosses with a matrix a layer, under or beside a deep network."""

    Config = DCNV2Config

    def __init__(self, config: DCNV2Config, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        width = len(layout.names) * config.embedding_size
        self.cross: nn.Module = (
            CrossNetworkV2(width, config.cross_layers, relu=config.cross_activation == "relu")
            if config.low_rank is None
            else LowRankCrossNetwork(width, config.cross_layers, config.low_rank, config.experts)
        )
        self.mlp = MLP(width, config.hidden, config.dropout, batch_norm=config.batch_norm)
        self.stacked = config.structure == "stacked"
        top = (self.mlp.outputs,) if self.stacked else (width, self.mlp.outputs)
        self.output = Output(top, tasks)

    def forward(self, batch: Batch) -> Tensor:
        """Compute logits, shape (rows, tasks)."""
        inputs = self.embedding_dropout(self.embedding(batch)).flatten(start_dim=1)  # (rows, width)
        crossed = self.cross(inputs)
        top = (self.mlp(crossed),) if self.stacked else (crossed, self.mlp(inputs))
        logits: Tensor = self.bias + self.output(*top)
        return logits
