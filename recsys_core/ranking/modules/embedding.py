"""Weights and vectors of table rows, looked up for a batch and pooled by field."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.compute.transfer import to_device
from recsys_core.errors import InputError
from recsys_core.features.batch import Batch
from recsys_core.features.layout import EmbeddingLayout, VectorField

#: no field is pooled already
NOTHING: Mapping[int, Tensor] = MappingProxyType({})


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


class TableL2(torch.autograd.Function):
    """L2 penalty on whole tables: l2 / 2 * sum of their squares, as a gradient alone.

    Every row shrinks at every step, looked up or not; the loss that is reported stays as it is.
    """

    @staticmethod
    def forward(ctx: Any, outputs: Tensor, l2: float, *tables: Tensor) -> Tensor:
        """Return `outputs`, on which the loss depends."""
        ctx.save_for_backward(*tables)
        ctx.l2 = l2
        return outputs.view_as(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, ...]:
        """Add the penalty's gradient, l2 x."""
        return gradients[0], None, *(table * ctx.l2 for table in ctx.saved_tensors)


def with_table_l2(outputs: Tensor, module: nn.Module, l2: float) -> Tensor:
    """Put an L2 penalty on all tables of weights and vectors in `module`, once per step.

    Parameters
    ----------
    outputs
        The loss of the step, or what it is computed from.
    """
    if l2 == 0:
        return outputs
    tables = [each.table for each in module.modules() if isinstance(each, _TABLES)]
    penalized: Tensor = TableL2.apply(outputs, l2, *tables)  # type: ignore[no-untyped-call]
    return penalized


class FieldWeights(nn.Module):
    """First-order term: one weight per task for each table row; starts at zero.

    y_t = sum_s w_s W[t, i_s] over all slots s.

    Parameters
    ----------
    l2
        Penalty on the weights looked up; of a vector, on the sum over its numbers.
    """

    def __init__(self, layout: EmbeddingLayout, tasks: int, l2: float = 0.0) -> None:
        super().__init__()
        self.l2 = l2
        self.of_vectors = layout.vectors
        self.table = nn.Parameter(torch.zeros(tasks, layout.n_rows))

    def forward(self, batch: Batch) -> Tensor:
        """Weigh a batch, shape (rows, tasks)."""
        of_vectors = _multiply(batch, self.of_vectors, self.table.T)
        slots = _without(batch, of_vectors) if of_vectors else _slots(batch)
        total = torch.stack([self._weigh(slots, weights) for weights in self.table], dim=1)
        for weighed in of_vectors.values():
            total = total + with_l2(weighed, self.l2)
        return total

    def _weigh(self, slots: Slots, table: Tensor) -> Tensor:
        """Weigh slots by one column of weights, shape (rows,); a flat table is the fastest."""
        single, weighted, weights, widths = slots
        total = with_l2(_pick(table, single), self.l2).sum(dim=1)
        if widths:
            total = total + with_l2(_pick(table, weighted) * weights, self.l2).sum(dim=1)
        return total


def _pick(table: Tensor, indices: Tensor) -> Tensor:
    """table[indices] of a flat table, in the shape of `indices`."""
    return table.index_select(0, indices.flatten()).view(indices.shape)


class FieldEmbedding(nn.Module):
    """One vector per field: a single table with offsets, several values pooled by their weights.

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

    def __init__(
        self, layout: EmbeddingLayout, dim: int, l2: float = 0.0, deviation: float = 0.01
    ) -> None:
        super().__init__()
        self.l2 = l2
        self.of_vectors = layout.vectors
        self.table = nn.Parameter(torch.randn(layout.n_rows, dim).mul_(deviation))
        with torch.no_grad():
            self.table[[0, *layout.unknown]] = 0
        for name, size in zip(layout.names, layout.sizes, strict=True):
            if size is not None and size > dim:
                raise InputError(
                    f"feature '{name}': embedding_size = {size} is more than the model's {dim}",
                    "lower it, or raise the model's embedding_size",
                )
        sizes = [size or dim for size in layout.sizes]
        mask = None
        if any(size != dim for size in sizes):
            mask = (torch.arange(dim) < torch.tensor(sizes)[:, None]).float()
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, batch: Batch, pooled: Mapping[int, Tensor] = NOTHING) -> Tensor:
        """Embed a batch, shape (rows, fields, dim).

        Parameters
        ----------
        pooled
            By number: fields that somebody has pooled already, (rows, dim) each.
        """
        if self.of_vectors:
            pooled = {**_multiply(batch, self.of_vectors, self.table), **pooled}
        fields = _Fields.apply(  # type: ignore[no-untyped-call]
            self.table, *(_without(batch, pooled) if pooled else _slots(batch))
        )
        if pooled:
            parts = list(fields.unbind(dim=1))
            for number in sorted(pooled):
                parts.insert(number, pooled[number])
            fields = torch.stack(parts, dim=1)
        fields = fields if self.mask is None else fields * self.mask
        return with_l2(fields, self.l2)

    def vectors(self, indices: Tensor) -> Tensor:
        """Look up table rows, shape (n,) -> (n, dim)."""
        found: Tensor = _Vectors.apply(self.table, indices)  # type: ignore[no-untyped-call]
        return found


_TABLES = (FieldWeights, FieldEmbedding)
Slots = tuple[Tensor, Tensor, Tensor, tuple[int, ...]]


def _multiply(
    batch: Batch, of_vectors: tuple[VectorField, ...], table: Tensor
) -> dict[int, Tensor]:
    """Pool the fields of vectors: x V, in place of a look-up for each number.

    A table of shape (table rows, dim) gives (rows, dim) for each field, by number.
    """
    ends = [0, *accumulate(batch.widths)]
    found = {}
    for each in of_vectors:
        place = each.field - batch.single.shape[1]
        slots = slice(ends[place], ends[place + 1])
        index, weights = batch.weighted[:, slots], batch.weights[:, slots]
        rows = table[each.offset : each.offset + 1 + each.numbers]
        unknown = weights[:, :1] * (index[:, :1] == each.offset)
        found[each.field] = unknown * rows[0] + (weights * (index > each.offset)) @ rows[1:]
    return found


def _slots(batch: Batch) -> Slots:
    return batch.single, batch.weighted, batch.weights, batch.widths


def _without(batch: Batch, fields: Mapping[int, Tensor]) -> Slots:
    """Leave out the slots of some fields, given by number."""
    left = [n for n in range(len(batch.widths)) if n + batch.single.shape[1] not in fields]
    indices = torch.split(batch.weighted, list(batch.widths), dim=1)
    weights = torch.split(batch.weights, list(batch.widths), dim=1)
    none = batch.weighted[:, :0]  # whose type the others share
    return (
        batch.single,
        torch.cat([none, *(indices[place] for place in left)], dim=1),
        torch.cat([none.float(), *(weights[place] for place in left)], dim=1),
        tuple(batch.widths[place] for place in left),
    )


class _Fields(torch.autograd.Function):
    """Table rows of single slots, and weighted sums of those of other fields."""

    @staticmethod
    def forward(
        ctx: Any,
        table: Tensor,
        single: Tensor,
        weighted: Tensor,
        weights: Tensor,
        widths: tuple[int, ...],
    ) -> Tensor:
        """Pool, shapes of `Batch` -> (rows, fields, dim)."""
        slots = torch.cat([single, weighted], dim=1)
        all_weights = torch.cat([torch.ones_like(single, dtype=weights.dtype), weights], dim=1)
        ctx.save_for_backward(slots, all_weights)
        ctx.widths, ctx.table_rows = [1] * single.shape[1] + list(widths), len(table)
        rows, width = slots.shape
        starts = torch.arange(0, rows * width, width, dtype=slots.dtype, device=slots.device)
        firsts = torch.tensor([0, *accumulate(ctx.widths[:-1])], dtype=slots.dtype)
        firsts = to_device(firsts, slots.device)
        pooled = F.embedding_bag(
            slots.flatten(),
            table.detach(),  # else it prepares for a gradient that is not asked of it
            (starts[:, None] + firsts).flatten(),
            mode="sum",
            per_sample_weights=all_weights.flatten(),  # 0 for padding; `padding_idx` is slow
        )
        return pooled.view(rows, len(ctx.widths), table.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None, None]:
        """Give every used slot the gradient of its field, times its weight."""
        slots, all_weights = (each.flatten() for each in ctx.saved_tensors)
        rows, fields, dim = gradients[0].shape
        of_slot = torch.arange(fields, dtype=slots.dtype)
        of_slot = of_slot.repeat_interleave(torch.tensor(ctx.widths))
        of_slot = to_device(of_slot, slots.device)
        of_row = torch.arange(0, rows * fields, fields, dtype=slots.dtype, device=slots.device)
        field = (of_row[:, None] + of_slot).flatten()
        if slots.device.type == "cpu":  # elsewhere their number is not known without waiting
            used = slots.nonzero().squeeze(1)
            slots, field, all_weights = (
                each.index_select(0, used) for each in (slots, field, all_weights)
            )
        of_fields = gradients[0].reshape(-1, dim)
        of_table = _add_up(of_fields, slots, ctx.table_rows, field, all_weights)
        return of_table, None, None, None, None


class _Vectors(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, indices: Tensor) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.table_rows = len(table)
        return table.index_select(0, indices)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        (indices,) = ctx.saved_tensors
        return _add_up(gradients[0], indices, ctx.table_rows), None


def _add_up(
    gradients: Tensor,
    indices: Tensor,
    table_rows: int,
    places: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Add up the gradients of each table row, shape (table_rows, dim).

    Sorted by table row, they are bags of an embedding: three to five times as fast as `index_add`
    and the gradients of `F.embedding` and `F.embedding_bag`, and in the same order every time.

    Parameters
    ----------
    indices
        Shape (n,): which table row was used.
    places, weights
        Shape (n,): its line of `gradients` and its factor; by default, line after line, 1.
    """
    ascending, order = torch.sort(indices, stable=True)
    if indices.device.type == "cpu":
        starts = starts_by_counting(indices, table_rows)
    else:
        starts = starts_by_searching(ascending, table_rows)
    return F.embedding_bag(
        order if places is None else places.index_select(0, order).long(),
        gradients,
        starts,
        mode="sum",
        per_sample_weights=None if weights is None else weights.index_select(0, order),
    )


def starts_by_counting(indices: Tensor, table_rows: int) -> Tensor:
    """Tell where each table row begins among its sorted uses, shape (table_rows,)."""
    counts = torch.bincount(indices, minlength=table_rows)
    return counts.cumsum(dim=0) - counts


def starts_by_searching(ascending: Tensor, table_rows: int) -> Tensor:
    """Tell the same without looking for the largest number, for which a GPU is waited for."""
    rows = torch.arange(table_rows, dtype=ascending.dtype, device=ascending.device)
    return torch.searchsorted(ascending, rows)
