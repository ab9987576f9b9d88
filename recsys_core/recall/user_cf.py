"""User-based collaborative filtering: what the users who like the same items like besides."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.powers import power
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel, Updates
from recsys_core.recall.shared.history import HistoryConfig, query_matrix
from recsys_core.registry import register_model
from recsys_core.retrieval.topk import top_k


class UserCFConfig(HistoryConfig):
    """Fields of user-based collaborative filtering."""

    neighbours: int = Field(
        100, ge=1, le=1_000_000, description="Number of most similar users to use per user."
    )
    shrinkage: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Added to the denominator, to shrink similarities supported by few items.",
    )
    activity_damping: float = Field(
        0.5,
        ge=0,
        le=2,
        description="Exponent of the neighbour's number of liked items in the denominator. 0.5 is "
        "the cosine; more favours neighbours with few liked items.",
    )
    popularity_damping: float = Field(
        0.5,
        ge=0,
        le=2,
        description="A common item liked by n users has weight n^(-this); 0: all items count "
        "equally.",
    )
    amplification: float = Field(
        2.0,
        gt=0,
        le=10,
        description="Raise similarities to this power; a larger one gives the most similar users "
        "more weight.",
    )


@register_model(
    "user-cf",
    stage="recall",
    title="User-based collaborative filtering",
    paper="Resnick et al.: GroupLens: An open architecture for collaborative filtering of netnews. "
    "CSCW 1994; damping of popular items and amplification: Breese, Heckerman, Kadie: Empirical "
    "analysis of predictive algorithms for collaborative filtering. UAI 1998",
    deterministic=True,
)
class UserCF(RecallModel[UserCFConfig]):
    """Add up the positives of the users v nearest to the query u.

    With q the weighted history, r_v the positives of v (0 or 1), items weighted
    g_i = (users who like i)^-popularity_damping, shrinkage h and activity damping a:

        s_uv = sum_i g_i q_i r_vi / ((sum_i g_i q_i^2)^(1/2) (sum_i g_i r_vi)^a + h)
        score(j) = sum over the `neighbours` largest s_uv of s_uv^amplification r_vj
    """

    Config: ClassVar[type[Config]] = UserCFConfig
    updates: ClassVar[Updates | None] = "anew"

    positives: sp.csr_matrix
    """Shape (n_users, n_items), binary."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        self._index()

    def _index(self) -> None:
        """Lay out the positives of all users for products with queries."""
        self.positives = self.liked(self.histories).matrix(self.n_items)
        self.positives.data[:] = 1  # a repeated pair was summed
        # powers and sums that no processor rounds in a way of its own: nearly equal users and
        # items keep their order everywhere
        damping = power(np.maximum(self.popularity, 1), -self.config.popularity_damping)
        self.item_weight = damping.astype(np.float32)
        weight = self._weight_of_rows(self.positives, self.item_weight[self.positives.indices])
        self.activity = power(weight, self.config.activity_damping).astype(np.float32)
        self._by_item = self.positives.T.tocsr()
        self._order = np.arange(len(self.histories), dtype=np.int32)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up what the nearest users like, shape (n, n_items)."""
        query = query_matrix(self, histories)
        nearest = self._nearest(users, query)
        scores: FloatArray = (nearest @ self.positives).toarray()
        return self.popular_where_empty(scores, query.getnnz(axis=1) == 0)

    def _nearest(self, users: NDArray[np.integer], query: sp.csr_matrix) -> sp.csr_matrix:
        """Similarities to the nearest other users, amplified, shape (n, n_users)."""
        weighted = query.copy()
        weighted.data *= self.item_weight[query.indices]
        similarity: FloatArray = (weighted @ self._by_item).toarray()
        length = np.sqrt(self._weight_of_rows(query, weighted.data * query.data))
        scale = length.astype(np.float32)[:, None] * self.activity
        scale += np.float32(self.config.shrinkage)
        np.divide(similarity, scale, out=similarity, where=scale > 0)
        known = np.flatnonzero((users >= 0) & (users < len(self.histories)))
        similarity[known, users[known]] = 0  # nobody is the own neighbour
        similarity[similarity <= 0] = -np.inf
        neighbours, values = top_k(similarity, self.config.neighbours, self._order)
        row, place = np.nonzero(neighbours >= 0)
        amplified = power(values[row, place], self.config.amplification).astype(np.float32)
        return sp.csr_matrix(
            (amplified, (row, neighbours[row, place])), shape=(len(users), len(self.histories))
        )

    @staticmethod
    def _weight_of_rows(matrix: sp.csr_matrix, values: FloatArray) -> NDArray[np.float64]:
        """Add up a value for each entry of `matrix` in the order of the entries, shape (rows,)."""
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        return np.bincount(rows, values, minlength=matrix.shape[0]).astype(np.float64)

    @property
    def row_width(self) -> int:
        """All users are compared before all items are scored."""
        return max(self.n_items, len(self.histories))

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing beside the histories, which the base class keeps."""
        return {}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Lay out the positives again."""
        self._index()
