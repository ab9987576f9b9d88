"""Exact top-K of a block of scores, with ties in a fixed order that favours no model."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.errors import InputError

#: groups of columns per wanted item: so many that few columns pass the bound
GROUPS_PER_ITEM = 4
_PADDING = np.iinfo(np.int64).max
_LOW_BITS = 0xFFFFFFFF


def top_k(scores: FloatArray, k: int, tie_rank: IntArray) -> tuple[IntArray, FloatArray]:
    """Rank the columns of each row by descending score, equal scores by ascending `tie_rank`.

    A lower bound of the k-th score, found from the maxima of groups of columns, leaves few
    candidates per row. Each becomes one integer (score above, place in tie order below), so that
    sorting integers is all the ranking there is.

    Parameters
    ----------
    scores
        Shape (n, n_items), float32; -inf is never listed.
    k
        Length of the lists, at least 1; it may be larger than n_items.
    tie_rank
        Shape (n_items,): a permutation of 0..n_items - 1.

    Returns
    -------
    items, scores
        Shape (n, k) each, int32 and float32, best first; -1 and -inf where a list is short.

    Raises
    ------
    InputError
        A score is NaN: the model diverged.
    """
    n, n_items = scores.shape
    items = np.full((n, k), -1, dtype=np.int32)
    best = np.full((n, k), -np.inf, dtype=np.float32)
    if n == 0 or n_items == 0:
        return items, best
    in_tie_order = np.empty(n_items, dtype=np.int32)
    in_tie_order[tie_rank] = np.arange(n_items)
    ordered = np.take(scores, in_tie_order, axis=1).astype(np.float32, copy=False)
    if np.isnan(ordered.max()):
        raise InputError(
            "the model's scores are not numbers: it diverged",
            "lower its learning rate or regularise it more",
        )
    rows, places = _candidates(ordered, min(k, n_items))
    keys = _padded(rows, _sort_keys(ordered[rows, places], places), n)
    keys.sort(axis=1)
    row, rank = np.nonzero(keys[:, :k] != _PADDING)
    place = keys[row, rank] & _LOW_BITS
    items[row, rank] = in_tie_order[place]
    best[row, rank] = ordered[row, place]
    return items, best


def lower_bounds(scores: FloatArray, k: int) -> FloatArray:
    """Find a lower bound of the k-th largest score of each row, shape (n,), which few exceed.

    It is the k-th largest of the maxima of groups of columns.

    Parameters
    ----------
    scores
        Shape (n, m).
    k
        From 1 to m.
    """
    m = scores.shape[1]
    per_group = max(1, m // (GROUPS_PER_ITEM * k))
    groups = m // per_group
    maxima = reduce(
        np.maximum, (scores[:, i * groups : (i + 1) * groups] for i in range(per_group))
    )
    # the value alone is used, not where the partition put it
    bounds: FloatArray = np.partition(maxima, groups - k, axis=1)[:, groups - k]
    return bounds


def _candidates(ordered: FloatArray, k: int) -> tuple[TimeArray, TimeArray]:
    """Find (row, column) of a few scores that are sure to hold each row's best `k`.

    Of the scores equal to the lower bound the first k are enough, as the columns are in tie order.
    """
    n_items = ordered.shape[1]
    bound = np.maximum(lower_bounds(ordered, k), np.finfo(np.float32).min)  # leaves -inf out
    rows, columns = np.divmod(np.flatnonzero(ordered >= bound[:, None]), n_items)
    tied = ordered[rows, columns] == bound[rows]
    ties_so_far = np.cumsum(tied)
    first = np.searchsorted(rows, np.arange(len(ordered)))
    ties_before_row = np.concatenate([[0], ties_so_far])[first]
    kept = ~tied | (ties_so_far - ties_before_row[rows] <= k)
    return rows[kept], columns[kept]


def _sort_keys(scores: FloatArray, places: TimeArray) -> TimeArray:
    """Make one int64 per candidate that ascends with falling score, then with place."""
    bits = (scores + np.float32(0)).view(np.int32)  # + 0 makes -0.0 equal to 0.0
    ascending = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # integers in the order of the floats
    return ((~ascending).astype(np.int64) << 32) | places


def _padded(rows: TimeArray, keys: TimeArray, n: int) -> NDArray[np.int64]:
    """Shape (n, most keys of a row): the keys of each row, then padding."""
    counts = np.bincount(rows, minlength=n)
    table = np.full((n, counts.max()), _PADDING, dtype=np.int64)
    table[np.arange(counts.max()) < counts[:, None]] = keys
    return table
