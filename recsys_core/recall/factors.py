"""The torch side of matrix factorisation: parameters, batches of users, losses, fold-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.data.dataset import FloatArray, TimeArray
from recsys_core.protocols.interactions import Histories
from recsys_core.recall.index import IndexConfig
from recsys_core.recall.mining import search_over
from recsys_core.recall.validation import METRIC
from recsys_core.sampling.negatives import Likes, Negatives, Search

if TYPE_CHECKING:
    from recsys_core.recall.mf import MFConfig

#: standard deviation of initial weights
INIT = 0.1
#: fold-in: weight of all items beside the liked ones, and ridge; tuned on validation users of
#: ML-1M treated as unknown, where it comes within 2 % of trained vectors
FOLD_ALL, FOLD_RIDGE = 0.1, 10.0


class Factors(nn.Module):
    """Vectors and biases of users and items."""

    def __init__(self, n_users: int, n_items: int, config: MFConfig) -> None:
        super().__init__()
        self.config = config
        self.user = nn.Parameter(torch.randn(n_users, config.dim) * INIT)
        self.item = nn.Parameter(torch.randn(n_items, config.dim) * INIT)
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.user_bias = nn.Parameter(torch.zeros(n_users))

    def users(self, users: Tensor) -> Tensor:
        """Vectors of some users as they enter the product, shape (n, dim)."""
        if not self.config.cosine:
            return F.embedding(users, self.user)
        return F.normalize(F.embedding(users, self.user), dim=1) / self.config.temperature

    def items(self, items: Tensor) -> Tensor:
        """Vectors of some items as they enter the product, shape (n, dim)."""
        vectors = F.embedding(items, self.item)  # its gradient is faster than that of indexing
        return F.normalize(vectors, dim=1) if self.config.cosine else vectors

    def vectors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors of all users, of all items, and the items' biases."""
        device = self.user.device
        users = self.users(torch.arange(len(self.user), device=device))
        items = self.items(torch.arange(len(self.item), device=device))
        return users, items, self.item_bias


@dataclass(frozen=True)
class UserBatch:
    """Some users with all their rows.

    Parameters
    ----------
    users
        Shape (b,), int64.
    row
        Shape (rows,), int64: position in `users` of each row.
    items, ratings
        Shape (rows,): what, and how rated.
    """

    users: Tensor
    row: Tensor
    items: Tensor
    ratings: Tensor


class FactorsObjective:
    """The losses of matrix factorisation over batches of users.

    Parameters
    ----------
    rows
        One row a user: what to learn from.
    counts
        Shape (n_items,): liked train rows of each item.
    validate
        Computes the validation metrics.
    """

    monitor = METRIC

    def __init__(
        self,
        module: Factors,
        rows: Histories,
        counts: TimeArray,
        config: MFConfig,
        validate: Callable[[], dict[str, float]],
    ) -> None:
        device = module.user.device
        self.module, self.config, self.validate = module, config, validate
        self.active = torch.from_numpy(np.flatnonzero(rows.lengths)).to(device)
        self.size = len(self.active)
        self.start = torch.from_numpy(rows.offsets[:-1]).to(device)
        self.length = torch.from_numpy(rows.lengths).to(device)
        self.item = torch.from_numpy(rows.items.astype(np.int64)).to(device)
        self.rating = torch.from_numpy(rows.ratings).to(device)
        self.mean_rating = self.rating.mean()
        self.n_items = len(counts)
        self.likes = Likes(
            torch.from_numpy(rows.row).to(device), self.item, len(rows), self.n_items
        )
        self.counts = torch.from_numpy(counts).to(device)
        self.negatives = Negatives(config, self.counts, self.likes)
        losses = {"softmax": self._softmax, "bpr": self._bpr, "bce": self._bce, "mse": self._mse}
        self.loss: Callable[[UserBatch], Tensor] = losses[config.loss]

    def batches(self, order: Tensor, batch_size: int) -> Iterator[UserBatch]:
        """Cut the users, taken in `order`, into batches."""
        if self.config.hard_negatives:
            self.negatives.search = self._search()
        for some in torch.split(order, batch_size):
            users = self.active[some]
            lengths = self.length[users]
            row = torch.repeat_interleave(torch.arange(len(users), device=users.device), lengths)
            first = torch.cumsum(lengths, 0) - lengths
            event = torch.arange(len(row), device=row.device) + (self.start[users] - first)[row]
            yield UserBatch(users, row, self.item[event], self.rating[event])

    def _softmax(self, batch: UserBatch) -> Tensor:
        module = self.module
        users = module.users(batch.users)
        return self.negatives.loss(
            users,
            batch.users,
            batch.row,
            batch.items,
            lambda items: users @ module.items(items).T + module.item_bias[items],
        )

    def _search(self) -> Search:
        """Index the items; their biases are one more dimension."""
        _, items, bias = self.module.vectors()
        catalogue = self.counts.nonzero().squeeze(1)
        vectors = torch.cat([items, bias[:, None]], dim=1)[catalogue]
        search = search_over(vectors, catalogue, IndexConfig())
        return lambda users, k: search(F.pad(users, (0, 1), value=1.0), k)

    def _bpr(self, batch: UserBatch) -> Tensor:
        negative, allowed = self._drawn(batch)
        positive = self._logits(batch, batch.items)
        loss = F.softplus(negative - positive[:, None])
        return (loss * allowed).sum() / allowed.sum().clamp(min=1)

    def _bce(self, batch: UserBatch) -> Tensor:
        negative, allowed = self._drawn(batch)
        positive = self._logits(batch, batch.items)
        loss = F.softplus(-positive).sum() + (F.softplus(negative) * allowed).sum()
        return loss / (len(positive) + allowed.sum())

    def _mse(self, batch: UserBatch) -> Tensor:
        predicted = self._logits(batch, batch.items) + self.module.user_bias[batch.users][batch.row]
        return F.mse_loss(predicted + self.mean_rating, batch.ratings)

    def _logits(self, batch: UserBatch, items: Tensor) -> Tensor:
        """Score one item for each row, shape (rows,)."""
        users = F.embedding(batch.row, self.module.users(batch.users))
        return (users * self.module.items(items)).sum(dim=1) + self.module.item_bias[items]

    def _drawn(self, batch: UserBatch) -> tuple[Tensor, Tensor]:
        """Draw and score negatives, shape (rows, negatives); 0 marks those the user likes."""
        rows, each = len(batch.items), self.config.negatives or 1
        items = self.negatives.sampler.draw(rows * each, batch.items).view(rows, each)
        allowed = (~self.likes.have(batch.users[batch.row][:, None], items)).float()
        scores = torch.stack([self._logits(batch, column) for column in items.unbind(1)], dim=1)
        return scores, allowed


def fold_in(item_vectors: FloatArray, items: NDArray[np.integer]) -> FloatArray:
    """Find the vector of a user who likes `items` by implicit least squares; zeros without items.

    min over p of sum over liked i of (1 - <p, q_i>)^2 + a sum over all j of <p, q_j>^2 + l |p|^2
    (Hu, Koren, Volinsky: Collaborative filtering for implicit feedback datasets, ICDM 2008).

    Parameters
    ----------
    item_vectors
        Shape (n_items, dim).
    items
        Shape (n,): item numbers.

    Returns
    -------
    Shape (dim,).
    """
    liked = item_vectors[items]
    system = liked.T @ liked + FOLD_ALL * (item_vectors.T @ item_vectors)
    system[np.diag_indices_from(system)] += FOLD_RIDGE
    solution: FloatArray = np.linalg.solve(system, liked.sum(axis=0))
    return solution
