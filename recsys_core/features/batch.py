"""Encoded rows as tensors, cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from recsys_core.compute.transfer import to_device
from recsys_core.features.layout import EncodedRows, Sequence


@dataclass(frozen=True)
class Batch:
    """Some rows, as indices into the embedding table.

    Parameters
    ----------
    single
        Shape (rows, categorical fields), int32.
    weighted, weights
        Shape (rows, sum(widths)), int32 and float32: the slots of the other fields; index and
        weight are 0 where a slot is unused. Sequences come last, the newest event first.
    widths
        Slots of each of the other fields.
    labels
        Shape (rows, tasks), float32; empty when predicting.
    events
        Used slots of each sequence, for models that look at these alone; empty: nobody has counted.
    """

    single: Tensor
    weighted: Tensor
    weights: Tensor
    widths: tuple[int, ...]
    labels: Tensor
    events: tuple[int, ...] = ()


class Rows:
    """Encoded rows on a device; tables are stored once per user or item and gathered by batch.

    Parameters
    ----------
    labels
        Shape (n, tasks), float32.
    """

    def __init__(self, encoded: EncodedRows, labels: Tensor, device: torch.device) -> None:
        self.labels = labels.to(device)
        self.widths = encoded.widths
        self._owners = [torch.from_numpy(owner).to(device) for owner in encoded.owners]
        self._single = [torch.from_numpy(t.single).to(device) for t in encoded.tables]
        self._weighted = [torch.from_numpy(t.weighted).to(device) for t in encoded.tables]
        self._weights = [torch.from_numpy(t.weights).to(device) for t in encoded.tables]
        self._sequences = [_Events(sequence, device) for sequence in encoded.sequences]

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, order: Tensor, batch_size: int | list[int]) -> Iterator[Batch]:
        """Cut the rows, taken in `order` (on the host), into batches of one size or of each."""
        events = self._events(order, batch_size)
        order = to_device(order, self.labels.device)
        # one gather for all: batches are then slices of what lies side by side
        owners = [torch.split(owner[order], batch_size) for owner in self._owners]
        labels = torch.split(self.labels[order], batch_size)
        rows = torch.split(order, batch_size)
        for part, some, counts, *owner in zip(labels, rows, events, *owners, strict=True):
            last = [sequence.last(some) for sequence in self._sequences]
            weighted = _gather(self._weighted, owner)
            weights = _gather(self._weights, owner)
            yield Batch(
                _gather(self._single, owner),
                torch.cat([weighted, *(index for index, _ in last)], dim=1),
                torch.cat([weights, *(weight for _, weight in last)], dim=1),
                self.widths,
                part,
                counts,
            )

    def _events(self, order: Tensor, batch_size: int | list[int]) -> Iterator[tuple[int, ...]]:
        """Count the events of each batch where a GPU would make the host wait for their number."""
        parts = torch.split(order, batch_size)
        if self.labels.device.type == "cpu":
            return iter([()] * len(parts))
        counts = [sequence.counts for sequence in self._sequences]
        return (tuple(int(count[part].sum()) for count in counts) for part in parts)


class _Events:
    """A sequence on a device: events stored once, the last ones of a row gathered on demand."""

    def __init__(self, sequence: Sequence, device: torch.device) -> None:
        self._index = torch.from_numpy(sequence.index).to(device)
        self._weight = torch.from_numpy(sequence.weight).to(device)
        self._start = torch.from_numpy(sequence.start).to(device)
        self._end = torch.from_numpy(sequence.end).to(device)
        self._own = torch.from_numpy(sequence.own).to(device)
        self._back = torch.arange(1, sequence.length + 1, dtype=torch.int32, device=device)
        self._mean = sequence.mean
        self.counts = torch.from_numpy(sequence.counts)
        """Shape (n,), on the host: events of each row."""

    def last(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Gather index and weight of each row's last events, (rows, length); 0 where unused."""
        place = self._end[rows, None] - self._back
        place -= (place <= self._own[rows, None]).int()  # the row's own event is passed over
        used = place >= self._start[rows, None]
        place = torch.where(used, place, len(self._index) - 1)  # the last entry is padding
        index = self._index.index_select(0, place.flatten()).view(place.shape)
        weight = self._weight.index_select(0, place.flatten()).view(place.shape)
        if self._mean:
            weight = weight / used.sum(dim=1, keepdim=True).clamp(min=1)
        return index, weight


def _gather(tables: list[Tensor], owners: list[Tensor]) -> Tensor:
    """Pick rows of each table and put them side by side."""
    pairs = zip(tables, owners, strict=True)
    return torch.cat([table.index_select(0, owner) for table, owner in pairs], dim=1)
