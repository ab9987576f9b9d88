"""Mean and variance of a batch that several processes share, and entries normalised by them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recsys_core.compute.ranks import ALONE, Ranks
from recsys_core.errors import InputError


class BatchMoments(nn.Module):
    """A layer that normalises by the moments of a batch, of all ranks where there are several."""

    ranks: Ranks = ALONE


def share_moments(module: nn.Module, ranks: Ranks) -> None:
    """Let layers take the moments of the whole batch, whatever part of it this process has."""
    for part in module.modules():
        if isinstance(part, BatchMoments):
            part.ranks = ranks


def check_moments(module: nn.Module) -> None:
    """Raise InputError for a layer of torch that knows the rows of one process only."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            raise InputError(
                f"{type(module).__name__} has a layer {type(part).__name__}, which knows the rows "
                "of one process only",
                "leave out --nproc, or build it with recsys_core.ranking.modules.layers.BatchNorm",
            )


def normalise(
    inputs: Tensor, mean: Tensor, variance: Tensor, ranks: Ranks, momentum: float, eps: float
) -> Tensor | None:
    """(x - E[x]) / sqrt(Var[x] + eps) over the rows of all ranks; None where there is one alone.

    Parameters
    ----------
    inputs
        Shape (rows, width); a rank may have no rows.
    mean, variance
        Shape (width,): running moments, which take in those of the batch.
    """
    normal: Tensor | None = _Normal.apply(  # type: ignore[no-untyped-call]
        inputs, mean, variance, ranks, momentum, eps
    )
    return normal


class _Normal(torch.autograd.Function):
    """The function, and its gradient over what the ranks have together.

    With n rows in all, y the outputs and g the gradient of the whole batch's loss:

        dx = (g - sum(g) / n - y sum(g y) / n) / sqrt(Var + eps)

    Each rank has g over its share of the batch, for its loss is the mean over its own rows.
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        mean: Tensor,
        variance: Tensor,
        ranks: Ranks,
        momentum: float,
        eps: float,
    ) -> Tensor | None:
        rows = len(inputs)
        own = inputs.mean(dim=0) if rows else inputs.new_zeros(inputs.shape[1])
        spread = (inputs - own).square().sum(dim=0)
        every = ranks.side_by_side(
            torch.cat([own.double(), spread.double(), own.new_full((1,), rows).double()])
        )
        counts, means = every[:, -1:], every[:, : len(own)]
        n = counts.sum()
        if n < 2:
            return None
        total = (counts * means).sum(dim=0) / n
        squares = (every[:, len(own) : -1] + counts * (means - total).square()).sum(dim=0)
        mean.lerp_(total.to(mean.dtype), momentum)
        variance.lerp_((squares / (n - 1)).to(variance.dtype), momentum)
        scale = (squares / n + eps).rsqrt().to(inputs.dtype)
        outputs = (inputs - total.to(inputs.dtype)) * scale
        ctx.save_for_backward(outputs, scale)
        ctx.ranks, ctx.n, ctx.share = ranks, n.to(inputs.dtype), ranks.share
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None, None, None]:
        outputs, scale = ctx.saved_tensors
        (gradient,) = gradients
        sums = torch.stack([gradient.sum(dim=0), (gradient * outputs).sum(dim=0)]) * ctx.share
        ctx.ranks.add_up(sums)
        sums /= ctx.n * (ctx.share or 1.0)
        return (gradient - sums[0] - outputs * sums[1]) * scale, None, None, None, None, None
