"""Layers that ranking models share: pairs of fields, hidden layers, logits, dropout."""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn


class FactorizationMachine(nn.Module):
    """Second-order interactions of all pairs of fields (Rendle, ICDM 2010).

    sum_{i<j} <e_i, e_j> = 1/2 sum_d [ (sum_i e_id)^2 - sum_i e_id^2 ]
    """

    def forward(self, fields: Tensor) -> Tensor:
        """(rows, fields, dim) -> (rows, 1)."""
        pairs: Tensor = _Pairs.apply(fields)  # type: ignore[no-untyped-call]
        return pairs


class _Pairs(torch.autograd.Function):
    """The equation above; its gradient, sum_j e_j - e_i, takes fewer passes than autograd's."""

    @staticmethod
    def forward(ctx: Any, fields: Tensor) -> Tensor:
        total = fields.sum(dim=1)
        ctx.save_for_backward(fields, total)
        flat = fields.flatten(start_dim=1)
        squares: Tensor = torch.linalg.vecdot(flat, flat)
        total_squares: Tensor = torch.linalg.vecdot(total, total)
        return total_squares.sub_(squares).mul_(0.5).unsqueeze(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Tensor:
        fields, total = ctx.saved_tensors
        return torch.sub(total.unsqueeze(1), fields).mul_(gradients[0].unsqueeze(2))


class MLP(nn.Sequential):
    """Linear, then ReLU with dropout, for each of `widths`; He initialisation."""

    def __init__(self, inputs: int, widths: tuple[int, ...], dropout: float) -> None:
        layers: list[nn.Module] = []
        for width in widths:
            linear = nn.Linear(inputs, width)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            layers += [linear, Dropout(dropout)]
            inputs = width
        super().__init__(*layers)
        self.outputs = inputs
        """Width of the last layer."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, inputs) -> (rows, outputs)."""
        layers = list(self)
        for linear, dropout in zip(layers[::2], layers[1::2], strict=True):
            assert isinstance(linear, nn.Linear)
            assert isinstance(dropout, Dropout)
            dropped = dropout.dropped if self.training else 0
            inputs = _HiddenLayer.apply(  # type: ignore[no-untyped-call]
                inputs, linear.weight, linear.bias, dropped
            )
        return inputs


class _HiddenLayer(torch.autograd.Function):
    """Dropout(ReLU(W x + b)) in one step: half of the passes over the hidden units.

    What dropout leaves is scaled up before the ReLU, s ReLU(z) = ReLU(s z), by the matrix product.
    Units that are off and units that are dropped are both 0, and neither has a gradient.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, dropped: int) -> Tensor:
        ctx.scale = 256 / (256 - dropped)
        outputs = torch.addmm(bias * ctx.scale, inputs, weight.t(), alpha=ctx.scale).clamp_min_(0)
        if dropped:
            outputs.mul_(_keep(outputs, dropped))
        ctx.save_for_backward(inputs, weight, outputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, Tensor, None]:
        inputs, weight, outputs = ctx.saved_tensors
        on = torch.ops.aten.threshold_backward(gradients[0], outputs, 0)
        of_inputs = on @ (weight * ctx.scale)
        of_weight = (on.t() @ inputs).mul_(ctx.scale)
        return of_inputs, of_weight, on.sum(dim=0).mul_(ctx.scale), None


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
        logits: Tensor = reduce(torch.add, map(_Logits.apply, parts, weights))
        return logits


class _Logits(torch.autograd.Function):
    """W x; for one task its gradient is no matrix product, which would take much longer."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return inputs @ weight.t()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor]:
        inputs, weight = ctx.saved_tensors
        one = len(weight) == 1
        of_inputs = gradients[0] * weight if one else gradients[0] @ weight
        return of_inputs, gradients[0].t() @ inputs


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
