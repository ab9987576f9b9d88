"""Encoded rows as tensors, cut into batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from recsys_core.features.encoder import EncodedRows


@dataclass(frozen=True)
class Batch:
    """Some rows, as indices into the embedding table.

    Parameters
    ----------
    single
        Shape (rows, categorical fields), int32.
    weighted, weights
        Shape (rows, sum(widths)), int32 and float32: the slots of the other fields; index and
        weight are 0 where a slot is unused.
    widths
        Slots of each of the other fields.
    labels
        Shape (rows, tasks), float32; empty when predicting.
    """

    single: Tensor
    weighted: Tensor
    weights: Tensor
    widths: tuple[int, ...]
    labels: Tensor


class Rows:
    """Encoded rows on a device; tables are stored once a user or item and gathered by batch.

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

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, order: Tensor, batch_size: int) -> Iterator[Batch]:
        """Cut the rows, taken in `order`, into batches."""
        # one gather for all: batches are then slices of what lies side by side
        owners = [torch.split(owner[order], batch_size) for owner in self._owners]
        labels = torch.split(self.labels[order], batch_size)
        for part, *owner in zip(labels, *owners, strict=True):
            yield Batch(
                _gather(self._single, owner),
                _gather(self._weighted, owner),
                _gather(self._weights, owner),
                self.widths,
                part,
            )


def _gather(tables: list[Tensor], owners: list[Tensor]) -> Tensor:
    """Pick rows of each table and put them side by side."""
    pairs = zip(tables, owners, strict=True)
    return torch.cat([table.index_select(0, owner) for table, owner in pairs], dim=1)
