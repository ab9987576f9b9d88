"""Exact top-K of a block of scores, with ties in a fixed order that favours no model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.errors import InputError

#: groups of columns per wanted item: so many that few columns pass the bound
GROUPS_PER_ITEM = 4
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
    ordered = np.take(scores, in_tie_order, axis=1).astype(np.float32, copy=False)
    if np.isnan(ordered.max()):
        raise InputError(
            "the model's scores are not numbers: it diverged",
            "lower its learning rate or regularise it more",
        )
    flat = ordered.ravel()
    cells = _candidates(ordered, min(k, n_items))
    rows, places = np.divmod(cells, n_items)
    keys = _padded(rows, _sort_keys(flat.take(cells), places), n)
    keys.sort(axis=1)
    keys = keys[:, :k]
    listed, width = keys != _PADDING, keys.shape[1]
    place = np.where(listed, keys & _LOW_BITS, 0)
    items[:, :width] = np.where(listed, in_tie_order.take(place), -1)
    place += n_items * np.arange(n)[:, None]
    best[:, :width] = np.where(listed, flat.take(place), -np.inf)
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


def _candidates(ordered: FloatArray, k: int) -> TimeArray:
    """Find a few scores that are sure to hold each row's best `k`: row * n_items + column.

    Of the scores equal to the lower bound the first k are enough, as the columns are in tie order.
    """
    n, n_items = ordered.shape
    bound = np.maximum(lower_bounds(ordered, k), _LEAST)  # leaves -inf out
    cells = np.flatnonzero(ordered >= bound[:, None])
    row = cells // n_items
    tied = ordered.ravel().take(cells) == bound.take(row)
    ties_so_far = np.cumsum(tied)
    first = np.searchsorted(cells, n_items * np.arange(n))
    ties_before_row = np.append(0, ties_so_far).take(first)
    kept: TimeArray = cells[~tied | (ties_so_far - ties_before_row.take(row) <= k)]
    return kept


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
