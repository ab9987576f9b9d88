"""Beyond-accuracy metrics: novelty, diversity, popularity, coverage and Gini of lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import Dataset, IntArray, MultiCategorical
from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.result import Vector
from recsys_core.protocols.split import Split

BITS = 64
#: users at a time, so that the tables of pairs stay in the cache
BLOCK = 1024


def list_metrics(items: IntArray, split: Split, ks: Sequence[int]) -> dict[str, Vector]:
    """Compute novelty, popularity and, where items have genres, diversity of each list at each K.

    - ``novelty@K``: mean of -log2 p, p = (train rows of the item + 1) / (train rows + catalogue).
    - ``popularity@K``: mean share of the train users who have the item in train.
    - ``diversity@K``: mean Jaccard distance of the genres of all pairs of the list. Nothing is
      known of an item without genres: pairs with one are left out.

    A list that is shorter than K is averaged over what it holds; NaN where that is nothing.

    Parameters
    ----------
    items
        Shape (n, width): ranked items, -1 where a list is short; width is at least max(ks).
    """
    items = items[:, : max(ks)]
    rows = split.train.item_counts()
    novelty = -np.log2((rows + 1) / (rows.sum() + split.catalogue.sum()))
    popularity = _users_of_items(split.train) / np.count_nonzero(np.bincount(split.train.user))
    metrics = {}
    for name, value in (("novelty", novelty), ("popularity", popularity)):
        for k, mean in zip(ks, _prefix_means(value, items, ks), strict=True):
            metrics[f"{name}@{k}"] = mean
    genres = genre_masks(split.dataset)
    if genres is not None:
        for k, mean in zip(ks, _diversity(genres, items, ks), strict=True):
            metrics[f"diversity@{k}"] = mean
    return metrics


def catalogue_metrics(items: IntArray, split: Split, ks: Sequence[int]) -> dict[str, float]:
    """Compute coverage and gini of all lists together at each K.

    - ``coverage@K``: distinct listed items / catalogue.
    - ``gini@K``: Gini coefficient of how often each item of the catalogue is listed, never listed
      ones included: 0 when all are listed equally often, (n - 1) / n when only one is.
    """
    metrics = {}
    for k in ks:
        listed = items[:, :k]
        counts = np.bincount(listed[listed >= 0], minlength=split.dataset.n_items)
        counts = counts[split.catalogue]
        metrics[f"coverage@{k}"] = float((counts > 0).mean())
        metrics[f"gini@{k}"] = gini(counts)
    return metrics


def gini(counts: NDArray[np.integer]) -> float:
    """Gini coefficient of non-negative counts, shape (n,); NaN when all are 0.

    With counts in ascending order: 2 * sum_i i * x_i / (n * sum x) - (n + 1) / n.
    """
    total, n = counts.sum(), len(counts)
    if total == 0:
        return float("nan")
    place = np.arange(1, n + 1)
    return float(2 * (place * np.sort(counts)).sum() / (n * total) - (n + 1) / n)


def _users_of_items(train: Interactions) -> NDArray[np.int64]:
    """Shape (n_items,): distinct users of each item."""
    return np.bincount(train.pairs() % train.n_items, minlength=train.n_items)


def _prefix_means(value: Vector, items: IntArray, ks: Sequence[int]) -> list[Vector]:
    """Mean `value` (shape (n_items,)) of the first K items of each list, per K."""
    listed = items >= 0
    total = np.cumsum(np.where(listed, value[items], 0.0), axis=1)
    return [_ratio(total[:, k - 1], listed[:, :k].sum(axis=1)) for k in ks]


def _ratio(total: NDArray[np.number], count: NDArray[np.number]) -> Vector:
    ratio: Vector = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return ratio


def genre_masks(dataset: Dataset) -> NDArray[np.uint64] | None:
    """Shape (words, n_items): a bit per genre; None when items have no genres."""
    column = dataset.item_columns.get("genres")
    if not isinstance(column, MultiCategorical):
        return None
    words = -(-len(column.vocabulary) // BITS)
    masks = np.zeros((words, dataset.n_items), dtype=np.uint64)
    item = np.repeat(np.arange(dataset.n_items), np.diff(column.offsets))
    bit = np.uint64(1) << (column.codes % BITS).astype(np.uint64)
    np.bitwise_or.at(masks, (column.codes // BITS, item), bit)
    return masks


def _diversity(genres: NDArray[np.uint64], items: IntArray, ks: Sequence[int]) -> list[Vector]:
    """Mean Jaccard distance of all pairs with known genres among the first K, per K."""
    distances, pairs = [], []
    for start in range(0, len(items), BLOCK):
        listed = items[start : start + BLOCK].T
        masks = np.where(listed >= 0, genres[:, listed], np.uint64(0))
        sums, counts = _distance_sums(masks)
        distances.append(sums)
        pairs.append(counts)
    distance, count = np.concatenate(distances, axis=1), np.concatenate(pairs, axis=1)
    return [_ratio(distance[k - 1], count[k - 1]) for k in ks]


def _distance_sums(masks: NDArray[np.uint64]) -> tuple[Vector, NDArray[np.int64]]:
    """Sum the distances, and count the pairs, of the first r items of each list for every r.

    Parameters
    ----------
    masks
        Shape (words, width, n): the genres of the item at each rank, a bit each; 0 is unknown.

    Returns
    -------
    Shape (width, n) each.
    """
    size = np.bitwise_count(masks).sum(axis=0, dtype=np.int16)
    similarity = np.zeros(size.shape)
    for rank in range(1, len(size)):
        shared = np.bitwise_count(masks[:, :rank] & masks[:, rank, None]).sum(
            axis=0, dtype=np.int16
        )
        union = size[:rank] + size[rank] - shared
        similarity[rank] = (shared / np.maximum(union, 1, dtype=np.float32)).sum(axis=0)
    known = size > 0
    pairs = np.cumsum(known * (np.cumsum(known, axis=0) - known), axis=0)
    return pairs - np.cumsum(similarity, axis=0), pairs
