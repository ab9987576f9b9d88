"""DSSM: one tower reads the user, one the item, and the cosine of what they give is the score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from recsys_core.config import Config, Widths
from recsys_core.recall.neural.layers import (
    EventEmbedding,
    HistoryPooling,
    Inputs,
    QueryFields,
    hidden_layers,
)
from recsys_core.recall.neural.objective import Network, SequentialConfig
from recsys_core.recall.neural.sequences import Window
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.registry import register_model
from recsys_core.sampling.config import SamplerName

#: consecutive events whose queries share the gathering of the history before them
RUN = 16


class DSSMConfig(SequentialConfig):
    """Fields of the two towers."""

    replaced: ClassVar[Mapping[str, str]] = {"pools": "heads"}

    heads: int = Field(
        2,
        ge=1,
        le=64,
        description="Number of attention heads that pool the history, each into one vector.",
    )
    user_hidden: Widths = Field((256,), description="Sizes of the user tower's hidden layers.")
    item_hidden: Widths = Field((128,), description="Sizes of the item tower's hidden layers.")
    temperature: float = Field(
        0.07,
        gt=0,
        le=100,
        description="Softmax temperature: divides the cosine; a lower one "
        "makes the softmax sharper.",
    )
    sampler: SamplerName = Field("mixed", description="Where negatives are sampled from.")
    logq: bool = Field(
        True, description="logQ correction: subtract log q from the logits, after the temperature."
    )
    epochs: int = Field(
        10, ge=1, le=10_000, description="Maximum number of passes over the events."
    )
    learning_rate: float = Field(2e-3, gt=0, le=10, description="Adam's initial learning rate.")


class Towers(Network):
    """Two towers whose outputs have length 1; the query is divided by the temperature."""

    def __init__(self, inputs: Inputs, config: DSSMConfig) -> None:
        super().__init__()
        self.config, dim = config, config.dim
        self.events = EventEmbedding(inputs, dim)
        self.fields = QueryFields(inputs, dim)
        recency = "recency" in inputs.encoder.event_fields
        self.pool = HistoryPooling(dim, config.heads, inputs.length, recency=recency)
        width = (config.heads + 1 + inputs.requests) * dim
        self.user_tower = hidden_layers([width, *config.user_hidden, dim], config.dropout)
        self.item_tower = hidden_layers([dim, *config.item_hidden, dim], config.dropout)

    def forward(self, window: Window, queries: int) -> Tensor:
        """Make the queries after each of the last columns, shape (b, queries, dim)."""
        pooled = self.pool(self.events(window), window, queries)
        users = self.fields(window.users)[:, None].expand(-1, queries, -1)
        requests = self.fields.request_fields(window.requests).flatten(2)
        vectors = self.user_tower(torch.cat([pooled, users, requests], dim=2))
        return F.normalize(vectors, dim=2) / self.config.temperature

    def vectors(self, items: Tensor) -> Tensor:
        """Make the vectors of some items, shape (n, dim)."""
        return F.normalize(self.item_tower(self.events.items(items)), dim=1)


@register_model(
    "dssm",
    stage="recall",
    title="Two towers",
    paper="Huang et al.: Learning deep structured semantic models for web search using "
    "clickthrough data. CIKM 2013; sampling bias: Yi et al., RecSys 2019; mixed negatives: Yang et "
    "al., WWW 2020",
)
class DSSM(SequentialModel[DSSMConfig]):
    """Score item i for a user with a history by cos(user tower, item tower) / temperature."""

    Config: ClassVar[type[Config]] = DSSMConfig

    @property
    def run(self) -> tuple[int, int]:
        """Short runs, each query of which sees the whole history field."""
        return RUN, self.inputs.length

    def build(self, inputs: Inputs) -> Network:
        """Build the towers."""
        return Towers(inputs, self.config)
