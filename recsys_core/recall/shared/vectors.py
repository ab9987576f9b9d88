"""Models whose scores are products of a query vector and item vectors, served from an index."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel
from recsys_core.retrieval.vector_index import (
    IndexConfig,
    VectorIndex,
    report_recall,
    search_unseen,
)

ConfigT = TypeVar("ConfigT", bound=IndexConfig)

#: length of the lists by which an index is compared with the exact one
DEPTH = 100


class VectorModel(RecallModel[ConfigT]):
    """Recommend the items whose vectors have the largest product with a query vector.

    A model sets `targets` and answers `query`. Once `build_index` was called, lists come from the
    index; where it has not all that a list needs, and before, all items are scored.
    """

    targets: FloatArray
    """Shape (n_items, dim): what a query is multiplied with; zero where nothing was learned."""
    learned: BoolArray
    """Shape (n_items,): items of the catalogue with a vector."""
    indexed: IntArray
    """Their numbers, in the order of the index."""
    index: VectorIndex | None = None
    """Over their targets."""

    @abstractmethod
    def query(
        self, users: NDArray[np.integer], histories: Histories
    ) -> tuple[FloatArray, BoolArray]:
        """Make one vector per user.

        Returns
        -------
        queries
            Shape (n, dim), float32.
        empty
            Shape (n,): of whom nothing is known; they get the most popular items.
        """

    def set_targets(self, targets: FloatArray) -> None:
        """Take new item vectors; an index over earlier ones is dropped."""
        self.targets = targets
        self.learned = np.any(targets != 0, axis=1) & self.catalogue
        self.indexed = np.flatnonzero(self.learned).astype(np.int32)
        self.index = None

    def among(self, items: NDArray[np.integer]) -> Self:
        """Make a copy that recommends these items alone, by full scores."""
        narrowed = super().among(items)
        narrowed.set_targets(self.targets)
        return narrowed

    def build_index(self) -> None:
        """Serve from an index from now on."""
        self.index = VectorIndex(self.targets[self.indexed], self.config)

    def report_index(self, on_event: OnEvent) -> None:
        """Say how much the index finds when the histories of fit ask it."""
        assert self.index is not None
        users = np.flatnonzero(self.histories.lengths)
        queries, _ = self.query(users, self.histories.take(users))
        report_recall(self.index, queries, DEPTH, on_event)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Multiply queries and targets, shape (n, n_items); what was not learned comes last."""
        return self.score_queries(*self.query(users, histories))

    def score_queries(self, queries: FloatArray, empty: BoolArray) -> FloatArray:
        """Score for what `query` gave."""
        scores: FloatArray = queries @ self.targets.T
        np.copyto(scores, scores.min(axis=1, keepdims=True) - 1, where=~self.learned)
        return self.popular_where_empty(scores, empty)

    def rank(
        self,
        users: NDArray[np.integer],
        histories: Histories,
        k: int,
        *,
        exclude_seen: bool,
        banned: IntArray,
    ) -> tuple[IntArray, FloatArray]:
        """Rank by the index; who it cannot serve exactly is served by full scores."""
        if self.index is None:
            return super().rank(users, histories, k, exclude_seen=exclude_seen, banned=banned)
        queries, empty = self.query(users, histories)
        seen = histories if exclude_seen else histories.where(np.zeros(len(histories.items), bool))
        items, scores, sure = search_unseen(
            self.index, self.indexed, queries, seen, k, self.tie_rank, banned
        )
        rest = np.flatnonzero(empty | ~sure)
        if len(rest):
            items[rest], scores[rest] = super().rank(
                users[rest], histories.take(rest), k, exclude_seen=exclude_seen, banned=banned
            )
        return items, scores
