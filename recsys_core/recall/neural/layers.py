"""Layers that the neural recall models share: fields, histories, hidden layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.compute.transfer import to_device
from recsys_core.data.dataset import BoolArray, FloatArray, IntArray
from recsys_core.features.layout import EmbeddingLayout, Table, VectorField
from recsys_core.features.tower_encoder import TowerEncoder
from recsys_core.recall.neural.event_times import Intervals, Recency
from recsys_core.recall.neural.sequences import RequestFields, Window
from recsys_core.sampling.softmax import MASKED
from recsys_core.training.layers import linear_layers
from recsys_core.training.row_tables import LEAST_ROWS, RowTables, look_up, pool

#: numbers of the embeddings of all users or items that are kept for requests at most (16 MiB)
MOST_KEPT = 2**22
#: standard deviation of initial embeddings
INIT = 0.1


@dataclass(frozen=True)
class Inputs:
    """What a network is built from.

    Parameters
    ----------
    n_items
        Number of items.
    edges
        Lower edges of the levels of ratings.
    encoder
        The fitted features.
    users
        Fields of every user and of one who is unknown.
    items
        Fields of every item.
    requests
        Number of fields of a request.
    length
        Last events that a query sees.
    """

    n_items: int
    edges: FloatArray
    encoder: TowerEncoder
    users: Table
    items: Table
    requests: int
    length: int


class Attributes(RowTables):
    """Sum of the embeddings of all fields of users or items.

    Parameters
    ----------
    table
        The fields of all of them.
    layout
        Of the embedding table.
    """

    row_tables: tuple[str, ...] = ("embedding",)

    index: Tensor
    weights: Tensor
    vectors: Tensor

    def __init__(self, table: Table, layout: EmbeddingLayout, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(layout.n_rows, dim).mul_(INIT))
        with torch.no_grad():
            self.embedding[[0, *layout.unknown]] = 0
        index, weights = table.index, table.all_weights
        parts = []
        for each in layout.vectors:
            part, left = _vectors(index, weights, each)
            index, weights = index[:, left], weights[:, left]
            parts.append(part)
        vectors = np.concatenate([weights[:, :0], *parts], axis=1)
        self._rows = [(each.offset, each.offset + 1 + each.numbers) for each in layout.vectors]
        self.register_buffer("index", torch.from_numpy(index).long(), persistent=False)
        self.register_buffer("weights", torch.from_numpy(weights), persistent=False)
        self.register_buffer("vectors", torch.from_numpy(vectors), persistent=False)
        self.kept: Tensor | None = None

    def large_tables(self) -> list[str]:
        """Name the table, unless vectors are multiplied with parts of it."""
        return [] if self._rows else super().large_tables()

    def keep(self) -> None:
        """Embed all that there are once, unless they are many: the weights will not change."""
        if len(self.index) * self.embedding.shape[1] <= MOST_KEPT:
            with torch.no_grad():
                self.kept = self.all()

    def forward(self, numbers: Tensor) -> Tensor:
        """Embed users or items by number, shape (n,): shape (n, dim)."""
        if self.kept is not None:
            return F.embedding(numbers, self.kept)
        return self._sum(self.index[numbers], self.weights[numbers], self.vectors[numbers])

    def all(self) -> Tensor:
        """Embed all that there are, shape (rows of the table, dim)."""
        return self._sum(self.index, self.weights, self.vectors)

    def _sum(self, index: Tensor, weights: Tensor, vectors: Tensor) -> Tensor:
        total: Tensor
        if index.shape[1]:
            total = pool(self.embedding, index, weights)
        else:
            total = self.embedding.new_zeros(len(index), self.embedding.shape[1])
        if self._rows:
            total = total + vectors @ torch.cat([self.embedding[a:b] for a, b in self._rows])
        return total


def _vectors(
    index: IntArray, weights: FloatArray, field: VectorField
) -> tuple[FloatArray, BoolArray]:
    """Lay out a field of vectors to be multiplied by: a matrix, and the slots that are not its.

    The first column is 1 for those without a vector.
    """
    inside = (index >= field.offset) & (index <= field.offset + field.numbers)
    rows, _ = np.nonzero(inside)
    matrix: FloatArray = np.zeros((len(index), 1 + field.numbers), np.float32)
    matrix[rows, index[inside] - field.offset] = weights[inside]
    others: BoolArray = np.logical_not(inside.any(axis=0))
    return matrix, others


class QueryFields(Attributes):
    """Embeddings of what is known of who asks, and when: attributes and fields of the request.

    Those of the request start from zero: training starts from a net that does not read them.
    """

    def __init__(self, inputs: Inputs, dim: int) -> None:
        super().__init__(inputs.users, inputs.encoder.query.layout, dim)
        with torch.no_grad():
            self.embedding[inputs.encoder.request_rows] = 0

    def request_fields(self, fields: RequestFields) -> Tensor:
        """Embed each field of requests, shape (b, queries, fields, dim)."""
        b, queries, slots = fields.index.shape
        dim = self.embedding.shape[1]
        if slots == 0:
            return self.embedding.new_zeros(b, queries, 0, dim)
        if slots == len(fields.widths) and not self.training:  # nothing to pool
            return F.embedding(fields.index, self.embedding) * fields.weights[..., None]
        firsts = torch.tensor([0, *itertools.accumulate(fields.widths[:-1])])
        starts = (torch.arange(b * queries)[:, None] * slots + firsts).flatten()
        pooled = pool(
            self.embedding,
            fields.index.flatten(),
            fields.weights.flatten(),
            to_device(starts, fields.index.device),
        )
        return pooled.view(b, queries, len(fields.widths), dim)


class EventEmbedding(RowTables):
    """Embed events: item id + item attributes + what else of an event is read."""

    row_tables: tuple[str, ...] = ("item",)

    def __init__(self, inputs: Inputs, dim: int) -> None:
        super().__init__()
        encoder, fields = inputs.encoder, inputs.encoder.event_fields
        self.item = self.rating = self.pauses = None
        if encoder.item_ids:
            self.item = nn.Parameter(torch.randn(inputs.n_items, dim).mul_(INIT))
        self.attributes = Attributes(inputs.items, encoder.item.layout, dim)
        self.kept: Tensor | None = None
        if "rating" in fields:
            self.rating = nn.Parameter(torch.randn(len(inputs.edges) + 2, dim).mul_(INIT))
        if "interval" in fields:
            self.pauses = Intervals(dim)  # the name is that of its weights in saved models

    def keep(self) -> None:
        """Embed all items once, unless they are many: the weights will not change."""
        if len(self.attributes.index) * self.attributes.embedding.shape[1] <= MOST_KEPT:
            with torch.no_grad():
                self.kept = self.all()

    def items(self, items: Tensor) -> Tensor:
        """Embed some items by number, shape (n,): id + attributes, shape (n, dim)."""
        if self.kept is not None:
            return F.embedding(items, self.kept)
        vectors: Tensor = self.attributes(items)
        return vectors if self.item is None else look_up(self.item, items) + vectors

    def ids(self, items: Tensor) -> Tensor:
        """Embed some items by id alone, as `items` does where the schema has no ids."""
        return self.items(items) if self.item is None else look_up(self.item, items)

    def all(self) -> Tensor:
        """Embed all items, shape (n_items, dim)."""
        vectors = self.attributes.all()
        return vectors if self.item is None else self.item + vectors

    def forward(self, window: Window) -> Tensor:
        """Shape (b, width, dim); zero where there is no event."""
        known, items = window.items > 0, (window.items - 1).clamp(min=0)
        if not self.training and items.numel() < len(self.attributes.index):  # not every item
            vectors = self.items(items.flatten())
            events = vectors.view(*items.shape, vectors.shape[1])
        elif self.by_row and len(self.attributes.index) >= LEAST_ROWS:
            distinct, place = torch.unique(items, return_inverse=True)
            events = F.embedding(place, self.items(distinct))
        else:
            events = F.embedding(items, self.all())
        if self.rating is not None:
            events = events + F.embedding(window.ratings, self.rating)
        if self.pauses is not None:
            events = events + self.pauses.of(window)
        embedded: Tensor = events * known[..., None]
        return embedded


class HistoryPooling(nn.Module):
    """Pool the last `length` events before each query into `heads` vectors by attention.

    Head h gives the event at age a (0: the latest) and of vector e the weight

        softmax over events of <w_h, e> + b_ha

    With `recency` what is learned of how long ago the event was is added.
    """

    def __init__(self, dim: int, heads: int, length: int, *, recency: bool = False) -> None:
        super().__init__()
        self.length = length
        self.recency = Recency(heads) if recency else None
        self.content = nn.Linear(dim, heads, bias=False)
        self.position = nn.Parameter(torch.zeros(length, heads))

    def forward(self, events: Tensor, window: Window, queries: int) -> Tensor:
        """Pool for the queries after each of the last columns.

        Parameters
        ----------
        events
            Shape (b, width, dim): those of the window, embedded.

        Returns
        -------
        Shape (b, queries, heads * dim); zero where no event is known.
        """
        b, width, dim = events.shape
        device = events.device
        seen = (window.items > 0)[:, None]  # (b, queries, width)
        if queries == 1 and width <= self.length:  # a request: every event is reached
            bias = self.position[:width].flip(0)
        else:
            age = torch.arange(width - queries, width, device=device)[:, None]
            age = age - torch.arange(width, device=device)  # (queries, width)
            seen = seen & (age >= 0) & (age < self.length)
            bias = F.embedding(age.clamp(0, self.length - 1), self.position)
        scores = self.content(events)[:, None] + bias  # (b, queries, width, heads)
        if self.recency is not None:
            scores = scores + self.recency.of(window, queries)
        scores = scores.masked_fill(~seen[..., None], MASKED)
        heads = scores.shape[3]
        weights = torch.softmax(scores, dim=2).permute(0, 1, 3, 2)
        pooled = weights.reshape(b, queries * heads, width) @ events
        return pooled.reshape(b, queries, heads * dim)


def hidden_layers(sizes: Sequence[int], dropout: float) -> nn.Sequential:
    """Stack linear layers of these sizes with ReLU and dropout between them, none at the end."""
    layers = linear_layers(sizes, lambda _: (nn.ReLU(), nn.Dropout(dropout)))
    return nn.Sequential(*layers[:-2])
