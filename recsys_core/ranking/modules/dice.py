"""Dice, the activation of DIN: a PReLU that adapts to its data."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.ranking.modules.layers import Dropout
from recsys_core.training.layers import linear_layers
from recsys_core.training.moments import BatchMoments, normalise

#: what Dice adds to a variance, and how much of a batch its running estimates take
EPSILON, MOMENTUM = 1e-8, 0.1
#: whether this torch has the kernels that `_Dice` is made of, which no documentation promises
FUSED = hasattr(torch, "native_batch_norm") and hasattr(
    torch.ops.aten, "native_batch_norm_backward"
)


class DiceMLP(nn.Sequential):
    """Linear, Dice and dropout for each of `widths`."""

    def __init__(self, inputs: int, widths: tuple[int, ...], dropout: float) -> None:
        sizes = (inputs, *widths)
        super().__init__(*linear_layers(sizes, lambda width: (Dice(width), Dropout(dropout))))
        self.outputs = sizes[-1]
        """Width of the last layer."""


class Dice(BatchMoments):
    """A PReLU whose bend lies at the data's mean and is as soft as they are spread (section 5.3).

    Dice(s) = p s + (1 - p) alpha s,  p = sigmoid((s - E[s]) / sqrt(Var[s] + eps))

    E and Var are those of the batch while training, and running ones after.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, width) -> (rows, width)."""
        inputs = inputs.to(self.alpha.dtype)  # moments of few digits would be none
        normal = None
        if self.training and self.ranks.size > 1:
            moments = self.mean, self.variance
            normal = normalise(inputs, *moments, self.ranks, MOMENTUM, EPSILON)
        training = self.training and len(inputs) > 1  # one row has no variance
        if training and FUSED and self.ranks.size == 1:
            outputs: Tensor = _Dice.apply(  # type: ignore[no-untyped-call]
                inputs, self.alpha, self.mean, self.variance
            )
            return outputs
        if normal is None:
            normal = F.batch_norm(
                inputs, self.mean, self.variance, training=training, momentum=MOMENTUM, eps=EPSILON
            )
        return inputs * torch.addcmul(self.alpha, torch.sigmoid(normal), 1 - self.alpha)


class _Dice(torch.autograd.Function):
    """Dice by the batch's mean and variance; its gradient by hand takes half of the passes.

    With z the normalised inputs s, p = sigmoid(z) and g the gradient of the outputs:

        ds     = g (alpha + (1 - alpha) p) + normalisation's gradient of dz
        dz     = g s (1 - alpha) p (1 - p)
        dalpha = sum over rows of g s (1 - p)
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, alpha: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        normal, *moments = torch.native_batch_norm(
            inputs, None, None, mean, variance, True, MOMENTUM, EPSILON
        )
        p = normal.sigmoid_()
        ctx.save_for_backward(inputs, alpha, p, *moments)
        return torch.addcmul(alpha, p, 1 - alpha).mul_(inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor, None, None]:
        inputs, alpha, p, mean, deviation = ctx.saved_tensors
        product = gradients[0] * inputs
        bent = product * p
        of_alpha = product.sum(dim=0) - bent.sum(dim=0)
        of_normal = bent.addcmul_(bent, p, value=-1)  # without 1 - alpha, which comes as a weight
        of_inputs: Tensor = torch.ops.aten.native_batch_norm_backward(
            of_normal,
            inputs,
            1 - alpha,
            None,
            None,
            mean,
            deviation,
            True,
            EPSILON,
            [True, False, False],
        )[0]
        slope = torch.addcmul(alpha, p, 1 - alpha, out=product)
        return of_inputs.addcmul_(gradients[0], slope), of_alpha, None, None
