"""DeepWalk, from item to item: candidates whose vectors are near those of the history's items."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.blocks import map_blocks
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories
from recsys_core.events import OnEvent
from recsys_core.recall.embeddings.walks import WalkConfig, WalkModel, similarities
from recsys_core.recall.shared.history import query_matrix
from recsys_core.registry import register_model
from recsys_core.retrieval.vector_index import IndexConfig, VectorIndex, report_recall

#: items that are searched for at a time
BLOCK = 1024


class DeepWalkItemConfig(WalkConfig):
    """Fields of DeepWalk from item to item."""

    popularity_exponent: float = Field(
        0.3,
        ge=-1,
        le=1,
        description="Multiply scores by the candidate's count to this power; similarity alone "
        "favours rare items.",
    )


@register_model(
    "deepwalk-item",
    stage="recall",
    title="Random walks, items near the history's items",
    paper="Perozzi, Al-Rfou, Skiena: DeepWalk: Online learning of social representations. KDD 2014",
)
class DeepWalkItem(WalkModel[DeepWalkItemConfig]):
    """Walk at random over the graph of users and items, and take walks for sentences.

        u1 - i3 - u7 - i2 - u4 - …      i3 and i2 are two steps apart: somebody likes both

    With N(j) the nearest items of j by similarity of nodes, w the weights of the history, c the
    count of the candidate and a the popularity exponent,

        score(j) = c_j^a * sum over i in the history and in N(j) of w_i sim(i, j).
    """

    Config: ClassVar[type[Config]] = DeepWalkItemConfig

    neighbours: sp.csr_matrix
    """Shape (n_items, n_items): column j holds c_j^a sim(i, j) at its neighbours i."""

    def _prepare(self, index: IndexConfig, on_event: OnEvent) -> None:
        items = np.flatnonzero(self.popularity)
        vectors, k = self.item_nodes[items], self.config.neighbours
        places = VectorIndex(vectors, index)
        report_recall(places, vectors, k, on_event)

        def nearest(block: slice) -> sp.csr_matrix:
            own = np.arange(block.start, block.stop)
            return similarities(places, vectors[block], own, k)

        near = sp.vstack(map_blocks(nearest, len(items), BLOCK)).tocoo()
        candidates = items[near.row]
        values = near.data * self.popularity[candidates] ** self.config.popularity_exponent
        shape = (self.n_items, self.n_items)
        self.neighbours = sp.csr_matrix((values, (items[near.col], candidates)), shape=shape)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up similarities to the history's items, shape (n, n_items)."""
        query = query_matrix(self, histories)
        scores: FloatArray = (query @ self.neighbours).toarray()
        return self.popular_where_empty(scores, query.getnnz(axis=1) == 0)
