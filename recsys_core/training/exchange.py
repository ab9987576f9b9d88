"""Gradients of several processes become the one that a process alone would have.

Each rank has the gradient of the mean over its own rows. With the mass m_r of these rows (their
number, or the sum of their weights) that of the whole batch is sum_r m_r g_r / sum_r m_r, penalties
included: those on what a batch looks up are means over its rows, and those on whole tables are the
same everywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recsys_core.compute.ranks import Ranks
from recsys_core.training.row_tables import RowWise


class Exchange:
    """Adds up what the ranks have learned from their parts of a batch.

    Parameters
    ----------
    module
        What is trained, with the same weights everywhere.
    """

    def __init__(self, module: nn.Module, ranks: Ranks) -> None:
        self._ranks = ranks
        learned = [weights for weights in module.parameters() if weights.requires_grad]
        self._tables = [weights for weights in learned if isinstance(weights, RowWise)]
        self._dense = [weights for weights in learned if not isinstance(weights, RowWise)]
        sizes = [weights.numel() for weights in self._dense]
        # behind the gradients: which of them there are, the loss and the mass
        self._room = torch.zeros(sum(sizes) + len(sizes) + 2, device=learned[0].device)
        parts = torch.split(self._room, [*sizes, len(sizes), 1, 1])
        *views, self._there, self._loss, self._mass = parts
        self._views = [
            view.view(weights.shape) for view, weights in zip(views, self._dense, strict=True)
        ]

    def __call__(self, loss: Tensor, mass: float | Tensor) -> Tensor:
        """Make the gradients those of the whole batch; return its loss.

        Parameters
        ----------
        loss
            The mean over the rows of this rank, of which there may be none.
        mass
            What these rows count.
        """
        self._mass.fill_(mass)
        self._loss.copy_(torch.where(self._mass > 0, loss.detach() * self._mass, 0))
        there = [weights.grad is not None for weights in self._dense]
        self._there.copy_(torch.tensor(there))
        for weights, view in zip(self._dense, self._views, strict=True):
            if weights.grad is None:
                view.zero_()
            else:
                torch.mul(weights.grad, self._mass, out=view)
        own = self._mass.clone()
        self._ranks.add_up(self._room)
        total = self._mass.clone()
        self._room.div_(total)
        some = self._there.tolist()
        for weights, view, used in zip(self._dense, self._views, some, strict=True):
            weights.grad = view if used else None
        for table in self._tables:
            self._join_rows(table, own / total)
        return self._loss.clone()[0]

    def _join_rows(self, table: RowWise, share: Tensor) -> None:
        """Give a table the gradients of all rows that some rank has read."""
        if table.grad is None:
            rows = torch.zeros(0, dtype=torch.long, device=table.device)
            values = table.new_zeros(0, *table.shape[1:])
        else:
            gradient = table.grad.coalesce()
            rows, values = gradient.indices()[0], gradient.values() * share
        rows, values = self._ranks.joined(rows), self._ranks.joined(values.detach())
        if table.bring_up is not None:
            table.bring_up(torch.unique(rows))  # as where they were read
        table.grad = torch.sparse_coo_tensor(rows[None], values, table.shape)
