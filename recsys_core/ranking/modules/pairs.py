"""Events paired with the rows whose history they are in: ragged batches without padding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class Pairs:
    """The events of a batch's rows without padding, row by row: which row each one belongs to.

    Parameters
    ----------
    used
        Shape (rows, slots), bool.
    count
        How many they are; None: unknown, so that a GPU is waited for.
    """

    def __init__(self, used: Tensor, count: int | None = None) -> None:
        self.used = used
        flat = used.flatten()
        places = flat.nonzero() if count is None else torch.nonzero_static(flat, size=count)
        self.places = places.squeeze(1)
        """Shape (pairs,): the slot of each."""
        self.row = self.places // used.shape[1]
        """Shape (pairs,): the row of each."""
        self.counts = used.sum(dim=1)
        self.starts = self.counts.cumsum(dim=0) - self.counts

    def pick(self, slots: Tensor) -> Tensor:
        """Drop the padding: (rows, slots) -> (pairs,)."""
        return slots.flatten().index_select(0, self.places)

    def spread(self, of_rows: Tensor) -> Tensor:
        """Repeat what a row has for each of its events, (rows, width) -> (pairs, width)."""
        spread: Tensor = _Spread.apply(of_rows, self)  # type: ignore[no-untyped-call]
        return spread

    def sum(self, of_pairs: Tensor, weights: Tensor) -> Tensor:
        """Add up what the events of a row have, weighted, (pairs, width) -> (rows, width)."""
        weights = weights.to(of_pairs.dtype)
        total: Tensor = _Sum.apply(of_pairs, weights, self)  # type: ignore[no-untyped-call]
        return total

    def scaled_softmax(self, values: Tensor) -> Tensor:
        """Softmax over the events of a row, times their number: (pairs,) -> (pairs,)."""
        padded = torch.full(self.used.shape, -torch.inf, device=values.device)
        share = torch.softmax(padded.masked_scatter(self.used, values), dim=1)
        return self.pick(share * self.counts.unsqueeze(1))


def _sum_by_row(of_pairs: Tensor, pairs: Pairs, weights: Tensor | None = None) -> Tensor:
    """Add up neighbours; bags of an embedding do it five times as fast as `index_add`."""
    everyone = torch.arange(len(of_pairs), device=of_pairs.device)
    return F.embedding_bag(
        everyone, of_pairs.detach(), pairs.starts, mode="sum", per_sample_weights=weights
    )


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, of_pairs: Tensor, weights: Tensor, pairs: Pairs) -> Tensor:
        ctx.save_for_backward(of_pairs, weights)
        ctx.pairs = pairs
        return _sum_by_row(of_pairs, pairs, weights.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None]:
        of_pairs, weights = ctx.saved_tensors
        spread = gradients[0].index_select(0, ctx.pairs.row)
        of_weights = torch.linalg.vecdot(spread, of_pairs)
        return spread.mul_(weights.unsqueeze(1)), of_weights, None


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, of_rows: Tensor, pairs: Pairs) -> Tensor:
        ctx.pairs = pairs
        return of_rows.index_select(0, pairs.row)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        return _sum_by_row(gradients[0], ctx.pairs), None
