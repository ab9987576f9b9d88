"""Exact top-K of a block of scores, with ties in a fixed order that favours no model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.errors import InputError

#: groups of columns per wanted item: so many that few columns pass the bound
GROUPS_PER_ITEM = 4
#: candidates per wanted item, from which those that share the lowest score are told apart
CROWD = 16
_PADDING = np.iinfo(np.int64).max
_LOW_BITS = 0xFFFFFFFF
_LEAST = np.finfo(np.float32).min


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
    scores = scores.astype(np.float32, copy=False)
    if np.isnan(scores.max()):
        raise InputError(
            "the model's scores are not numbers: it diverged",
            "lower its learning rate or regularise it more",
        )
    flat = scores.ravel()
    cells = _candidates(scores, min(k, n_items), in_tie_order)
    rows, columns = np.divmod(cells, n_items)
    keys = _padded(rows, _sort_keys(flat.take(cells), tie_rank.take(columns)), n)
    keys.sort(axis=1)
    keys = keys[:, :k]
    listed, width = keys != _PADDING, keys.shape[1]
    found = in_tie_order.take(np.where(listed, keys & _LOW_BITS, 0))
    items[:, :width] = np.where(listed, found, -1)
    cells = found + n_items * np.arange(n)[:, None]
    best[:, :width] = np.where(listed, flat.take(cells), -np.inf)
    return items, best


def top_k_of(
    rows: TimeArray,
    columns: NDArray[np.integer],
    scores: FloatArray,
    n: int,
    k: int,
    tie_rank: IntArray,
) -> tuple[IntArray, FloatArray]:
    """Rank as `top_k` does where few columns have a score: each is given by its row and column.

    Parameters
    ----------
    rows, columns, scores
        Shape (m,) each, no place twice; rows from 0 to n - 1.

    Returns
    -------
    items, scores
        Shape (n, k) each, as of `top_k`.
    """
    items = np.full((n, k), -1, dtype=np.int32)
    best = np.full((n, k), -np.inf, dtype=np.float32)
    order = np.lexsort((_sort_keys(scores, tie_rank.take(columns)), rows))
    rows = rows[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, np.arange(n)).take(rows)
    kept = place < k
    items[rows[kept], place[kept]] = columns[order[kept]]
    best[rows[kept], place[kept]] = scores[order[kept]]
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
    n, m = scores.shape
    per_group = max(1, m // (GROUPS_PER_ITEM * k))
    groups = m // per_group
    maxima = scores[:, : per_group * groups].reshape(n, per_group, groups).max(axis=1)
    if per_group == 1:  # every score: where many are -inf, a partition takes longer
        maxima.sort(axis=1)
    else:
        maxima.partition(groups - k, axis=1)
    # the value alone is used, not where the partition put it
    bounds: FloatArray = maxima[:, groups - k]
    return bounds


def _candidates(scores: FloatArray, k: int, in_tie_order: IntArray) -> TimeArray:
    """Find a few scores that are sure to hold each row's best `k`: row * n_items + column."""
    n_items = scores.shape[1]
    bound = np.maximum(lower_bounds(scores, k), _LEAST)  # leaves -inf out
    found = scores >= bound[:, None]
    crowded = np.flatnonzero(np.count_nonzero(found, axis=1) > CROWD * k)
    if not len(crowded):
        return np.flatnonzero(found)
    some, limit = scores[crowded], bound[crowded, None]
    found[crowded] = some > limit
    row, column = _first_equal(some, limit, k, in_tie_order)
    cells = np.concatenate([np.flatnonzero(found), crowded[row] * n_items + column])
    cells.sort()
    return cells


def _first_equal(
    scores: FloatArray, limit: FloatArray, k: int, in_tie_order: IntArray
) -> tuple[TimeArray, IntArray]:
    """Find (row, column) of the first `k` scores in tie order that are equal to the row's limit.

    Many are, so that they are found among the first columns.
    """
    seen = 0
    while True:
        seen = min(max(2 * seen, CROWD * k), len(in_tie_order))
        equal = scores[:, in_tie_order[:seen]] == limit
        upto = np.cumsum(equal, axis=1)
        if seen == len(in_tie_order) or (upto[:, -1] >= k).all():
            row, place = np.nonzero(equal & (upto <= k))
            return row, in_tie_order[place]


def _sort_keys(scores: FloatArray, places: NDArray[np.integer]) -> TimeArray:
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
