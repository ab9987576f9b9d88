"""Layers that ranking models share: pairs of fields, hidden layers, logits, dropout."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.training.layers import linear_layers


class FactorizationMachine(nn.Module):
    """Second-order interactions of all pairs of fields (Rendle, ICDM 2010).

    sum_{i<j} <e_i, e_j> = 1/2 sum_d [ (sum_i e_id)^2 - sum_i e_id^2 ]
    """

    def forward(self, fields: Tensor) -> Tensor:
        """(rows, fields, dim) -> (rows, 1)."""
        total = fields.sum(dim=1).square() - fields.square().sum(dim=1)
        return 0.5 * total.sum(dim=1, keepdim=True)


class MLP(nn.Sequential):
    """Linear, then ReLU with dropout, for each of `widths`; He initialisation."""

    def __init__(self, inputs: int, widths: tuple[int, ...], dropout: float) -> None:
        sizes = (inputs, *widths)
        super().__init__(*linear_layers(sizes, lambda _: (nn.ReLU(), Dropout(dropout)), _he_linear))
        self.outputs = sizes[-1]
        """Width of the last layer."""


def _he_linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
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
