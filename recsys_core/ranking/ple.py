"""PLE: progressive layered extraction; tasks keep experts of their own beside the shared ones.

Tang et al., "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model for
Personalized Recommendations", RecSys 2020.

    x_k^0 = x_s^0 = [e_1; ...; e_m]                       embeddings of all fields
    x_k^l = sum_i softmax(W_k x_k^{l-1})_i E_i            own experts of task k and shared ones
    x_s^l = sum_i softmax(W_s x_s^{l-1})_i E_i            all experts; not in the last layer
    y_k   = b_k + tower_k(x_k^L)

Where tasks disagree, MMoE's shared experts serve both badly (the see-saw); here a task's gradient
alone moves its own experts. One layer is the paper's CGC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.ranking.base import MultiTaskConfig, RankingModel
from recsys_core.ranking.modules.embedding import FieldEmbedding
from recsys_core.ranking.modules.experts import CGC, Tower
from recsys_core.ranking.modules.layers import Dropout
from recsys_core.registry import register_model


class PLEConfig(MultiTaskConfig):
    """Fields of `ple`."""

    replaced: ClassVar[Mapping[str, str]] = {"own_experts": "task_experts"}

    task_experts: int = Field(
        1, ge=1, le=64, description="Number of task-specific experts per task."
    )
    shared_experts: int = Field(
        2, ge=1, le=64, description="Number of experts shared by all tasks."
    )
    extraction_layers: int = Field(
        2, ge=1, le=8, description="Number of extraction layers (experts and gates)."
    )


@register_model(
    "ple",
    stage="ranking",
    title="Multi-task: task-specific and shared experts, in layers",
    paper="Tang et al., Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) "
    "Model for Personalized Recommendations, RecSys 2020",
)
class PLE(RankingModel):
    """Extraction layers and towers."""

    Config = PLEConfig

    def __init__(self, config: PLEConfig, layout: EmbeddingLayout, tasks: int) -> None:
        super().__init__(config, layout, tasks)
        self.embedding = FieldEmbedding(layout, config.embedding_size, config.embedding_l2)
        self.embedding_dropout = Dropout(config.embedding_dropout)
        width = len(layout.names) * config.embedding_size
        layers: list[CGC] = []
        for number in range(1, config.extraction_layers + 1):
            layer = CGC(
                tasks,
                width,
                config.expert_hidden,
                own=config.task_experts,
                shared=config.shared_experts,
                dropout=config.dropout,
                last=number == config.extraction_layers,
                batch_norm=config.batch_norm,
            )
            layers.append(layer)
            width = layer.shared.outputs
        self.layers = nn.ModuleList(layers)
        self.towers = nn.ModuleList(
            Tower(width, config.tower_hidden, config.dropout, batch_norm=config.batch_norm)
            for _ in range(tasks)
        )

    def forward(self, batch: Batch) -> Tensor:
        """Compute outputs, shape (rows, tasks)."""
        x = self._inputs(batch)
        for layer in self.layers:
            x = layer(x)
        outputs = [tower(of_task) for tower, of_task in zip(self.towers, x, strict=True)]
        return self.bias + torch.cat(outputs, dim=1)

    def _inputs(self, batch: Batch) -> list[Tensor]:
        """Repeat the embeddings for every task and for the shared experts, (rows, width) each."""
        inputs = self.embedding_dropout(self.embedding(batch)).flatten(start_dim=1)
        return [inputs] * (len(self.towers) + 1)

    def gate_weights(self, batch: Batch) -> list[Tensor]:
        """Weights of own, then shared experts in the last layer, one (rows, experts) a task."""
        x = self._inputs(batch)
        *before, last = self.layers
        for layer in before:
            x = layer(x)
        gates = zip(last.gates, x, strict=False)  # type: ignore[arg-type]
        return [gate.weights(of_task) for gate, of_task in gates]
