"""Embedding tables in which a step reads few rows: it costs what these cost, not the whole table.

Gradients are of the rows that were read, and `training.adam` keeps its moments row by row. A row
moves on with its momentum while nobody reads it; `Adam` makes up for that when it is read next.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.training.config import TrainingConfig

#: tables with fewer rows are learned as a whole, which takes no longer
LEAST_ROWS = 2**14


class RowWise(nn.Parameter):
    """A table of shape (n,) or (n, dim) that is read by `look_up` and `pool` alone."""

    bring_up: Callable[[Tensor], None] | None = None
    """Brings rows up to date; set by the optimizer while it trains the table."""


class RowTables(nn.Module):
    """A module with tables of which a step may read few rows."""

    row_tables: tuple[str, ...] = ()
    """Names of the tables."""
    by_row = False
    """Whether steps read few rows of them."""

    def large_tables(self) -> list[str]:
        """Name those tables that are worth it."""
        tables = ((name, getattr(self, name)) for name in self.row_tables)
        return [name for name, table in tables if table is not None and len(table) >= LEAST_ROWS]


def learn_by_row(module: nn.Module, config: TrainingConfig) -> None:
    """Let steps cost what the rows they read cost, unless the fields ask for all rows.

    A GPU moves whole tables faster than it is told which rows those are.
    """
    if config.weight_decay or config.gradient_clip or config.ema_decay or config.compile:
        return
    if next(module.parameters()).device.type != "cpu":
        return
    for part in module.modules():
        if isinstance(part, RowTables):
            part.by_row = True
            for name in part.large_tables():
                table: nn.Parameter = getattr(part, name)
                setattr(part, name, RowWise(table.data, table.requires_grad))


def settle(module: nn.Module, *, leave: bool = False) -> None:
    """Bring all rows of all tables up to date; with `leave`, the optimizer lets go of them."""
    for table in module.parameters():
        if isinstance(table, RowWise) and table.bring_up is not None:
            table.bring_up(torch.arange(len(table), device=table.device))
            table.bring_up = None if leave else table.bring_up


def look_up(table: Tensor, rows: Tensor) -> Tensor:
    """Read rows of a table, of any shape: shape (*rows.shape, dim), of a vector (*rows.shape)."""
    if not isinstance(table, RowWise):
        if table.dim() == 1:
            return F.embedding(rows, table[:, None]).squeeze(-1)
        return F.embedding(rows, table)
    _bring_up(table, rows)
    if table.dim() == 1:
        return table.gather(0, rows.flatten(), sparse_grad=True).view(rows.shape)
    return F.embedding(rows, table, sparse=True)


def pool(table: Tensor, index: Tensor, weights: Tensor, starts: Tensor | None = None) -> Tensor:
    """Add up weighted rows of a table, shape (bags, dim).

    Parameters
    ----------
    index, weights
        Shape (bags, slots), or (slots of all bags,) with `starts`: where each bag begins.
    """
    if isinstance(table, RowWise):
        _bring_up(table, index)
    found: Tensor = F.embedding_bag(
        index,
        table,
        starts,
        per_sample_weights=weights,
        mode="sum",
        sparse=isinstance(table, RowWise),
    )
    return found


def _bring_up(table: RowWise, rows: Tensor) -> None:
    if table.bring_up is not None and torch.is_grad_enabled():
        table.bring_up(rows.flatten())
