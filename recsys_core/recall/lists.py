"""Lists of recommendations: what they are, who may be asked for them, and in blocks of how many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.errors import InputError

#: the scores of one block of users take at most this many floats (8 MiB, which a cache can hold) …
BLOCK_SCORES = 2_097_152
#: … unless a block would be shorter than this: products of few rows are slow
LEAST_ROWS = 32


@dataclass(frozen=True)
class TopK:
    """Ranked items per user, best first.

    Parameters
    ----------
    items
        Shape (n_users, k), int32; -1 where a list is short.
    scores
        Shape (n_users, k), float32; -inf where a list is short.
    """

    items: IntArray
    scores: FloatArray


def block_rows(width: int) -> int:
    """Count the rows of a block of work in which each takes `width` floats."""
    return max(LEAST_ROWS, BLOCK_SCORES // width)


def check_query(users: NDArray[np.integer], k: int, histories: Histories, n_items: int) -> None:
    """Raise InputError for what `recommend` cannot answer."""
    if k < 1:
        raise InputError(f"recommend: k = {k}", "k must be at least 1")
    if len(histories) != len(users):
        raise InputError(
            f"recommend: {len(histories)} histories for {len(users)} users", "give one row per user"
        )
    items = histories.items
    wrong = items[(items < 0) | (items >= n_items)]
    if len(wrong):
        raise InputError(
            f"recommend: a history has item number {wrong[0]}, the model knows 0 to {n_items - 1}",
            "drop it, or use a model fitted on a data set that has it",
        )
