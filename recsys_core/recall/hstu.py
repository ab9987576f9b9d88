"""HSTU: attention without a softmax over the history, weighed by place and by time."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.config import Config
from recsys_core.errors import InputError
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.tower_schema import event_sequence
from recsys_core.recall.neural.layers import EventEmbedding, Inputs, QueryFields
from recsys_core.recall.neural.objective import Network, SequentialConfig
from recsys_core.recall.neural.sequences import Window
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.registry import register_model

#: a time span of s seconds is known by floor(ln s / WIDTH) …
WIDTH = 0.301
#: … of which so many are told apart
SPANS = 128


class HSTUConfig(SequentialConfig):
    """Fields of HSTU."""

    blocks: int = Field(2, ge=1, le=64, description="Number of blocks.")
    heads: int = Field(1, ge=1, le=64, description="Attention heads per block; must divide dim.")
    time_bias: bool = Field(
        True,
        description="Weigh an event also by the time from it to the request; false: by its place "
        "alone.",
    )
    temperature: float = Field(
        0.05, gt=0, le=10, description="Logits are cosines divided by this temperature."
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="Dropout rate.")
    max_len: int = Field(
        100, ge=2, le=10_000, description="Maximum sequence length, in training and in use."
    )
    epochs: int = Field(
        20, ge=1, le=10_000, description="Maximum number of passes over the events."
    )
    batch_size: int = Field(32, ge=1, le=1_000_000, description="Sequences per gradient step.")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's initial learning rate.")

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Self:
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} is not a multiple of heads {self.heads}")
        return self


class Spans(nn.Module):
    """Number time spans: floor(ln s / .301), 0 for less than a second."""

    limits: Tensor

    def __init__(self) -> None:
        super().__init__()
        least = [math.ceil(math.exp(WIDTH * number)) for number in range(1, SPANS)]
        self.register_buffer("limits", torch.tensor(least), persistent=False)

    def forward(self, seconds: Tensor) -> Tensor:
        """Give the numbers of spans of any shape."""
        return torch.bucketize(seconds, self.limits, right=True)


class Block(nn.Module):
    """y = x + W (U * norm(A V)): pointwise attention, gated.

    U, V, Q, K = SiLU(W' norm x), and with n events seen from i, and s the number of the time span
    from event j to the request after event i,

        A_ij = SiLU(<q_i, k_j> + position[i - j] + time[s]) / n
    """

    def __init__(self, config: HSTUConfig, length: int) -> None:
        super().__init__()
        dim = config.dim
        self.heads, self.dropout = config.heads, nn.Dropout(config.dropout)
        self.norm, self.mixed = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.projection, self.output = nn.Linear(dim, 4 * dim), nn.Linear(dim, dim)
        self.position = nn.Parameter(torch.zeros(length))
        self.time = nn.Parameter(torch.zeros(SPANS)) if config.time_bias else None

    def forward(self, x: Tensor, seen: Tensor, spans: Tensor) -> Tensor:
        """Transform x, shape (b, width, dim).

        Parameters
        ----------
        seen, spans
            Shape (b, width, width): whether i sees j, and the number of the time between them.
        """
        b, width, dim = x.shape
        joint = F.silu(self.projection(self.norm(x))).view(
            b, width, 4, self.heads, dim // self.heads
        )
        gate, value, query, key = joint.permute(2, 0, 3, 1, 4).unbind(0)  # (b, heads, width, …)
        place = torch.arange(width, device=x.device)
        bias = F.embedding((place[:, None] - place).clamp(min=0), self.position[:, None])[..., 0]
        if self.time is not None:
            bias = bias + F.embedding(spans, self.time[:, None])[..., 0]
        scores = query @ key.transpose(2, 3) + (bias if bias.dim() == 2 else bias[:, None])
        share = seen / seen.sum(dim=2, keepdim=True).clamp(min=1)
        mixed = (F.silu(scores) * share[:, None]) @ value
        mixed, gate = (part.transpose(1, 2).reshape(b, width, dim) for part in (mixed, gate))
        after: Tensor = x + self.output(self.dropout(gate * self.mixed(mixed)))
        return after


class HSTUNetwork(Network):
    """Blocks over events; queries and items of length 1, so that logits are cosines."""

    def __init__(self, inputs: Inputs, config: HSTUConfig) -> None:
        super().__init__()
        self.temperature = config.temperature
        self.events = EventEmbedding(inputs, config.dim)
        self.fields = QueryFields(inputs, config.dim)
        self.spans = Spans()
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config, inputs.length) for _ in range(config.blocks))

    def forward(self, window: Window, queries: int) -> Tensor:
        """Make the queries after each of the last columns, shape (b, queries, dim)."""
        known = window.items > 0
        width = known.shape[1]
        x = self.dropout(self.events(window) + self.fields(window.users)[:, None])
        order = torch.ones(width, width, dtype=torch.bool, device=known.device).tril()
        spans = self.spans(window.asked[:, :, None] - window.times[:, None])
        for block in self.blocks:
            x = block(x, order & known[:, None], spans)
        requests = self.fields.request_fields(window.requests).sum(dim=2)
        return F.normalize(x[:, -queries:] + requests, dim=2) / self.temperature

    def vectors(self, items: Tensor) -> Tensor:
        """Give the embeddings of some items, with which events are read too, shape (n, dim)."""
        return F.normalize(self.events.ids(items), dim=1)


@register_model(
    "hstu",
    stage="recall",
    title="HSTU, gated attention by place and time",
    paper="Zhai et al.: Actions speak louder than words: trillion-parameter sequential transducers "
    "for generative recommendations. ICML 2024",
)
class HSTU(SequentialModel[HSTUConfig]):
    """Predict the event after each position, P(i | events so far) ~ exp(cos(h, v_i) / T)."""

    Config: ClassVar[type[Config]] = HSTUConfig

    @classmethod
    def check_schema(cls, schema: FeatureSchema) -> None:
        """Refuse what its attention has already."""
        sequence = event_sequence(schema.features)
        if sequence is not None and "recency" in sequence.event_fields:
            raise InputError(
                f"feature '{sequence.name}': hstu reads the recency of events by itself",
                "remove recency from event_fields (time_bias decides); interval is supported",
            )

    @property
    def run(self) -> tuple[int, int]:
        """Sequences that predict every event from those before it in the sequence."""
        return self.inputs.length, 1

    def build(self, inputs: Inputs) -> Network:
        """Build the network."""
        return HSTUNetwork(inputs, self.config)
