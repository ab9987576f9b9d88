"""Softmax over the whole catalogue, fast: logits and gradients in one pass, a block at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from recsys_core.compute.transfer import to_device
from recsys_core.sampling.softmax import Excluded, at_least_float32

#: queries whose logits are computed at a time; a few MiB stay in the processor's cache
BLOCK = 128
#: matrix products are up to three times as fast when sizes are multiples of this
ALIGNMENT = 64


@dataclass(frozen=True)
class Targets:
    """What queries like, and what else of the catalogue is no negative of theirs; on the host.

    Parameters
    ----------
    row, liked
        Shape (rows,), int64 each: which query, and the number of the item it likes.
    excluded
        Numbers of what is left out of the sums, len(items) for what is not in them anyhow. What a
        query likes is never left out of its own.
    """

    row: Tensor
    liked: Tensor
    excluded: Excluded | None = None

    def exclude(self, logits: Tensor, start: int) -> None:
        """Set logits of some queries, the first of them number `start`, to minus infinity."""
        if self.excluded is None:
            return
        stop, width = start + len(logits), logits.shape[1]
        out = self.excluded.part(start, stop)
        own = (self.row >= start) & (self.row < stop)
        liked = (self.row[own] - start) * width + self.liked[own]
        liked = to_device(liked, logits.device)
        hidden = to_device(out.query * width + out.items, logits.device)
        flat = logits.view(-1)
        kept = flat[liked]
        flat.index_fill_(0, hidden, -torch.inf)
        flat[liked] = kept


class _LogSum(torch.autograd.Function):
    """Sum over queries q of mass_q log(sum over items i of exp(<q, i>)), with its gradients."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, items: Tensor, mass: Tensor, targets: Targets) -> Tensor:
        n = len(items)
        padded = F.pad(items, (0, 0, 0, ALIGNMENT - n % ALIGNMENT))
        for_queries, for_items = torch.empty_like(queries), torch.zeros_like(padded)
        room = queries.new_empty(BLOCK, len(padded))
        total = torch.zeros((), dtype=torch.float64, device=queries.device)
        for start in range(0, len(queries), BLOCK):
            some, weight = queries[start : start + BLOCK], mass[start : start + BLOCK, None]
            logits = torch.mm(some, padded.T, out=room[: len(some)])
            targets.exclude(logits, start)
            logits[:, n:] = -torch.inf
            largest = logits.amax(dim=1, keepdim=True)
            shares = logits.sub_(largest).exp_()
            scale = shares.sum(dim=1, keepdim=True)
            total += (weight * (largest + scale.log())).sum()
            # the softmax is shares / scale: dividing short vectors spares a pass over the logits
            weight = weight / scale
            # `out`, for sums over a catalogue need all digits, whatever else is computed with fewer
            torch.mm(shares, padded, out=for_queries[start : start + BLOCK]).mul_(weight)
            for_items.addmm_(shares.T, some * weight)
        ctx.save_for_backward(for_queries, for_items[:n])
        return total.to(queries.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        for_queries, for_items = ctx.saved_tensors
        return for_queries * gradient, for_items * gradient, None, None


def full_softmax(queries: Tensor, items: Tensor, targets: Targets, weight: Tensor) -> Tensor:
    """Compute the weighted mean of -log(exp(<q, i>) / sum over items j of exp(<q, j>)).

    The sum is over all items that are not left out.

    Parameters
    ----------
    queries, items
        Shapes (q, dim) and (n, dim).
    targets
        Which query likes which of the items.
    weight
        Shape (rows,), on the host: what each of them counts.

    Returns
    -------
    Scalar.
    """
    here, queries, items = queries.device, at_least_float32(queries), at_least_float32(items)
    weight = to_device(weight / weight.sum(), here)
    row, liked = to_device(targets.row, here), to_device(targets.liked, here)
    mass = torch.zeros(len(queries), device=here).index_add_(0, row, weight)
    log_sum: Tensor = _LogSum.apply(queries, items, mass, targets)  # type: ignore[no-untyped-call]
    own = (F.embedding(row, queries) * F.embedding(liked, items)).sum(dim=1)
    return log_sum - (weight * own).sum()
