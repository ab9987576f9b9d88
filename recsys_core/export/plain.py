"""Trained networks in plain operations, for graphs: gathers and sums, no gradient, no ragged rows.

The networks themselves are made for training: sparse gradients by hand, bags of embeddings, pairs
of events without padding. Here the layers that need such things are exchanged for others with the
same weights and the same result.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.features.batch import Batch
from recsys_core.ranking.base import RankingModel
from recsys_core.ranking.din import DIN, ActivationUnit
from recsys_core.ranking.modules.embedding import NOTHING, FieldEmbedding, FieldWeights
from recsys_core.recall.neural.layers import EventEmbedding, QueryFields
from recsys_core.recall.neural.objective import Network
from recsys_core.recall.neural.sequences import RequestFields, Window

#: stands for the attention of a slot without an event
_MASKED = -1e9


class PlainWeights(nn.Module):
    """`FieldWeights` by gathers."""

    def __init__(self, source: FieldWeights) -> None:
        super().__init__()
        self.table = nn.Parameter(source.table.detach().T.contiguous())

    def forward(self, batch: Batch) -> Tensor:
        """Weigh a batch, shape (rows, tasks)."""
        single = F.embedding(batch.single, self.table).sum(dim=1)
        if not batch.widths:
            return single
        weighted = F.embedding(batch.weighted, self.table) * batch.weights[:, :, None]
        return single + weighted.sum(dim=1)


class PlainEmbedding(nn.Module):
    """`FieldEmbedding` by gathers, and a product that adds up the slots of all fields at once."""

    mask: Tensor | None
    pooling: Tensor

    def __init__(self, source: FieldEmbedding) -> None:
        super().__init__()
        self.table = nn.Parameter(source.table.detach().clone())
        self.register_buffer("mask", source.mask)

    def pool(self, widths: tuple[int, ...]) -> None:
        """Take the slots of each field that is not categorical."""
        self.register_buffer("pooling", _sums(widths))

    def forward(self, batch: Batch, pooled: Mapping[int, Tensor] = NOTHING) -> Tensor:
        """Embed a batch, shape (rows, fields, dim)."""
        fields = F.embedding(batch.single, self.table)
        if batch.widths:
            slots = F.embedding(batch.weighted, self.table) * batch.weights[:, :, None]
            fields = torch.cat([fields, self.pooling @ slots], dim=1)
        if pooled:
            parts = list(fields.unbind(dim=1))
            for number, own in pooled.items():
                parts[number] = own
            fields = torch.stack(parts, dim=1)
        return fields if self.mask is None else fields * self.mask

    def vectors(self, indices: Tensor) -> Tensor:
        """Look up table rows, any shape."""
        return F.embedding(indices, self.table)


class PaddedDIN(DIN):
    """`DIN` whose activation units see padding, the attention of which is then 0."""

    def _interests(self, batch: Batch) -> dict[int, Tensor]:
        slots = torch.split(batch.weighted, list(batch.widths), dim=1)
        weights = torch.split(batch.weights, list(batch.widths), dim=1)
        interests = {}
        for unit, (history, target) in zip(self.units, self.histories, strict=True):
            place = history.field - batch.single.shape[1]
            used = slots[place] != 0
            events = self.embedding.vectors(slots[place])  # (rows, slots, dim)
            targets = self.embedding.vectors(batch.single[:, target])  # (rows, dim)
            assert isinstance(unit, ActivationUnit)
            activation = _activation(unit, events, targets)
            if self.softmax:
                share = torch.softmax(activation.masked_fill(~used, _MASKED), dim=1)
                activation = share * used.sum(dim=1, keepdim=True)
            attention = weights[place] * activation * used
            interests[history.field] = (attention[:, :, None] * events).sum(dim=1)
        return interests


def _activation(unit: ActivationUnit, events: Tensor, targets: Tensor) -> Tensor:
    """a(e_j, e_t) of every slot, shape (rows, slots)."""
    rows, slots, dim = events.shape
    target = targets[:, None].expand(rows, slots, dim)
    inputs = torch.cat([events, target, events - target, events * target], dim=2)
    hidden = unit.first(inputs.reshape(-1, 4 * dim))
    activation: Tensor = unit.output(unit.rest(hidden))
    return activation.view(rows, slots)


class RankerGraph(nn.Module):
    """A ranking model as a function of tensors.

    Parameters
    ----------
    widths
        Slots of each field that is not categorical.
    """

    def __init__(self, module: RankingModel, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.module = _exchanged(module)
        if isinstance(self.module, DIN):
            self.module.__class__ = PaddedDIN
        self.widths = widths
        for each in self.module.modules():
            if isinstance(each, PlainEmbedding):
                each.pool(widths)

    def forward(self, single: Tensor, weighted: Tensor, weights: Tensor) -> Tensor:
        """Compute outputs, shape (rows, tasks)."""
        batch = Batch(single, weighted, weights, self.widths, weights[:, :0])
        outputs: Tensor = self.module(batch)
        return outputs


class PlainEvents(nn.Module):
    """`EventEmbedding` with all items embedded beforehand."""

    def __init__(self, source: EventEmbedding) -> None:
        super().__init__()
        with torch.no_grad():
            self.table = nn.Parameter(source.all())
        self.rating, self.pauses = source.rating, source.pauses

    def forward(self, window: Window) -> Tensor:
        """Shape (b, width, dim); zero where there is no event."""
        events = F.embedding((window.items - 1).clamp(min=0), self.table)
        if self.rating is not None:
            events = events + F.embedding(window.ratings, self.rating)
        if self.pauses is not None:
            events = events + self.pauses.of(window)
        return events * (window.items > 0)[..., None]


class PlainFields(nn.Module):
    """`QueryFields` of users that come as slots, not by number."""

    pooling: Tensor

    def __init__(self, source: QueryFields) -> None:
        super().__init__()
        self.embedding = nn.Parameter(source.embedding.detach().clone())

    def pool(self, widths: tuple[int, ...]) -> None:
        """Take the slots of each field of requests."""
        self.register_buffer("pooling", _sums(widths))

    def forward(self, slots: tuple[Tensor, Tensor]) -> Tensor:
        """Sum the fields of users, shapes (b, slots): shape (b, dim)."""
        index, weights = slots
        if index.shape[1] == 0:
            return self.embedding.new_zeros(1, self.embedding.shape[1])
        return (F.embedding(index, self.embedding) * weights[:, :, None]).sum(dim=1)

    def request_fields(self, fields: RequestFields) -> Tensor:
        """Embed each field of requests, shape (b, 1, fields, dim)."""
        b, dim = fields.index.shape[0], self.embedding.shape[1]
        if not fields.widths:
            return self.embedding.new_zeros(b, 1, 0, dim)
        embedded = F.embedding(fields.index, self.embedding) * fields.weights[..., None]
        return self.pooling @ embedded


class QueryGraph(nn.Module):
    """The query tower of a recall model as a function of tensors.

    Parameters
    ----------
    requests
        Slots of each field of the request.
    """

    def __init__(self, module: Network, requests: tuple[int, ...]) -> None:
        super().__init__()
        self.module = _exchanged(module)
        self.requests = requests
        for each in self.module.modules():
            if isinstance(each, PlainFields):
                each.pool(requests)

    def forward(
        self,
        items: Tensor,
        ratings: Tensor,
        times: Tensor,
        intervals: Tensor,
        asked: Tensor,
        user_index: Tensor,
        user_weights: Tensor,
        request_index: Tensor,
        request_weights: Tensor,
    ) -> Tensor:
        """Make queries, shape (b, dim)."""
        fields = RequestFields(request_index[:, None], request_weights[:, None], self.requests)
        ages = user_weights.new_zeros(items.shape[0], 1)
        users: Any = (user_index, user_weights)
        window = Window(items, ratings, users, ages, times, intervals, asked, fields)
        query: Tensor = self.module(window, 1)[:, 0]
        return query


def _sums(widths: tuple[int, ...]) -> Tensor:
    """Shape (fields, slots): 1 where a slot is of a field."""
    slots = np.array(widths, dtype=np.int64)
    return torch.from_numpy(np.repeat(np.eye(len(widths), dtype=np.float32), slots, axis=1))


_PLAIN: dict[type[nn.Module], Any] = {
    FieldWeights: PlainWeights,
    FieldEmbedding: PlainEmbedding,
    EventEmbedding: PlainEvents,
    QueryFields: PlainFields,
}


def _exchanged(module: nn.Module) -> nn.Module:
    """Copy a trained module, on the CPU and for use, with plain layers in it."""
    copied = deepcopy(module).cpu().eval()
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if type(child) in _PLAIN:
                setattr(parent, name, _PLAIN[type(child)](child))
    return copied
