"""Item-based collaborative filtering: items that the same users like are alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.evaluation.topk import top_k
from recsys_core.events import OnEvent
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.base import BLOCK_SCORES, RecallModel
from recsys_core.recall.blocks import map_blocks
from recsys_core.recall.history import HistoryConfig, query_matrix
from recsys_core.recall.similar import ItemToItem
from recsys_core.registry import register_model

#: up to this many items, sparse x dense products beat sparse x sparse ones (measured on MovieLens:
#: a step of the dense product costs a thirteenth of one of the sparse product), and a matrix of
#: all pairs takes 256 MiB at most
DENSE_ITEMS = 8192
#: items a block of that matrix
GRAM_BLOCK = 256


class ItemCFConfig(HistoryConfig):
    """Fields of item-based collaborative filtering."""

    similarity: Literal["cosine", "jaccard", "dice"] = Field(
        "cosine", description="How the users that two items share become a similarity."
    )
    neighbours: int = Field(
        100, ge=1, le=100_000, description="Most similar items kept for each item."
    )
    shrinkage: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Added to the denominator: similarities that few users support shrink.",
    )
    asymmetry: float = Field(
        0.3,
        ge=0,
        le=1,
        description="cosine: exponent of the recommended item's count, its complement that of the "
        "history's item; 0.5 is the plain cosine, less favours popular items.",
    )
    activity_damping: float = Field(
        0.5,
        ge=0,
        le=2,
        description="A user with n items counts n to the power of minus this; 0: all count alike.",
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

    With users weighted w_u = n_u^-activity_damping, c_ij = sum of w_u over users who like both,
    c_i = c_ii, shrinkage h and asymmetry a:

        cosine   s_ij = c_ij / (c_i^(1-a) c_j^a + h)
        jaccard  s_ij = c_ij / (c_i + c_j - c_ij + h)
        dice     s_ij = c_ij / ((c_i + c_j) / 2 + h)

    Only the `neighbours` largest s_ij of every candidate j are kept.
    """

    Config: ClassVar[type[Config]] = ItemCFConfig

    neighbours: sp.csr_matrix
    """Shape (n_items, n_items): row j holds s_ij at its neighbours i."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        matrix = positives.matrix()
        activity = np.maximum(matrix.getnnz(axis=1), 1).astype(np.float32)
        weighted = sp.diags_array(activity**-self.config.activity_damping) @ matrix
        counts = np.asarray(weighted.sum(axis=0), dtype=np.float32).ravel()
        shared = shared_counts(sp.csr_matrix(weighted.T), matrix.tocsc())

        def nearest(block: slice) -> tuple[NDArray[np.int32], FloatArray]:
            similarity = self._similarity(shared(block), counts[block, None], counts)
            rows = np.arange(block.stop - block.start)
            similarity[rows, rows + block.start] = 0  # no item is its own neighbour
            similarity[similarity <= 0] = -np.inf
            return top_k(similarity, self.config.neighbours, self.tie_rank)

        parts = map_blocks(nearest, self.n_items, max(1, BLOCK_SCORES // self.n_items))
        items, values = (np.concatenate(side) for side in zip(*parts, strict=True))
        self._set_neighbours(items, values)

    def _similarity(self, shared: FloatArray, target: FloatArray, source: FloatArray) -> FloatArray:
        """Turn shared counts, shape (targets, n_items), into similarities of the same shape."""
        if self.config.similarity == "cosine":
            scale = target**self.config.asymmetry * source ** (1 - self.config.asymmetry)
        elif self.config.similarity == "jaccard":
            scale = target + source - shared
        else:
            scale = (target + source) / 2
        scale += self.config.shrinkage
        return np.divide(shared, scale, out=shared, where=scale > 0)

    def _set_neighbours(self, items: NDArray[np.int32], values: FloatArray) -> None:
        """Build the matrix from lists of shape (n_items, neighbours), padded with -1."""
        kept = items >= 0
        offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
        self.neighbours = sp.csr_matrix(
            (values[kept], items[kept], offsets), shape=(self.n_items, self.n_items)
        )

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up the similarities to the history's items, shape (n, n_items)."""
        query = query_matrix(self, histories)
        scores = _product(query.T, self.neighbours)
        return self.popular_where_empty(scores, query.getnnz(axis=1) == 0)

    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Similarities of the neighbours kept for each item, shape (n, n_items)."""
        scores: FloatArray = self.neighbours[items].toarray()
        scores[scores == 0] = -np.inf
        return scores

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the neighbours, compressed by rows."""
        matrix = self.neighbours
        return {"offsets": matrix.indptr, "neighbours": matrix.indices, "similarities": matrix.data}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the neighbours."""
        self.neighbours = sp.csr_matrix(
            (arrays["similarities"], arrays["neighbours"], arrays["offsets"]),
            shape=(self.n_items, self.n_items),
        )


def shared_counts(by_item: sp.csr_matrix, by_user: sp.csc_matrix) -> Callable[[slice], FloatArray]:
    """Prepare to count, for blocks of items, the users shared with every item.

    Parameters
    ----------
    by_item
        Shape (n_items, n_users): what each user's like counts.
    by_user
        Shape (n_users, n_items): the same likes as ones.

    Returns
    -------
    A function from a slice of items to an array of shape (items, n_items) that may be overwritten.
    """
    n_items = by_item.shape[0]
    if n_items > DENSE_ITEMS:
        return lambda block: _product(by_user[:, block], by_item)
    gram = np.empty((n_items, n_items), dtype=np.float32)

    def half(block: slice) -> None:  # the matrix is symmetric: below the diagonal, then mirrored
        below = by_item[block.start :] @ by_user[:, block].toarray()
        gram[block.start :, block] = below
        gram[block, block.stop :] = below[block.stop - block.start :].T

    map_blocks(half, n_items, GRAM_BLOCK, in_place=True)
    return lambda block: gram[block]


def _product(columns: sp.csc_matrix, rows: sp.csr_matrix) -> FloatArray:
    """Compute (rows @ columns)' as a dense array: one row for each of the `columns`."""
    if rows.shape[0] <= DENSE_ITEMS:
        return np.ascontiguousarray((rows @ columns.toarray()).T)
    product: FloatArray = (columns.T @ rows.T).toarray()
    return product
