"""MMoE: tasks share experts, and each task has a gate that picks among them.

Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts",
KDD 2018.

    x       = [e_1; ...; e_m]                             embeddings of all fields
    g_k(x)  = softmax(W_k x)                              gate of task k, one weight an expert
    f_k(x)  = sum_i g_k(x)_i E_i(x)                       experts E_i: MLPs that all tasks share
    y_k     = b_k + tower_k(f_k(x))

With one task it is a mixture of experts, the twin that shows what the other tasks are worth.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import MultiTaskConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldEmbedding
from recsys_core.ranking.modules.experts import Experts, Gate, Tower
from recsys_core.ranking.modules.layers import Dropout
from recsys_core.registry import register_model


class MMoEConfig(MultiTaskConfig):
    """Fields of `mmoe`."""

    experts: int = Field(4, ge=1, le=64, description="Number of experts shared by all tasks.")


@register_model(
    "mmoe",
    stage="ranking",
    title="Multi-task: shared experts, one gate per task",
    paper="Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate "
    "Mixture-of-Experts, KDD 2018",
)
class MMoE(RankingModel):
    """Experts, gates and towers."""

    Config = MMoEConfig

    def __init__(self, config: MMoEConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        width = len(layout.names) * config.embedding_size
        self.experts = Experts(
            config.experts,
            width,
            config.expert_hidden,
            config.dropout,
            batch_norm=config.batch_norm,
        )
        self.gates = nn.ModuleList(Gate(width, config.experts) for _ in range(tasks))
        self.towers = nn.ModuleList(
            Tower(
                self.experts.outputs,
                config.tower_hidden,
                config.dropout,
                batch_norm=config.batch_norm,
            )
            for _ in range(tasks)
        )

    def forward(self, batch: Batch) -> Tensor:
        """Compute outputs, shape (rows, tasks)."""
        inputs = self._inputs(batch)
        experts = self.experts(inputs)  # (rows, experts, width)
        pairs = zip(self.gates, self.towers, strict=True)
        outputs = torch.cat([tower(gate(inputs, experts)) for gate, tower in pairs], dim=1)
        logits: Tensor = self.bias + outputs
        return logits

    def _inputs(self, batch: Batch) -> Tensor:
        inputs: Tensor = self.embedding_dropout(self.embedding(batch)).flatten(start_dim=1)
        return inputs

    def gate_weights(self, batch: Batch) -> list[Tensor]:
        """Weights of the experts, one (rows, experts) a task."""
        inputs = self._inputs(batch)
        return [gate.weights(inputs) for gate in self.gates]  # type: ignore[operator]
