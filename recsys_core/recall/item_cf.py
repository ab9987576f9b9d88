"""Item-based collaborative filtering: items that the same users like are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.blocks import map_blocks, telling
from recsys_core.compute.powers import power
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel, Updates
from recsys_core.recall.lists import block_rows
from recsys_core.recall.shared.history import HistoryConfig, query_matrix
from recsys_core.recall.shared.similar import ItemToItem
from recsys_core.registry import register_model
from recsys_core.retrieval.topk import top_k, top_k_of
from recsys_core.saving.arrays import take_matrix

#: up to this many items, sparse x dense products beat sparse x sparse ones (measured on MovieLens:
#: a step of the dense product costs a thirteenth of one of the sparse product), and a matrix of
#: all pairs takes 256 MiB at most
DENSE_ITEMS = 8192
#: candidates of a block of sparse products
SPARSE_BLOCK = 512
#: items a block of that matrix
GRAM_BLOCK = 256


class ItemCFConfig(HistoryConfig):
    """Fields of item-based collaborative filtering."""

    similarity: Literal["cosine", "jaccard", "dice"] = Field(
        "cosine",
        description="How the similarity of two items is computed from the users they "
        "have in common.",
    )
    neighbours: int = Field(
        100, ge=1, le=100_000, description="Number of most similar items kept per item."
    )
    shrinkage: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Added to the denominator, to shrink similarities supported by few users.",
    )
    asymmetry: float = Field(
        0.3,
        ge=0,
        le=1,
        description="With cosine: exponent of the recommended item's count in the denominator; the "
        "history item's count has the complement. 0.5 is the plain cosine; less favours popular "
        "items.",
    )
    activity_damping: float = Field(
        0.5,
        ge=0,
        le=2,
        description="A user with n items has weight n^(-this); 0: all users count equally.",
    )


@register_model(
    "item-cf",
    stage="recall",
    title="Item-based collaborative filtering",
    paper="Deshpande, Karypis: Item-based top-N recommendation algorithms. TOIS 2004; asymmetric "
    "cosine: Aiolli: Efficient top-N recommendation for very large scale binary rated datasets. "
    "RecSys 2013",
    deterministic=True,
)
class ItemCF(ItemToItem, RecallModel[ItemCFConfig]):
    """Add up, over the history, the similarity of each item i to the candidate j.

    With users weighted w_u = n_u^-activity_damping and likes x_ui of 1, or what events weigh by
    type, c_ij = sum of w_u x_ui x_uj over users who like both, c_i = c_ii, shrinkage h and
    asymmetry a:

        cosine   s_ij = c_ij / (c_i^(1-a) c_j^a + h)
        jaccard  s_ij = c_ij / (c_i + c_j - c_ij + h)
        dice     s_ij = c_ij / ((c_i + c_j) / 2 + h)

    Only the `neighbours` largest s_ij of every candidate j are kept. Powers and sums are such that
    no processor rounds them in a way of its own: nearly equal items keep their order everywhere.
    """

    Config: ClassVar[type[Config]] = ItemCFConfig
    updates: ClassVar[Updates | None] = "anew"

    reads_weights: ClassVar[bool] = True

    neighbours: sp.csr_matrix
    """Shape (n_items, n_items): row j holds s_ij at its neighbours i."""
    candidates: sp.csr_matrix
    """Its transpose: row i of the history holds s_ij at the candidates j; float64."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        matrix = positives.weighted_matrix()
        activity = matrix.getnnz(axis=1)
        weight = power(np.maximum(activity, 1), -self.config.activity_damping).astype(np.float32)
        weighted = matrix.copy()
        weighted.data = np.repeat(weight, activity) * matrix.data
        counts = np.bincount(matrix.indices, weighted.data * matrix.data, minlength=self.n_items)
        shared = shared_counts(weighted, matrix.tocsc())
        similar = self._similarity(counts.astype(np.float64))

        most = self.config.neighbours

        def nearest(block: slice) -> tuple[NDArray[np.int32], FloatArray]:
            rows, found = np.arange(block.stop - block.start), shared(block)
            if not isinstance(found, np.ndarray):
                return nearest_of(found, block)
            similarity = similar(found, rows[:, None] + block.start, np.arange(self.n_items))
            similarity[rows, rows + block.start] = 0  # no item is its own neighbour
            similarity[similarity <= 0] = -np.inf
            return top_k(similarity, most, self.tie_rank)

        def nearest_of(found: sp.csr_matrix, block: slice) -> tuple[NDArray[np.int32], FloatArray]:
            row, column = np.repeat(np.arange(found.shape[0]), found.getnnz(axis=1)), found.indices
            similarity = similar(found.data, row + block.start, column)
            kept = (similarity > 0) & (column != row + block.start)
            places = (row[kept], column[kept], similarity[kept])
            return top_k_of(*places, found.shape[0], most, self.tie_rank)

        size = block_rows(self.n_items) if self.n_items <= DENSE_ITEMS else SPARSE_BLOCK
        with telling(on_event, "fit"):
            parts = map_blocks(nearest, self.n_items, size)
        items, values = (np.concatenate(side) for side in zip(*parts, strict=True))
        self._set_neighbours(items, values)

    def _similarity(self, counts: NDArray[np.float64]) -> Callable[..., FloatArray]:
        """Prepare to turn what candidates share with items into similarities.

        Returns
        -------
        A function of what they share, which it overwrites, the candidates, and the items.
        """
        cosine, exponent = self.config.similarity == "cosine", self.config.asymmetry
        target = (power(counts, exponent) if cosine else counts).astype(np.float32)
        source = (power(counts, 1 - exponent) if cosine else counts).astype(np.float32)

        def similar(
            shared: FloatArray, candidates: NDArray[np.integer], items: NDArray[np.integer]
        ) -> FloatArray:
            if cosine:
                scale = target[candidates] * source[items]
            else:
                scale = target[candidates] + source[items]
                scale = scale - shared if self.config.similarity == "jaccard" else scale / 2
            scale += self.config.shrinkage
            np.divide(shared, scale, out=shared, where=scale > 0)
            return shared

        return similar

    def _set_neighbours(self, items: NDArray[np.int32], values: FloatArray) -> None:
        """Build the matrix from lists of shape (n_items, neighbours), padded with -1."""
        kept = items >= 0
        offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
        parts = (values[kept], items[kept], offsets)
        self._index(sp.csr_matrix(parts, shape=(self.n_items, self.n_items)))

    def _index(self, neighbours: sp.csr_matrix) -> None:
        """Keep the neighbours, and lay out the candidates that each of them has."""
        self.neighbours = neighbours
        # products of two float32 are exact in float64, fused with their sum or not
        self.candidates = neighbours.T.tocsr().astype(np.float64)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up the similarities to the history's items, shape (n, n_items)."""
        query = query_matrix(self, histories)
        scores = (query.astype(np.float64) @ self.candidates).astype(np.float32).toarray()
        return self.popular_where_empty(scores, query.getnnz(axis=1) == 0)

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Look up s_ij, what each item i in a history says for every j, shape (n, n_items)."""
        scores: FloatArray = self.candidates[items].astype(np.float32).toarray()
        scores[scores == 0] = -np.inf
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the neighbours, compressed by rows."""
        matrix = self.neighbours
        return {"offsets": matrix.indptr, "neighbours": matrix.indices, "similarities": matrix.data}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the neighbours."""
        names = ("similarities", "neighbours", "offsets")
        self._index(take_matrix(arrays, names, (self.n_items, self.n_items)))


def shared_counts(
    weighted: sp.csr_matrix, positives: sp.csc_matrix
) -> Callable[[slice], FloatArray | sp.csr_matrix]:
    """Prepare to count, for blocks of items, the users shared with every item.

    Parameters
    ----------
    weighted
        Shape (n_users, n_items): what each user's positive counts.
    positives
        Shape (n_users, n_items): the same positives as ones.

    Returns
    -------
    A function from a slice of items to an array of shape (items, n_items) that may be overwritten;
    of many items it is sparse.
    Users are added up in the order of their numbers in any block and thread.
    """
    n_items = weighted.shape[1]
    if n_items > DENSE_ITEMS:
        return lambda block: positives[:, block].T @ weighted
    by_item = weighted.T.tocsr()
    gram = np.empty((n_items, n_items), dtype=np.float32)

    def half(block: slice) -> None:  # the matrix is symmetric: below the diagonal, then mirrored
        below = by_item[block.start :] @ positives[:, block].toarray()
        gram[block.start :, block] = below
        gram[block, block.stop :] = below[block.stop - block.start :].T

    map_blocks(half, n_items, GRAM_BLOCK, in_place=True)
    return lambda block: gram[block]
