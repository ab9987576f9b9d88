"""DeepWalk, from user to user: what the nearest users by vector like."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import BoolArray, FloatArray
from recsys_core.events import OnEvent
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.base import RecallModel
from recsys_core.recall.history import HistoryConfig, query_matrix
from recsys_core.recall.index import IndexConfig, VectorIndex, report_recall
from recsys_core.recall.similar import ItemToItem, cosine_scores, unit
from recsys_core.recall.skipgram import SkipGram, train_skip_gram
from recsys_core.recall.validation import Validation
from recsys_core.recall.walks import WalkConfig, Walks
from recsys_core.registry import register_model


class DeepWalkUserConfig(WalkConfig, HistoryConfig, IndexConfig):
    """Fields of DeepWalk from user to user."""

    scoring: Literal["neighbours", "vectors"] = Field(
        "neighbours",
        description="neighbours: the items of the nearest users, weighted by similarity; vectors: "
        "the user's input vector asks the items' output vectors.",
    )
    neighbours: int = Field(200, ge=1, le=100_000, description="Nearest users that are asked.")
    sharpness: float = Field(
        1.0, ge=0, le=100, description="Exponent of the cosine when it weights a neighbour's items."
    )


@register_model(
    "deepwalk-user",
    stage="recall",
    title="Random walks, items of the nearest users",
    paper="Perozzi, Al-Rfou, Skiena: DeepWalk: Online learning of social representations. KDD 2014",
)
class DeepWalkUser(ItemToItem, RecallModel[DeepWalkUserConfig]):
    """Give users and items vectors by random walks, as `deepwalk-item` does, and ask users.

    With N(u) the nearest users by cosine and s the sharpness,

        score(u, j) = sum over n in N(u), who like j, of cos(v_u, v_n)^s.

    A known user is served by the vector of training; an unknown one by the mean of the vectors of
    the history's items, which live in the same space.
    """

    Config: ClassVar[type[Config]] = DeepWalkUserConfig

    vectors: SkipGram
    """Of users, then items."""
    index: VectorIndex
    """Over the users that learned a vector, scaled to length 1."""
    learned: BoolArray
    """Shape (n_users,): whether the user had a relevant row, and so a vector."""
    curve: list[dict[str, float]]
    """ndcg@10 on validation users after each pass."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        validation = Validation(valid)
        walks = Walks(positives.matrix(), self.config.walk_length, self.runtime.seed)

        def validate(vectors: SkipGram) -> dict[str, float]:
            self._take(vectors, IndexConfig())  # an exact one is quickly built
            return validation(self)

        self.curve = train_skip_gram(
            walks,
            walks.counts,
            self.config.walks_per_node,
            self.config,
            self.runtime.seed,
            validate,
            on_event,
        )
        self._take(self.vectors, self.config)
        report_recall(self.index, self.index.vectors, self.config.neighbours, on_event)

    def _take(self, vectors: SkipGram, config: IndexConfig) -> None:
        self.vectors = vectors
        users = vectors.inputs[: len(self.histories)]
        self.learned = np.any(users != 0, axis=1)
        self.indexed = np.flatnonzero(self.learned)
        self.index = VectorIndex(unit(users[self.indexed]), config)
        self.likes = self.liked(self.histories).matrix(self.n_items)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Ask the nearest users, or multiply vectors, shape (n, n_items)."""
        known = (users >= 0) & (users < len(self.learned))
        known &= self.learned[np.where(known, users, 0)]
        liked = self.liked(histories)
        queries = self._queries(users, known, liked)
        if self.config.scoring == "vectors":
            scores: FloatArray = queries @ self.vectors.outputs[len(self.histories) :].T
        else:
            weights = self._nearest(unit(queries), np.where(known, users, -1))
            scores = (weights @ self.likes).toarray()
        return self.popular_where_empty(scores, ~known & (liked.lengths == 0))

    def _queries(
        self, users: NDArray[np.integer], known: BoolArray, liked: Histories
    ) -> FloatArray:
        """Take known users' vectors, the mean of the items' for others, shape (n, dim)."""
        inputs = self.vectors.inputs
        weights = query_matrix(liked, self.config, self.n_items)
        total = np.asarray(weights.sum(axis=1)).reshape(-1, 1)
        means = weights @ inputs[len(self.histories) :] / np.where(total > 0, total, 1)
        queries: FloatArray = np.where(known[:, None], inputs[np.where(known, users, 0)], means)
        return queries.astype(np.float32, copy=False)

    def _nearest(self, queries: FloatArray, own: NDArray[np.integer]) -> sp.csr_matrix:
        """Weigh the nearest users but oneself, shape (n, n_users)."""
        wanted = min(self.config.neighbours + 1, len(self.index))
        position, cosine = self.index.search(queries, wanted)
        nearest = self.indexed[position]
        asked = (position >= 0) & (nearest != own[:, None]) & (cosine > 0)
        asked &= np.cumsum(asked, axis=1) <= self.config.neighbours
        weights = np.where(asked, cosine, 0) ** self.config.sharpness * asked
        rows = np.repeat(np.arange(len(queries)), wanted)
        shape = (len(queries), len(self.histories))
        return sp.csr_matrix((weights.ravel(), (rows, nearest.ravel())), shape=shape)

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Cosine of input vectors, shape (n, n_items)."""
        return cosine_scores(self.vectors.inputs[len(self.histories) :], items)

    def state(self) -> dict[str, NDArray[Any]]:
        """Both vectors of each user and item."""
        return self.vectors.state()

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the vectors and build the index again."""
        self._take(SkipGram.from_state(arrays, self.config.dim), self.config)
