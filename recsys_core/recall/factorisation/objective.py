"""The torch side of matrix factorisation: fields, parameters, batches and losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.compute.transfer import to_device
from recsys_core.data.dataset import FloatArray, TimeArray
from recsys_core.data.interactions import Histories
from recsys_core.recall.shared.validation import METRIC
from recsys_core.retrieval.vector_index import IndexConfig
from recsys_core.sampling.config import SamplingConfig
from recsys_core.sampling.hard import search_over
from recsys_core.sampling.negatives import Negatives, Positives, Search
from recsys_core.training.config import TrainingConfig
from recsys_core.training.row_tables import RowTables, RowWise, look_up


class FactorsConfig(TrainingConfig, SamplingConfig):
    """Fields of every model with one vector per user and one per item."""

    replaced: ClassVar[Mapping[str, str]] = {"init": "init_std"}

    loss: Literal["softmax", "bpr", "bce", "mse"] = Field(
        "softmax",
        description="softmax: each positive against many negatives at once; bpr: against one "
        "negative at a time; bce: positive or negative; mse: predict the ratings of all training "
        "rows, with biases.",
    )
    dim: int = Field(128, ge=1, le=4096, description="Embedding dimension.")
    similarity: Literal["cosine", "dot"] | None = Field(
        None,
        description="How user and item vectors are compared; null: cosine with softmax, dot "
        "with other losses.",
    )
    temperature: float = Field(
        0.2,
        gt=0,
        le=100,
        description="Softmax temperature: divides the cosine; a lower one makes "
        "the softmax sharper.",
    )
    init_std: float = Field(
        0.1,
        gt=0,
        le=10,
        description="Standard deviation of the initial vectors; with dot, a small one lets the "
        "strongest directions grow first.",
    )
    l2: float = Field(
        0.0,
        ge=0,
        le=10,
        description="bpr, bce, mse: L2 penalty on the vectors looked up for each row, averaged "
        "over rows.",
    )
    negatives: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Negatives per batch (softmax) or per positive (bpr, bce); null: all available "
        "ones (softmax), or one.",
    )
    epochs: int = Field(
        150, ge=1, le=10_000, description="Maximum number of passes over the users."
    )
    batch_size: int = Field(
        256,
        ge=1,
        le=10_000_000,
        description="softmax: users per gradient step, each with all positives; other losses: rows "
        "per gradient step, where a few thousand work well.",
    )
    learning_rate: float = Field(5e-3, gt=0, le=10, description="Adam's initial learning rate.")
    patience: int = Field(
        5,
        ge=0,
        le=1000,
        description="Stop after this many epochs without a better validation value; 0: never stop "
        "early.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.logq and self.loss != "softmax":
            raise ValueError(f"logq corrects a softmax; it has no meaning with loss {self.loss}")
        if self.hard_negatives and self.loss != "softmax":
            raise ValueError(f"hard_negatives need loss softmax, not {self.loss}")
        if self.l2 and self.loss == "softmax":
            raise ValueError("l2 is a penalty of bpr, bce and mse; with softmax use weight_decay")
        if self.loss == "mse" and self.cosine:
            raise ValueError("loss mse predicts ratings, which a cosine cannot; use dot or null")
        return self

    @property
    def cosine(self) -> bool:
        """Whether vectors meet by cosine."""
        return (self.similarity or ("cosine" if self.loss == "softmax" else "dot")) == "cosine"


@dataclass(frozen=True)
class Tables:
    """What scores are made of: s_ui = <user u, item i> + bias i.

    Parameters
    ----------
    user, item
        Shapes (n_users, dim) and (n_items, dim), before they are scaled.
    bias
        Shape (n_items,).
    temperature
        Of the cosine; None: vectors meet by product.
    """

    user: Tensor
    item: Tensor
    bias: Tensor
    temperature: float | None

    def users(self, users: Tensor) -> Tensor:
        """Vectors of some users as they enter the product, shape (n, dim)."""
        vectors = look_up(self.user, users)  # its gradient is faster than that of indexing
        if self.temperature is None:
            return vectors
        return F.normalize(vectors, dim=-1) / self.temperature

    def items(self, items: Tensor) -> Tensor:
        """Vectors of some items as they enter the product, shape (*items.shape, dim)."""
        vectors = look_up(self.item, items)
        return vectors if self.temperature is None else F.normalize(vectors, dim=-1)

    def all(self) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors of all users, of all items, and the items' biases."""
        device = self.user.device
        users = self.users(torch.arange(len(self.user), device=device))
        return users, self.items(torch.arange(len(self.item), device=device)), self.bias


class Factors(RowTables):
    """Vectors and biases of users and items."""

    row_tables: tuple[str, ...] = ("user", "item", "item_bias", "user_bias")

    def __init__(self, n_users: int, n_items: int, config: FactorsConfig) -> None:
        super().__init__()
        self.temperature = config.temperature if config.cosine else None
        self.user = nn.Parameter(torch.randn(n_users, config.dim).mul_(config.init_std))
        self.item = nn.Parameter(torch.randn(n_items, config.dim).mul_(config.init_std))
        self.item_bias = nn.Parameter(torch.zeros(n_items))
        self.user_bias = nn.Parameter(torch.zeros(n_users))

    def forward(self) -> Tables:
        """Give the vectors that meet in scores."""
        return Tables(self.user, self.item, self.item_bias, self.temperature)


@dataclass(frozen=True)
class Batch:
    """Some users with all their rows, or some rows; cut on the host, which knows how many.

    Parameters
    ----------
    users
        Shape (b,), int64; in a batch of rows the user of each.
    row
        Shape (rows,), int64: position in `users` of each row.
    items, ratings
        Shape (rows,): what, and how rated.
    weights
        Shape (rows,): what each weighs by its type; None: all the same.
    """

    users: Tensor
    row: Tensor
    items: Tensor
    ratings: Tensor
    weights: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """Move to a device."""
        parts: dict[str, Tensor | None] = vars(self)
        moved = {name: to_device(part, device) for name, part in parts.items() if part is not None}
        return Batch(**moved)

    def weigh(self, values: Tensor) -> Tensor:
        """Multiply values of rows, shape (rows, n), with what the rows weigh."""
        return values if self.weights is None else values * self.weights[:, None]


class FactorsObjective:
    """The losses of matrix factorisation: softmax over batches of users, others over rows.

    Parameters
    ----------
    rows
        One row a user: what to learn from.
    counts
        Shape (n_items,): liked train rows of each item.
    validate
        Computes the validation metrics.
    weights
        Shape (rows,): what each row weighs by its type, which the loss mse does not read; None:
        all the same.
    """

    monitor = METRIC

    def __init__(
        self,
        module: Factors,
        rows: Histories,
        counts: TimeArray,
        config: FactorsConfig,
        validate: Callable[[], dict[str, float]],
        weights: FloatArray | None = None,
    ) -> None:
        self.device = module.user.device
        self.module, self.config, self.validate = module, config, validate
        self.active = torch.from_numpy(np.flatnonzero(rows.lengths))
        self.size = len(self.active) if config.loss == "softmax" else len(rows.items)
        self.start = torch.from_numpy(rows.offsets[:-1])
        self.length = torch.from_numpy(rows.lengths)
        self.user = torch.from_numpy(rows.row)
        self.item = torch.from_numpy(rows.items.astype(np.int64))
        self.rating = torch.from_numpy(rows.ratings)
        self.mean_rating = self.rating.mean()
        self.weights = None if weights is None else torch.from_numpy(weights)
        self.n_items = len(counts)
        self.positives = Positives(self.user, self.item, len(rows), self.n_items)
        self.counts = torch.from_numpy(counts)
        self.negatives = Negatives(config, self.counts, self.positives)
        losses = {"softmax": self._softmax, "bpr": self._bpr, "bce": self._bce, "mse": self._mse}
        self.loss: Callable[[Batch], Tensor] = losses[config.loss]

    def rows_with(self, events: Tensor) -> Tensor:
        """Tell which rows of the objective, shape (size,), hold one of the `events` flagged."""
        if self.config.loss != "softmax":
            return events
        users = torch.bincount(self.user[events], minlength=len(self.length)) > 0
        return users[self.active]

    def batches(self, order: Tensor, batch_size: int) -> Iterator[Batch]:
        """Cut the users, or the rows, taken in `order`, into batches."""
        if self.config.hard_negatives:
            self.negatives.search = self._search()
        for some in torch.split(order, batch_size):
            yield self._users(some) if self.config.loss == "softmax" else self._rows(some)

    def _users(self, some: Tensor) -> Batch:
        users = self.active[some]
        lengths = self.length[users]
        row = torch.repeat_interleave(torch.arange(len(users)), lengths)
        first = torch.cumsum(lengths, 0) - lengths
        event = torch.arange(len(row)) + (self.start[users] - first)[row]
        return Batch(users, row, self.item[event], self.rating[event], self._weights(event))

    def _rows(self, some: Tensor) -> Batch:
        place = torch.arange(len(some))
        return Batch(
            self.user[some], place, self.item[some], self.rating[some], self._weights(some)
        )

    def _weights(self, rows: Tensor) -> Tensor | None:
        return None if self.weights is None else self.weights[rows]

    def _softmax(self, batch: Batch) -> Tensor:
        tables: Tables = self.module()
        users = tables.users(to_device(batch.users, self.device))
        return self.negatives.loss(
            users,
            batch.users,
            batch.row,
            batch.items,
            lambda items: users @ tables.items(items).T + look_up(tables.bias, items),
            batch.weights,
        )

    def _search(self) -> Search:
        """Index the items; their biases are one more dimension."""
        _, items, bias = self.module().all()
        catalogue = self.counts.nonzero().squeeze(1)
        vectors = torch.cat([items, bias[:, None]], dim=1)[to_device(catalogue, self.device)]
        search = search_over(vectors, catalogue, IndexConfig())
        return lambda users, k: search(F.pad(users, (0, 1), value=1.0), k)

    def _bpr(self, batch: Batch) -> Tensor:
        items, allowed = self._drawn(batch)
        batch = batch.to(self.device)
        allowed = batch.weigh(allowed)
        scores = _logits(self.module(), batch, items)
        loss = F.softplus(scores[:, 1:] - scores[:, :1])
        loss = (loss * allowed).sum() / allowed.sum().clamp(min=1)
        return loss + self._penalty(batch, items[:, 1:])

    def _bce(self, batch: Batch) -> Tensor:
        items, allowed = self._drawn(batch)
        batch = batch.to(self.device)
        scores = _logits(self.module(), batch, items)
        liked = batch.weigh(F.softplus(-scores[:, :1])).sum()
        total = len(items) if batch.weights is None else batch.weights.sum()
        allowed = batch.weigh(allowed)
        loss = liked + (F.softplus(scores[:, 1:]) * allowed).sum()
        return loss / (total + allowed.sum()) + self._penalty(batch, items[:, 1:])

    def _mse(self, batch: Batch) -> Tensor:
        batch = batch.to(self.device)
        bias = self.module.user_bias
        own = look_up(bias, batch.users) if isinstance(bias, RowWise) else bias[batch.users]
        biases = own[batch.row] + self.mean_rating
        predicted = _logits(self.module(), batch, batch.items[:, None])[:, 0] + biases
        return F.mse_loss(predicted, batch.ratings) + self._penalty(batch, None)

    def _drawn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Put each row's item and its negatives side by side on the device, (rows, 1 + negatives).

        Also 1 for each negative, and 0 where the user likes it.
        """
        rows, each = len(batch.items), self.config.negatives or 1
        drawn = self.negatives.sampler.draw(rows * each, batch.items).view(rows, each)
        allowed = (~self.positives.have(batch.users[batch.row][:, None], drawn)).float()
        items = torch.cat([batch.items[:, None], drawn], dim=1)
        return to_device(items, self.device), to_device(allowed, self.device)

    def _penalty(self, batch: Batch, negatives: Tensor | None) -> Tensor:
        """L2 of the weights behind each row, the negatives' averaged, a mean over rows."""
        if self.config.l2 == 0:
            return torch.zeros((), device=self.device)
        total = _squares(self.module.user, batch.users[batch.row]).mean()
        total = total + _squares(self.module.item, batch.items).mean()
        if negatives is not None:
            total = total + _squares(self.module.item, negatives).mean()
        return self.config.l2 * total


def _squares(table: Tensor, rows: Tensor) -> Tensor:
    """Square the lengths of some rows, of any shape."""
    if isinstance(table, RowWise):
        return look_up(table, rows).square().sum(dim=-1)
    return table.square().sum(dim=1)[rows]


def _logits(tables: Tables, batch: Batch, items: Tensor) -> Tensor:
    """Score some items for each row, shape (rows, n)."""
    users = F.embedding(batch.row, tables.users(batch.users))
    bias = look_up(tables.bias, items)
    return (tables.items(items) * users[:, None]).sum(dim=2) + bias
