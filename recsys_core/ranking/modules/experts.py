"""Experts and gates: how the tasks of a model share what they learn."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from recsys_core.ranking.modules.layers import MLP, Output


class Experts(nn.Module):
    """Networks of one shape that see the same inputs.

    Parameters
    ----------
    n
        How many.
    widths
        Widths of each one's layers.
    """

    def __init__(
        self,
        n: int,
        inputs: int,
        widths: tuple[int, ...],
        dropout: float,
        *,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(
            MLP(inputs, widths, dropout, batch_norm=batch_norm) for _ in range(n)
        )
        self.outputs = widths[-1]
        """Width of an expert's output."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, inputs) -> (rows, experts, outputs)."""
        return torch.stack([network(inputs) for network in self.networks], dim=1)


class Gate(nn.Module):
    """Mixes experts with weights that depend on the row: sum_i softmax(W x)_i E_i."""

    def __init__(self, inputs: int, experts: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, experts, bias=False)

    def weights(self, inputs: Tensor) -> Tensor:
        """(rows, inputs) -> (rows, experts), each row adds up to 1."""
        return torch.softmax(self.linear(inputs), dim=1)

    def forward(self, inputs: Tensor, experts: Tensor) -> Tensor:
        """(rows, inputs), (rows, experts, width) -> (rows, width)."""
        # a product of so small matrices, one per row, would take four times as long
        return (self.weights(inputs).unsqueeze(2) * experts).sum(dim=1)


class Tower(nn.Module):
    """A task's own network on top: one number per row, without bias."""

    def __init__(
        self, inputs: int, widths: tuple[int, ...], dropout: float, *, batch_norm: bool = False
    ) -> None:
        super().__init__()
        self.mlp = MLP(inputs, widths, dropout, batch_norm=batch_norm)
        self.output = Output((self.mlp.outputs,), 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, inputs) -> (rows, 1)."""
        output: Tensor = self.output(self.mlp(inputs))
        return output


class CGC(nn.Module):
    """Customized gate control: each task has experts of its own and shares others.

    Tang et al., RecSys 2020, equations 1 and 2:

        g_k(x_k) = sum over i in own and shared of softmax(W_k x_k)_i E_i

    and, between two extraction layers, the shared part

        g_s(x_s) = sum over i in all experts of softmax(W_s x_s)_i E_i

    Own experts of task k see x_k, shared ones see x_s.

    Parameters
    ----------
    own, shared
        Experts per task, and experts of all tasks.
    last
        The last layer has no shared output.
    """

    def __init__(
        self,
        tasks: int,
        inputs: int,
        widths: tuple[int, ...],
        *,
        own: int,
        shared: int,
        dropout: float,
        last: bool,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        experts = partial(
            Experts, inputs=inputs, widths=widths, dropout=dropout, batch_norm=batch_norm
        )
        self.own = nn.ModuleList(experts(own) for _ in range(tasks))
        self.shared = experts(shared)
        self.gates = nn.ModuleList(Gate(inputs, own + shared) for _ in range(tasks))
        self.shared_gate = None if last else Gate(inputs, tasks * own + shared)

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        """Mix once: x_1 to x_tasks and x_s, (rows, inputs) each -> the same, (rows, width)."""
        *of_tasks, common = inputs
        shared = self.shared(common)  # (rows, shared, width)
        own = [experts(x) for experts, x in zip(self.own, of_tasks, strict=True)]
        outputs = [
            gate(x, torch.cat([experts, shared], dim=1))
            for gate, x, experts in zip(self.gates, of_tasks, own, strict=True)
        ]
        if self.shared_gate is not None:
            outputs.append(self.shared_gate(common, torch.cat([*own, shared], dim=1)))
        return outputs
