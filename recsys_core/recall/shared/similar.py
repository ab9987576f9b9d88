"""Item to item: the items most like a given one, for every model that knows how alike items are."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.blocks import map_blocks
from recsys_core.data.dataset import BoolArray, FloatArray, IntArray
from recsys_core.errors import InputError
from recsys_core.recall.lists import TopK, block_rows
from recsys_core.retrieval.topk import top_k


class ItemToItem(ABC):
    """Mixed into the recall models that have item vectors or similarities."""

    catalogue: BoolArray
    tie_rank: IntArray

    @abstractmethod
    def item_scores(self, items: NDArray[np.integer]) -> FloatArray:
        """Score how alike every item is to some items.

        Where similarity has a direction it is that of `recommend`: what one of `items`, in a
        history, says for every item.

        Returns
        -------
        A new array of shape (n, n_items), float32; higher is more alike, -inf is never listed.
        """

    def similar_items(self, items: NDArray[np.integer], k: int) -> TopK:
        """Rank the catalogue by similarity to each of `items`, the item itself left out.

        Parameters
        ----------
        items
            Shape (n,): item numbers. One that is not in the catalogue, or of which the model has
            learned nothing, gets no list.
        k
            Length of the lists, at least 1; it may be larger than the catalogue.

        Raises
        ------
        InputError
            k below 1, or an item the model does not know.
        """
        if k < 1:
            raise InputError(f"similar_items: k = {k}", "k must be at least 1")
        n_items = len(self.catalogue)
        wrong = items[(items < 0) | (items >= n_items)]
        if len(wrong):
            raise InputError(
                f"similar_items: item number {wrong[0]}, the model knows 0 to {n_items - 1}",
                "use a model fitted on a data set that has it",
            )

        def rank(block: slice) -> tuple[IntArray, FloatArray]:
            part = items[block]
            scores = self.item_scores(part)
            scores[:, ~self.catalogue] = -np.inf
            scores[~self.catalogue[part]] = -np.inf
            scores[np.arange(len(part)), part] = -np.inf
            return top_k(scores, k, self.tie_rank)

        parts = map_blocks(rank, len(items), block_rows(n_items))
        if not parts:
            return TopK(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
        found, scores = (np.concatenate(side) for side in zip(*parts, strict=True))
        return TopK(found, scores)


def cosine_scores(vectors: FloatArray, items: NDArray[np.integer]) -> FloatArray:
    """Compute the cosine of the vectors of `items` and all others, shape (n, n_items).

    Where a vector is zero, nothing was learned: -inf.
    """
    scaled = unit(vectors)
    scores: FloatArray = scaled[items] @ scaled.T
    learned = np.any(vectors != 0, axis=1)
    scores[:, ~learned] = -np.inf
    scores[~learned[items]] = -np.inf
    return scores


def unit(vectors: FloatArray) -> FloatArray:
    """Scale each row to length 1; zero rows stay zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: FloatArray = vectors / np.maximum(length, np.float32(1e-30))
    return scaled
