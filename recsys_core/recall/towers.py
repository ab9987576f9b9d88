"""Layers that the neural recall models share: attributes, histories, hidden layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.data.dataset import FloatArray
from recsys_core.recall.sequences import Window
from recsys_core.recall.side_tables import SideTable

#: standard deviation of initial embeddings
INIT = 0.1
#: a score that no softmax gives a share to, yet finite: a row of nothing else stays a number
NEVER = -1e9


@dataclass(frozen=True)
class Inputs:
    """What a tower is built from.

    Parameters
    ----------
    n_items
        Number of items.
    edges
        Lower edges of the levels of ratings.
    users, items
        Attributes.
    moments
        Edges of the moments that requests come at.
    """

    n_items: int
    edges: FloatArray
    users: SideTable
    items: SideTable
    moments: NDArray[np.int64]


class Attributes(nn.Module):
    """Sum of the embeddings of all attribute values; zero where nothing is known."""

    values: Tensor
    weights: Tensor

    def __init__(self, table: SideTable, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(table.n_rows, dim).mul_(INIT))
        self.register_buffer("values", torch.from_numpy(table.values).long(), persistent=False)
        self.register_buffer("weights", torch.from_numpy(table.weights), persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """Embed users or items by number, shape (n,): shape (n, dim)."""
        return self._sum(self.values[numbers], self.weights[numbers])

    def all(self) -> Tensor:
        """Embed all that there are, the unknown one last, shape (n + 1, dim)."""
        return self._sum(self.values, self.weights)

    def _sum(self, values: Tensor, weights: Tensor) -> Tensor:
        if values.shape[1] == 0:
            return self.embedding.new_zeros(len(values), self.embedding.shape[1])
        total: Tensor = F.embedding_bag(
            values, self.embedding, per_sample_weights=weights, mode="sum"
        )
        return total


class Events(nn.Module):
    """Embed events: item id + item attributes + rating."""

    def __init__(self, inputs: Inputs, dim: int) -> None:
        super().__init__()
        self.item = nn.Parameter(torch.randn(inputs.n_items, dim).mul_(INIT))
        self.attributes = Attributes(inputs.items, dim)
        self.rating = nn.Parameter(torch.randn(len(inputs.edges) + 2, dim).mul_(INIT))

    def items(self, items: Tensor) -> Tensor:
        """Embed some items by number, shape (n,): id + attributes, shape (n, dim)."""
        vectors: Tensor = F.embedding(items, self.item) + self.attributes(items)
        return vectors

    def forward(self, window: Window) -> Tensor:
        """Shape (b, width, dim); zero where there is no event."""
        known, items = window.items > 0, (window.items - 1).clamp(min=0)
        if not self.training and items.numel() < len(self.item):  # no need for every item
            vectors = self.items(items.flatten()).reshape(*items.shape, self.item.shape[1])
        else:
            vectors = F.embedding(items, self.item + self.attributes.all()[:-1])
        events: Tensor = vectors + F.embedding(window.ratings, self.rating)
        return events * known[..., None]


class HistoryPooling(nn.Module):
    """Pool the last `length` events before each query into `heads` vectors by attention.

    Head h gives the event at age a (0: the latest) and of vector e the weight

        softmax over events of <w_h, e> + b_ha

    and what else speaks for it.
    """

    def __init__(self, dim: int, heads: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.content = nn.Linear(dim, heads, bias=False)
        self.position = nn.Parameter(torch.zeros(length, heads))

    def forward(
        self, events: Tensor, known: Tensor, queries: int, more: Tensor | float = 0.0
    ) -> Tensor:
        """Pool for the queries after each of the last columns.

        Parameters
        ----------
        events
            Shape (b, width, dim).
        known
            Shape (b, width), bool: where there is an event.
        more
            Shape (b, queries, width, heads): added before the softmax.

        Returns
        -------
        Shape (b, queries, heads * dim); zero where no event is known.
        """
        b, width, dim = events.shape
        device = events.device
        age = torch.arange(width - queries, width, device=device)[:, None]
        age = age - torch.arange(width, device=device)  # (queries, width)
        reached = (age >= 0) & (age < self.length)
        bias = F.embedding(age.clamp(0, self.length - 1), self.position)
        seen = reached & known[:, None]  # (b, queries, width)
        scores = self.content(events)[:, None] + bias + more  # (b, queries, width, heads)
        scores = scores.masked_fill(~seen[..., None], NEVER)
        heads = scores.shape[3]
        weights = torch.softmax(scores, dim=2).permute(0, 1, 3, 2)
        pooled = weights.reshape(b, queries * heads, width) @ events
        return pooled.reshape(b, queries, heads * dim)


def hidden_layers(sizes: Sequence[int], dropout: float) -> nn.Sequential:
    """Stack linear layers of these sizes with ReLU and dropout between them, none at the end."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers[:-2])
