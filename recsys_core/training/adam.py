"""Adam as torch has it, without torch's compiler, and for tables of which a step reads few rows.

Torch keeps its compiler off the methods of an optimizer by decorators that import it first, whether
or not anything is compiled: two seconds of a core, longer than many a training. Nothing compiled
calls an optimizer here (`compile` is about the loss), so the plain methods do.
"""

from __future__ import annotations

from functools import partial
from inspect import unwrap
from typing import Any

import torch
from torch import Tensor

from recsys_core.training.row_tables import RowWise

_step = torch.no_grad()(unwrap(torch.optim.Adam.step))
#: names of the moments in the state, as torch has them
MOMENTS = ("exp_avg", "exp_avg_sq")


class Adam(torch.optim.Adam):
    """The same steps and the same state, to the bit; tables that are `RowWise` row by row.

    A step moves the rows of such a table that have a gradient. Torch would move the others, too, by
    what is left of their moments: with m, v after step s, after k steps without a gradient in all

        sum over j = 1..k of rate (b1^j m / (1 - b1^s)) / ((b2^j v / (1 - b2^s))^1/2 + eps)
        ~ rate (m / (1 - b1^s)) / ((v / (1 - b2^s))^1/2 + eps) q (1 - q^k) / (1 - q)

    with q = b1 / b2^1/2, s = the first of them, for the corrections change slowly and moments are
    forgotten soon. Rows are moved by that when they are read next, and all of them after an epoch.
    """

    zero_grad = unwrap(torch.optim.Adam.zero_grad)
    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    state_dict = unwrap(torch.optim.Adam.state_dict)
    load_state_dict = unwrap(torch.optim.Adam.load_state_dict)

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take a step."""
        tables = [
            (table, table.grad, group) for table, group in self._tables() if table.grad is not None
        ]
        for table, _, _ in tables:
            table.grad = None
        loss = _step(self, closure)
        for table, gradient, group in tables:
            self._step_rows(table, gradient.coalesce(), group)
        return loss

    def follow(self) -> None:
        """From now on bring rows of tables up to date before they are read."""
        self._moved: dict[RowWise, Tensor] = {}
        for table, group in self._tables():
            table.bring_up = partial(self._bring_up, table, group)

    def _tables(self) -> list[tuple[RowWise, dict[str, Any]]]:
        return [
            (table, group)
            for group in self.param_groups
            for table in group["params"]
            if isinstance(table, RowWise)
        ]

    def _steps(self, table: RowWise) -> tuple[dict[str, Any], Tensor]:
        """Give the state of a table, and shape (rows,): the step that moved each row last."""
        state: dict[str, Any] = self.state[table]
        if not state:
            state["step"] = torch.zeros(())
            state.update((name, torch.zeros_like(table)) for name in MOMENTS)
        if table not in self._moved:  # of a checkpoint, which is written when all are settled
            done = int(state["step"])
            self._moved[table] = torch.full((len(table),), done, device=table.device)
        return state, self._moved[table]

    def _step_rows(self, table: RowWise, gradient: Tensor, group: dict[str, Any]) -> None:
        state, moved = self._steps(table)
        state["step"] += 1
        step, (beta1, beta2) = int(state["step"]), group["betas"]
        rows, values = gradient.indices()[0], gradient.values()
        mean, square = (state[name].index_select(0, rows) for name in MOMENTS)
        mean.lerp_(values, 1 - beta1)
        square.mul_(beta2).addcmul_(values, values, value=1 - beta2)
        for name, moment in zip(MOMENTS, (mean, square), strict=True):
            state[name].index_copy_(0, rows, moment)
        scale = square.sqrt_().div_((1 - beta2**step) ** 0.5).add_(group["eps"])
        table.index_add_(0, rows, mean.div_(scale), alpha=-group["lr"] / (1 - beta1**step))
        moved.index_fill_(0, rows, step)

    @torch.no_grad()
    def _bring_up(self, table: RowWise, group: dict[str, Any], rows: Tensor) -> None:
        """Move rows, some perhaps named twice, by the steps in which they had no gradient."""
        state, moved = self._steps(table)
        step, (beta1, beta2) = int(state["step"]), group["betas"]
        rows = rows[moved[rows] < step]
        if not len(rows):
            return
        shape = (len(rows), *(1 for _ in table.shape[1:]))
        last = moved[rows].view(shape).double()
        missed, first = step - last, last + 1
        moved.index_fill_(0, rows, step)
        mean, square = (state[name].index_select(0, rows) for name in MOMENTS)
        ratio = beta1 / beta2**0.5
        total = ratio * (1 - ratio**missed) / (1 - ratio) / (1 - beta1**first)
        scale = square.sqrt().div_((1 - beta2**first).sqrt().float()).add_(group["eps"])
        place = table.index_select(0, rows)
        place.sub_((mean / scale).mul_(total.float()), alpha=group["lr"])
        table.data.index_copy_(0, rows, place)
        state[MOMENTS[0]].index_copy_(0, rows, mean.mul_((beta1**missed).float()))
        state[MOMENTS[1]].index_copy_(0, rows, square.mul_((beta2**missed).float()))
