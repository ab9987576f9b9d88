"""LightGCN: vectors of users and items, smoothed over the graph of who likes what."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field
from torch import Tensor

from recsys_core.config import Config
from recsys_core.data.interactions import Histories
from recsys_core.recall.factorisation.model import FactorModel
from recsys_core.recall.factorisation.objective import Factors, FactorsConfig, Tables
from recsys_core.registry import register_model


class LightGCNConfig(FactorsConfig):
    """Fields of LightGCN."""

    loss: Literal["softmax", "bpr"] = Field(
        "softmax",
        description="softmax: each positive against many negatives at once; bpr: against one "
        "negative at a time, as in the paper.",
    )
    layers: int = Field(2, ge=1, le=8, description="Number of propagation layers.")
    dim: int = Field(64, ge=1, le=4096, description="Embedding dimension.")
    epochs: int = Field(60, ge=1, le=10_000, description="Maximum number of passes over the users.")
    batch_size: int = Field(
        1024,
        ge=1,
        le=10_000_000,
        description="Users per gradient step, each with all positives (bpr: rows per gradient "
        "step); every step propagates the vectors of all users and items.",
    )
    learning_rate: float = Field(1e-2, gt=0, le=10, description="Adam's initial learning rate.")


@register_model(
    "lightgcn",
    stage="recall",
    title="Light graph convolution",
    paper="He et al.: LightGCN: Simplifying and powering graph convolution network for "
    "recommendation. SIGIR 2020; softmax over cosines: Wu et al.: On the effectiveness of sampled "
    "softmax loss for item recommendation. TOIS 2024",
)
class LightGCN(FactorModel[LightGCNConfig]):
    """Score by vectors that were passed along the edges between users and what they like.

    With A_ui = 1 / sqrt(n_u n_i) where u likes i, n their numbers of positives, the learned vectors
    are layer 0, and

        p^(l+1) = A q^(l),   q^(l+1) = A' p^(l),   p = mean over l of p^(l),   q = mean of q^(l);

    s_ui = cos(p_u, q_i) / T, or <p_u, q_i> with bpr. Nothing else is learned: no bias, no weight
    of a layer.
    """

    Config: ClassVar[type[Config]] = LightGCNConfig

    def _module(self, rows: Histories) -> Factors:
        positives = rows.matrix(self.n_items)
        positives.data[:] = 1  # a repeated pair was summed
        return Propagated(positives, self.config, self.runtime.torch_device())


class Propagated(Factors):
    """Vectors that pass through `layers` steps over the graph.

    Parameters
    ----------
    positives
        Shape (n_users, n_items), binary.
    """

    row_tables: tuple[str, ...] = ()  # a step passes all vectors on

    def __init__(
        self, positives: sp.csr_matrix, config: LightGCNConfig, device: torch.device
    ) -> None:
        n_users, n_items = positives.shape
        super().__init__(n_users, n_items, config)
        self.layers = config.layers
        self.item_bias.requires_grad_(False)
        self.user_bias.requires_grad_(False)
        scaled = normalised(positives)
        self.to_users = _on_torch(scaled, device)
        self.to_items = _on_torch(scaled.T.tocsr(), device)

    def forward(self) -> Tables:
        """Propagate the vectors of all users and items."""
        user: Tensor = self.user
        item: Tensor = self.item
        users, items = [user], [item]
        for _ in range(self.layers):
            user, item = (
                _Spread.apply(self.to_users, self.to_items, item),  # type: ignore[no-untyped-call]
                _Spread.apply(self.to_items, self.to_users, user),  # type: ignore[no-untyped-call]
            )
            users.append(user)
            items.append(item)
        return Tables(_mean(users), _mean(items), self.item_bias, self.temperature)


class _Spread(torch.autograd.Function):
    """Multiply a sparse matrix with vectors; the transpose, which is at hand, brings gradients."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transpose: Tensor, vectors: Tensor) -> Tensor:
        ctx.transpose = transpose
        room = vectors.new_empty(matrix.shape[0], vectors.shape[1])
        return torch.mm(matrix, vectors, out=room)  # `@` has no sparse product with fewer digits

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transpose @ gradient


def _mean(layers: list[Tensor]) -> Tensor:
    return torch.stack(layers).mean(dim=0)


def normalised(positives: sp.csr_matrix) -> sp.csr_matrix:
    """Divide each entry by the root of the sums of its row and its column."""
    rows, columns = (np.maximum(np.asarray(positives.sum(axis=axis)).ravel(), 1) for axis in (1, 0))
    scaled = sp.diags_array(rows**-0.5) @ positives @ sp.diags_array(columns**-0.5)
    return sp.csr_matrix(scaled, dtype=np.float32)


def _on_torch(matrix: sp.csr_matrix, device: torch.device) -> Tensor:
    rows, columns, values = map(torch.from_numpy, (matrix.indptr, matrix.indices, matrix.data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces that its sparse matrices are new
        return torch.sparse_csr_tensor(rows, columns, values, matrix.shape, device=device)
