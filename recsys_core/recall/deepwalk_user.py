"""DeepWalk, from user to user: what the users with the nearest vectors like."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.events import OnEvent
from recsys_core.recall.embeddings.walks import WalkConfig, WalkModel, similarities
from recsys_core.recall.shared.history import query_matrix
from recsys_core.recall.shared.similar import unit
from recsys_core.registry import register_model
from recsys_core.retrieval.vector_index import IndexConfig, VectorIndex, report_recall


class DeepWalkUserConfig(WalkConfig):
    """Fields of DeepWalk from user to user."""


@register_model(
    "deepwalk-user",
    stage="recall",
    title="Random walks, items of the nearest users",
    paper="Perozzi, Al-Rfou, Skiena: DeepWalk: Online learning of social representations. KDD 2014",
)
class DeepWalkUser(WalkModel[DeepWalkUserConfig]):
    """Walk at random over the graph of users and items, and take walks for sentences.

        u1 - i3 - u7 - i2 - u4 - …      u1 and u7 are two steps apart: both like i3

    A user asks by the unit vector of the own node plus that of the history, the weighted mean of
    its items' nodes; an unknown user by the history alone. With N the nearest other users,

        score(j) = sum over the n in N who like j of sim(query, n).
    """

    Config: ClassVar[type[Config]] = DeepWalkUserConfig

    index: VectorIndex
    """Over the nodes of the users who like something."""
    place: IntArray
    """Shape (n_users,): place of each user in the index; -1: not there."""
    positives: sp.csr_matrix
    """Shape (len(index), n_items): what those users like."""

    def _prepare(self, index: IndexConfig, on_event: OnEvent) -> None:
        liked = self.liked(self.histories)
        indexed = np.flatnonzero(liked.lengths)
        self.place = np.full(len(liked), -1, dtype=np.int32)
        self.place[indexed] = np.arange(len(indexed))
        self.positives = liked.take(indexed).matrix(self.n_items)
        self.positives.data[:] = 1  # a repeated pair was summed
        self.index = VectorIndex(self.user_nodes[indexed], index)
        report_recall(self.index, self.index.vectors, self.config.neighbours, on_event)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up what the nearest users like, shape (n, n_items)."""
        known = (users >= 0) & (users < len(self.user_nodes))
        own = np.where(known, users, 0)
        nodes = np.where(known[:, None], self.user_nodes[own], np.float32(0))
        weights = query_matrix(self, histories)
        queries = unit(nodes + unit(weights @ self.item_nodes))
        places = np.where(known, self.place[own], -1)
        near = similarities(self.index, queries, places, self.config.neighbours)
        scores: FloatArray = (near @ self.positives).toarray()
        return self.popular_where_empty(scores, np.all(queries == 0, axis=1))
