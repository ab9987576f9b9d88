"""Layers that ranking models share: pairs of fields, hidden layers, logits, dropout."""

from __future__ import annotations

from functools import partial, reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.training.layers import linear_layers
from recsys_core.training.moments import BatchMoments, normalise


class FactorizationMachine(nn.Module):
    """Second-order interactions of all pairs of fields (Rendle, ICDM 2010).

    sum_{i<j} <e_i, e_j> = 1/2 sum_d [ (sum_i e_id)^2 - sum_i e_id^2 ]
    """

    def forward(self, fields: Tensor) -> Tensor:
        """(rows, fields, dim) -> (rows, 1)."""
        total = fields.sum(dim=1).square() - fields.square().sum(dim=1)
        return 0.5 * total.sum(dim=1, keepdim=True)


#: how much of a batch's moments the running ones take in, and what is added to a variance
MOMENTUM, EPSILON = 0.1, 1e-5


class BatchNorm(BatchMoments):
    """Batch normalisation (Ioffe and Szegedy, ICML 2015).

    (x - E[x]) / sqrt(Var[x] + eps) * weight + bias, entry by entry

    E and Var are those of the batch while training, and running ones after; a batch of a single row
    has no variance and takes the running ones.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, width) -> (rows, width)."""
        if self.training and self.ranks.size > 1:
            moments = self.mean, self.variance
            normal = normalise(inputs, *moments, self.ranks, MOMENTUM, EPSILON)
            if normal is not None:
                return torch.addcmul(self.bias, normal, self.weight)
        training = self.training and len(inputs) > 1
        return F.batch_norm(
            inputs,
            self.mean,
            self.variance,
            self.weight,
            self.bias,
            training=training,
            momentum=MOMENTUM,
            eps=EPSILON,
        )


class MLP(nn.Sequential):
    """Linear, then ReLU with dropout, for each of `widths`; He initialisation.

    Parameters
    ----------
    batch_norm
        Normalise what goes into a ReLU; the layer's own bias, which that would take out, is left
        out.
    """

    def __init__(
        self, inputs: int, widths: tuple[int, ...], dropout: float, *, batch_norm: bool = False
    ) -> None:
        sizes = (inputs, *widths)

        def after(width: int) -> list[nn.Module]:
            normal = [BatchNorm(width)] if batch_norm else []
            return [*normal, nn.ReLU(), Dropout(dropout)]

        linear = partial(he_linear, bias=not batch_norm)
        super().__init__(*linear_layers(sizes, after, linear))
        self.outputs = sizes[-1]
        """Width of the last layer."""


def he_linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Build a layer whose outputs go through a ReLU (He et al., ICCV 2015)."""
    linear = nn.Linear(inputs, outputs, bias=bias)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    if bias:
        nn.init.zeros_(linear.bias)
    return linear


class Output(nn.Linear):
    """Logits of what networks found: W [a; b; …], which are never put side by side.

    Parameters
    ----------
    widths
        Width of each network's output.
    """

    def __init__(self, widths: tuple[int, ...], tasks: int) -> None:
        super().__init__(sum(widths), tasks, bias=False)
        self.widths = widths

    def forward(self, *parts: Tensor) -> Tensor:
        """(rows, width) each -> (rows, tasks)."""
        weights = torch.split(self.weight, list(self.widths), dim=1)
        return reduce(torch.add, map(F.linear, parts, weights))


def _keep(like: Tensor, dropped: int) -> Tensor:
    """Draw 0 (in `dropped` of 256 cases) or 1 for each entry of `like`, in its shape and type.

    One random byte decides an entry; on CPUs this takes a tenth of the time of `nn.Dropout`, which
    is half of the time of a training step of a small network.
    """
    words = torch.empty(-(-like.numel() // 8), dtype=torch.int64, device=like.device)
    draws = words.random_(-(2**63), None).view(torch.uint8)[: like.numel()].view(like.shape)
    return torch.ge(draws, dropped, out=torch.empty_like(like))  # ten times as fast as bools


class Dropout(nn.Module):
    """Zero units at random while training and scale up the rest (Srivastava et al., JMLR 2014).

    The rate is rounded to 1/256, but neither to nothing nor to all.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.dropped = min(max(round(rate * 256), 1), 255) if rate else 0

    def forward(self, inputs: Tensor) -> Tensor:
        """Any shape in, the same shape out."""
        if not self.training or self.dropped == 0:
            return inputs
        return inputs * _keep(inputs, self.dropped).mul_(256 / (256 - self.dropped))

    def extra_repr(self) -> str:
        """Shown by print(module)."""
        return f"rate={self.dropped / 256:.3f}"
