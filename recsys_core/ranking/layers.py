"""Layers that ranking models share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.errors import InputError
from recsys_core.features.encoder import Layout
from recsys_core.ranking.batch import Batch


class LookupL2(torch.autograd.Function):
    """L2 penalty on what a batch looks up: l2 * mean over rows of |x|^2, as a gradient alone.

    Frequent values are held back as often as they are used, unlike by a penalty on the whole table,
    which under Adam moves every row at every step; and the loss stays the log loss.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, l2: float) -> Tensor:
        """Return `inputs`, first dimension rows."""
        ctx.save_for_backward(inputs)
        ctx.l2 = l2
        return inputs.view_as(inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        """Add the penalty's gradient, 2 l2 x / rows."""
        (inputs,) = ctx.saved_tensors
        return torch.add(gradients[0], inputs, alpha=2 * ctx.l2 / max(1, len(inputs))), None


def with_l2(inputs: Tensor, l2: float) -> Tensor:
    """Put an L2 penalty on looked-up values, shape (rows, …)."""
    if l2 == 0:
        return inputs
    penalized: Tensor = LookupL2.apply(inputs, l2)  # type: ignore[no-untyped-call]
    return penalized


class FieldWeights(nn.Module):
    """First-order term: one weight a task for each table row; starts at zero.

    y_t = sum_s w_s W[i_s, t] over all slots s.

    Parameters
    ----------
    l2
        Penalty on the weights looked up.
    """

    def __init__(self, layout: Layout, tasks: int, l2: float = 0.0) -> None:
        super().__init__()
        self.l2 = l2
        self.table = nn.Parameter(torch.zeros(layout.n_rows, tasks))

    def forward(self, batch: Batch) -> Tensor:
        """Weigh a batch, shape (rows, tasks)."""
        total = with_l2(F.embedding(batch.single, self.table), self.l2).sum(dim=1)
        if batch.widths:
            slots = F.embedding(batch.weighted, self.table, padding_idx=0)
            values = with_l2(slots * batch.weights.unsqueeze(2), self.l2)
            total = total + values.sum(dim=1)
        return total


class FieldEmbedding(nn.Module):
    """One vector a field: a single table with offsets, several values pooled by their weights.

    e_f = sum_s w_s V[i_s] over the slots s of field f. Row 0 is padding and stays zero; rows of
    unknown values start at zero, the middle of the others, until training says otherwise.

    Parameters
    ----------
    dim
        Embedding size; a field with a smaller one has zeros in the rest.
    l2
        Penalty on the vectors looked up.
    deviation
        Standard deviation of the initial vectors.

    Raises
    ------
    InputError
        A feature asks for a larger embedding than `dim`.
    """

    mask: Tensor | None

    def __init__(self, layout: Layout, dim: int, l2: float = 0.0, deviation: float = 0.01) -> None:
        super().__init__()
        self.l2 = l2
        self.table = nn.Parameter(torch.randn(layout.n_rows, dim) * deviation)
        with torch.no_grad():
            self.table[[0, *layout.unknown]] = 0
        for name, size in zip(layout.names, layout.sizes, strict=True):
            if size is not None and size > dim:
                raise InputError(
                    f"feature '{name}': embedding_size = {size} is more than the model's {dim}",
                    "lower it, or raise the model's embedding_size",
                )
        sizes = torch.tensor([size or dim for size in layout.sizes])
        mask = (torch.arange(dim) < sizes[:, None]).float()
        self.register_buffer("mask", None if bool(mask.all()) else mask, persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """Embed a batch, shape (rows, fields, dim)."""
        fields = F.embedding(batch.single, self.table)
        if batch.widths:
            slots = F.embedding(batch.weighted, self.table, padding_idx=0)
            slots = slots * batch.weights.unsqueeze(2)
            by_field = torch.split(slots, list(batch.widths), dim=1)
            pooled = [field.sum(dim=1, keepdim=True) for field in by_field]
            fields = torch.cat([fields, *pooled], dim=1)
        fields = fields if self.mask is None else fields * self.mask
        return with_l2(fields, self.l2)


class FactorizationMachine(nn.Module):
    """Second-order interactions of all pairs of fields (Rendle, ICDM 2010).

    sum_{i<j} <e_i, e_j> = 1/2 sum_d [ (sum_i e_id)^2 - sum_i e_id^2 ]
    """

    def forward(self, fields: Tensor) -> Tensor:
        """(rows, fields, dim) -> (rows, 1)."""
        square_of_sum = fields.sum(dim=1).square()
        sum_of_squares = fields.square().sum(dim=1)
        return 0.5 * (square_of_sum - sum_of_squares).sum(dim=1, keepdim=True)


class MLP(nn.Sequential):
    """Linear, ReLU and dropout for each of `widths`; He initialisation."""

    def __init__(self, inputs: int, widths: tuple[int, ...], dropout: float) -> None:
        layers: list[nn.Module] = []
        for width in widths:
            linear = nn.Linear(inputs, width)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.ReLU(), Dropout(dropout)]
            inputs = width
        super().__init__(*layers)
        self.outputs = inputs
        """Width of the last layer."""


class Dropout(nn.Module):
    """Zero units at random while training and scale up the rest (Srivastava et al., JMLR 2014).

    One random byte decides a unit, so the rate is rounded to 1/256; on CPUs this takes a tenth of
    the time of `nn.Dropout`, which is half of the time of a training step of a small network.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.dropped = round(rate * 256)

    def forward(self, inputs: Tensor) -> Tensor:
        """Any shape in, the same shape out."""
        if not self.training or self.dropped == 0:
            return inputs
        words = torch.empty(-(-inputs.numel() // 8), dtype=torch.int64, device=inputs.device)
        draws = words.random_(-(2**63), None).view(torch.uint8)[: inputs.numel()]
        scale = torch.empty(inputs.numel(), dtype=inputs.dtype, device=inputs.device)
        torch.ge(draws, self.dropped, out=scale)  # as numbers at once: ten times as fast as bools
        return inputs * scale.mul_(256 / (256 - self.dropped)).view(inputs.shape)

    def extra_repr(self) -> str:
        """Shown by print(module)."""
        return f"rate={self.dropped / 256:.3f}"
