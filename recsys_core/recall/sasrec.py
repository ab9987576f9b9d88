"""SASRec: self-attention over the history, each position predicts the event after it."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.config import Config
from recsys_core.errors import InputError
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.tower_schema import event_sequence
from recsys_core.recall.neural.layers import INIT, EventEmbedding, Inputs, QueryFields
from recsys_core.recall.neural.objective import Network, SequentialConfig
from recsys_core.recall.neural.sequences import Window
from recsys_core.recall.neural.sequential import SequentialModel
from recsys_core.registry import register_model


class SASRecConfig(SequentialConfig):
    """Fields of SASRec."""

    blocks: int = Field(2, ge=1, le=64, description="Number of self-attention blocks.")
    heads: int = Field(2, ge=1, le=64, description="Attention heads per block; must divide dim.")
    gated: bool = Field(
        False,
        description="Multiply what attention and feed-forward layers add by a gate, sigmoid(W x): "
        "deep stacks of blocks need it.",
    )
    feed_forward: Literal["gelu", "swiglu"] = Field(
        "gelu",
        description="The feed-forward layers: gelu, or swiglu, whose inner half is gated by SiLU.",
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


class SwiGLU(nn.Module):
    """W3 (SiLU(W1 x) * W2 x), with as many inner units as the layers it stands for."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.inner, self.output = nn.Linear(dim, 4 * dim), nn.Linear(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Transform x, shape (…, dim)."""
        gate, value = self.inner(x).chunk(2, dim=-1)
        found: Tensor = self.output(F.silu(gate) * value)
        return found


class Block(nn.Module):
    """x + attention(norm x), then x + MLP(norm x); a position sees itself and those before.

    With gates x + sigmoid(W x) * attention(norm x), and so on.
    """

    def __init__(self, config: SASRecConfig) -> None:
        super().__init__()
        dim = config.dim
        self.heads, self.dropout = config.heads, nn.Dropout(config.dropout)
        self.before_attention, self.before_layers = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.projection, self.output = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.layers: nn.Module
        if config.feed_forward == "swiglu":
            self.layers = SwiGLU(dim)
        else:
            self.layers = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.gates: nn.ModuleList | None = None
        if config.gated:
            self.gates = nn.ModuleList(nn.Linear(dim, dim) for _ in range(2))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Transform x, shape (b, width, dim); `seen`, (b, 1, width, width), says who sees whom."""
        b, width, dim = x.shape
        shape = (b, width, 3, self.heads, dim // self.heads)
        joint = self.projection(self.before_attention(x)).view(shape)
        query, key, value = joint.permute(2, 0, 3, 1, 4).unbind(0)  # (b, heads, width, dim / heads)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        attended = self.output(mixed.transpose(1, 2).reshape(b, width, dim))
        x = x + self.dropout(self._gated(0, x, attended))
        after: Tensor = x + self.dropout(self._gated(1, x, self.layers(self.before_layers(x))))
        return after

    def _gated(self, number: int, x: Tensor, added: Tensor) -> Tensor:
        return added if self.gates is None else torch.sigmoid(self.gates[number](x)) * added


class Transformer(Network):
    """Blocks of self-attention over events with learned positions."""

    def __init__(self, inputs: Inputs, config: SASRecConfig) -> None:
        super().__init__()
        self.events = EventEmbedding(inputs, config.dim)
        self.fields = QueryFields(inputs, config.dim)
        self.position = nn.Parameter(torch.randn(inputs.length, config.dim).mul_(INIT))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, window: Window, queries: int) -> Tensor:
        """Make the queries after each of the last columns, shape (b, queries, dim)."""
        known = window.items > 0
        width = known.shape[1]
        x = self.events(window) + self.position[-width:] + self.fields(window.users)[:, None]
        x = self.dropout(x)
        order = torch.ones(width, width, dtype=torch.bool, device=known.device).tril()
        # a position sees itself, so that where nothing is known attention stays a number
        itself = torch.eye(width, dtype=torch.bool, device=known.device)
        seen = (order & known[:, None] | itself)[:, None]
        for block in self.blocks:
            x = block(x, seen)
        requests = self.fields.request_fields(window.requests).sum(dim=2)
        vectors: Tensor = self.norm(x[:, -queries:] + requests)
        return vectors

    def vectors(self, items: Tensor) -> Tensor:
        """Give the embeddings of some items, with which events are read too, shape (n, dim)."""
        return self.events.ids(items)


@register_model(
    "sasrec",
    stage="recall",
    title="Self-attention over the history",
    paper="Kang, McAuley: Self-attentive sequential recommendation. ICDM 2018; softmax over the "
    "catalogue: Klenitskiy, Vasilev: Turning dross into gold loss: is BERT4Rec really better than "
    "SASRec? RecSys 2023; gated blocks: Borisyuk et al.: From features to transformers: redefining "
    "ranking for scalable impact. arXiv 2502.03417; SwiGLU: Shazeer: GLU variants improve "
    "transformer. arXiv 2002.05202",
)
class SASRec(SequentialModel[SASRecConfig]):
    """Predict the event after each position of a sequence, P(i | events so far) ~ exp(<h, v_i>)."""

    Config: ClassVar[type[Config]] = SASRecConfig

    @classmethod
    def check_schema(cls, schema: FeatureSchema) -> None:
        """Refuse what attention among events has no place for."""
        sequence = event_sequence(schema.features)
        if sequence is not None and "recency" in sequence.event_fields:
            raise InputError(
                f"feature '{sequence.name}': sasrec does not use the recency of events",
                "remove recency from event_fields; interval is supported",
            )

    @property
    def run(self) -> tuple[int, int]:
        """Sequences that predict every event from those before it in the sequence."""
        return self.inputs.length, 1

    def build(self, inputs: Inputs) -> Network:
        """Build the network."""
        return Transformer(inputs, self.config)
