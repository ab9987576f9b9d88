"""YouTubeDNN: a network turns a history into the weights of a softmax over all items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from recsys_core.config import Config, Widths
from recsys_core.recall.neural.layers import (
    INIT,
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
from recsys_core.training.row_tables import RowTables, look_up

#: consecutive events whose queries share the gathering of the history before them
RUN = 16
#: the example age is counted in units of so many days
AGE_DAYS = 365.0


class YouTubeDNNConfig(SequentialConfig):
    """Fields of YouTubeDNN."""

    replaced: ClassVar[Mapping[str, str]] = {"pools": "heads"}

    heads: int = Field(
        2,
        ge=1,
        le=64,
        description="Number of attention heads that pool the history, each into one vector.",
    )
    hidden: Widths = Field((256,), description="Sizes of the hidden layers.")
    example_age: bool = Field(
        False,
        description="Give the network the age of each training example in days; when recommending, "
        "the age is 0.",
    )
    epochs: int = Field(
        10, ge=1, le=10_000, description="Maximum number of passes over the events."
    )
    learning_rate: float = Field(2e-3, gt=0, le=10, description="Adam's initial learning rate.")
    patience: int = Field(
        3,
        ge=0,
        le=1000,
        description="Stop after this many epochs without a better validation value; 0: never stop "
        "early.",
    )


class YouTubeNetwork(RowTables, Network):
    """u = MLP(pooled history, last event, user, request, example age), v_i = w_i + e_i.

    The paper's softmax weights w_i are free. Here the embedding e_i that stands for item i in a
    history is added, so that weights learn from histories and from attributes, too.
    """

    row_tables: tuple[str, ...] = ("output",)

    def __init__(self, inputs: Inputs, config: YouTubeDNNConfig) -> None:
        super().__init__()
        self.config = config
        self.events = EventEmbedding(inputs, config.dim)
        self.fields = QueryFields(inputs, config.dim)
        recency = "recency" in inputs.encoder.event_fields
        self.pool = HistoryPooling(config.dim, config.heads, inputs.length, recency=recency)
        vectors = config.heads + 2 + inputs.requests
        width = vectors * config.dim + 2 * config.example_age
        self.layers = hidden_layers([width, *config.hidden, config.dim], config.dropout)
        self.output = nn.Parameter(torch.randn(inputs.n_items, config.dim).mul_(INIT))

    def forward(self, window: Window, queries: int) -> Tensor:
        """Make the queries after each of the last columns, shape (b, queries, dim)."""
        events = self.events(window)
        parts = [
            self.pool(events, window, queries),
            events[:, -queries:],
            self.fields(window.users)[:, None].expand(-1, queries, -1),
            self.fields.request_fields(window.requests).flatten(2),
        ]
        if self.config.example_age:
            age = window.ages[..., None] / AGE_DAYS
            parts += [age, age.sqrt()]
        vectors: Tensor = self.layers(torch.cat(parts, dim=2))
        return vectors

    @property
    def of_items(self) -> list[nn.Parameter]:
        """Embeddings and softmax weights of items."""
        return [*super().of_items, self.output]

    def vectors(self, items: Tensor) -> Tensor:
        """Give the softmax weights of some items, shape (n, dim)."""
        return look_up(self.output, items) + self.events.items(items)


@register_model(
    "youtube-dnn",
    stage="recall",
    title="YouTubeDNN",
    paper="Covington, Adams, Sargin: Deep neural networks for YouTube recommendations. RecSys 2016",
)
class YouTubeDNN(SequentialModel[YouTubeDNNConfig]):
    """Predict the next event as one of n classes, P(i | history, user) ~ exp(<u, v_i>)."""

    Config: ClassVar[type[Config]] = YouTubeDNNConfig

    @property
    def run(self) -> tuple[int, int]:
        """Short runs, each query of which sees the whole history field."""
        return RUN, self.inputs.length

    def build(self, inputs: Inputs) -> Network:
        """Build the network."""
        return YouTubeNetwork(inputs, self.config)
