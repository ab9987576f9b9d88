"""EASE: an item-item linear autoencoder with a closed-form solution."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.capacity import require_memory
from recsys_core.compute.rehearsal import by_rows, cubic
from recsys_core.compute.threads import shared_out
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import Event, OnEvent
from recsys_core.recall.base import FEW_PAIRS, RecallModel, Updates
from recsys_core.recall.shared.history import HistoryConfig, query_matrix, rating_weights
from recsys_core.recall.shared.similar import ItemToItem
from recsys_core.registry import register_model
from recsys_core.saving.arrays import take

#: matrices of n_items x n_items float32 that a fit holds at its peak
MATRICES = 4


class EaseConfig(HistoryConfig):
    """Fields of EASE."""

    l2: float = Field(
        500.0,
        gt=0,
        le=1e9,
        description="L2 penalty on the weights; sparser data need a larger one.",
    )


@register_model(
    "ease",
    stage="recall",
    title="Linear item-item autoencoder",
    paper="Steck: Embarrassingly shallow autoencoders for sparse data. WWW 2019",
    deterministic=True,
)
class Ease(ItemToItem, RecallModel[EaseConfig]):
    """Predict the matrix from itself, X ~ X B, with no item allowed to predict itself.

    min |X - X B|^2 + l2 |B|^2 with diag(B) = 0 has the solution, with P = (X'X + l2 I)^-1,

        B_ij = -P_ij / P_jj  for i != j.

    A user's scores are the rows of B of the items in the history, added up. X holds what the query
    would hold of train, age apart: positives, or with a rating exponent every event's weight.
    """

    Config: ClassVar[type[Config]] = EaseConfig
    updates: ClassVar[Updates | None] = "anew"
    all_pairs: ClassVar[bool] = True

    reads_weights: ClassVar[bool] = True

    weights: FloatArray
    """Shape (n_items, n_items): B; row i is what item i says about every other."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        require_memory(
            "ease",
            MATRICES * 4 * positives.n_items**2,
            f"a matrix of {positives.n_items:,} x {positives.n_items:,} items",
            lambda free: [{"model": FEW_PAIRS}],
        )
        matrix = self._matrix(positives)
        gram = by_rows(_gram, matrix)
        on_event(Event("fit", 1, 2))
        np.fill_diagonal(gram, gram.diagonal() + np.float32(self.config.l2))
        inverse = cubic(_inverse, gram)
        on_event(Event("fit", 2, 2))
        inverse /= -inverse.diagonal()
        np.fill_diagonal(inverse, 0)
        self.weights = inverse

    def _matrix(self, positives: Interactions) -> sp.csr_matrix:
        """X, shape (n_users, n_items): weights of positives, or with a rating exponent of all."""
        if self.config.rating_exponent is None:
            return positives.weighted_matrix()
        weights = rating_weights(self.histories, self.config.rating_exponent)
        return self.histories.matrix(self.n_items, weights)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up the rows of the history's items, shape (n, n_items)."""
        query = query_matrix(self, histories)
        return self.popular_where_empty(query @ self.weights, query.getnnz(axis=1) == 0)

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Look up what each item says about every other, shape (n, n_items)."""
        scores: FloatArray = self.weights[items]
        learned = self.popularity > 0
        scores[:, ~learned] = -np.inf
        scores[~learned[items]] = -np.inf
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the weights."""
        return {"weights": self.weights}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the weights."""
        self.weights = take(arrays, "weights", np.float32, (self.n_items, self.n_items))


def _gram(matrix: sp.csr_matrix) -> FloatArray:
    gram: FloatArray = (matrix.T @ matrix).toarray()
    return gram


def _inverse(matrix: FloatArray) -> FloatArray:
    """Invert a symmetric positive definite matrix by its Cholesky factor, overwriting it."""
    from scipy.linalg import LinAlgError, lapack  # not needed to recommend

    with shared_out(1):  # its BLAS, loaded by the import, knows of no limit of threads yet
        factor, failed = lapack.spotrf(matrix.T, lower=True, overwrite_a=True)
        if failed:
            raise LinAlgError("the Gram matrix is not positive definite; use a larger l2")
        half, _ = lapack.spotri(factor, lower=True, overwrite_c=True)
    lower: FloatArray = np.tril(half, -1)
    return np.ascontiguousarray(np.tril(half) + lower.T)
