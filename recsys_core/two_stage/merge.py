"""From the lists of several channels to one pool, in an order of its own, before any ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import BoolArray, FloatArray, IntArray
from recsys_core.retrieval.topk import top_k


class MergeConfig(Config):
    """How the channels' lists become one."""

    method: Literal["round-robin", "normalised", "reciprocal-rank", "weighted"] = Field(
        "reciprocal-rank",
        description="round-robin: the channels' first items, then their second ones, and so on; "
        "normalised: sum of the scores, scaled to 0..1 per list; reciprocal-rank: sum of 1 / "
        "(rank_constant + rank); weighted: like normalised, times the channels' weights.",
    )
    rank_constant: float = Field(
        60.0,
        ge=0,
        le=1e6,
        description="With reciprocal-rank: the larger, the less the first ranks stand out.",
    )
    size: int = Field(300, ge=1, le=100_000, description="At most this many candidates per user.")


class Ranked(NamedTuple):
    """The list of one channel, shape (n, quota) each: best first, -1 and -inf where it is short."""

    items: IntArray
    scores: FloatArray


class Pool(NamedTuple):
    """The candidates of each user in merge order.

    Parameters
    ----------
    items
        Shape (n, size), int32; -1 where a pool is short.
    scores
        Shape (n, size), float32: what the merge ordered by.
    sources
        Shape (n, size, channels): which channels' lists hold the candidate.
    """

    items: IntArray
    scores: FloatArray
    sources: BoolArray


def merge(
    lists: Sequence[Ranked], weights: Sequence[float], config: MergeConfig, tie_rank: IntArray
) -> Pool:
    """Join the channels' lists; an item of several lists is one candidate that remembers them.

    With r_c the rank in channel c's list (1 is best), s_c the score and S_c that list's scores::

        round-robin      -min_c (r_c C + c): by best rank, among equal ranks by channel
        normalised       sum_c (s_c - min S_c) / (max S_c - min S_c)
        reciprocal-rank  sum_c 1 / (rank_constant + r_c)    (Cormack et al., SIGIR 2009)
        weighted         sum_c w_c (s_c - min S_c) / (max S_c - min S_c)

    where c runs over the channels whose lists hold the item.

    Parameters
    ----------
    weights
        One per channel; only `weighted` looks at them.
    tie_rank
        Shape (n_items,): the order of equal merge scores.
    """
    n, n_items, channels = len(lists[0].items), len(tie_rank), len(lists)
    every = np.concatenate([ranked.items for ranked in lists], axis=1)
    channel = np.repeat(np.arange(channels), [ranked.items.shape[1] for ranked in lists])
    listed = np.flatnonzero(every >= 0)
    row, place = np.divmod(listed, every.shape[1])
    cell = row * n_items + every.ravel().take(listed)
    values = _values(lists, channel, weights, config)
    value = values.take(place) if values.ndim == 1 else values.ravel().take(listed)
    joined = np.full(n * n_items, -np.inf, dtype=np.float32)
    if config.method == "round-robin":
        np.maximum.at(joined, cell, value)
    else:
        joined[cell] = 0
        np.add.at(joined, cell, value)  # of a user's item in the order of the channels
    sources = np.zeros((n * n_items, channels), dtype=np.bool_)
    sources.ravel()[cell * channels + channel.take(place)] = True
    items, scores = top_k(joined.reshape(n, n_items), config.size, tie_rank)
    found = sources.take(np.arange(n)[:, None] * n_items + np.maximum(items, 0), axis=0)
    return Pool(items, scores, found & (items >= 0)[:, :, None])


def _values(
    lists: Sequence[Ranked],
    channel: NDArray[np.integer],
    weights: Sequence[float],
    config: MergeConfig,
) -> FloatArray:
    """Say what each place of the lists side by side adds to its item.

    Parameters
    ----------
    channel
        Shape (places,): whose list each place is in.

    Returns
    -------
    Shape (n, places), or (places,) if the place alone counts.
    """
    if config.method in ("normalised", "weighted"):
        values = np.concatenate([scaled(ranked) for ranked in lists], axis=1)
        if config.method == "weighted":
            values *= np.array(weights, dtype=np.float32)[channel]
        return values
    ranks = [np.arange(1, ranked.items.shape[1] + 1, dtype=np.float32) for ranked in lists]
    rank: FloatArray = np.concatenate(ranks)
    if config.method == "round-robin":
        return -(rank * len(lists) + channel.astype(np.float32))
    added: FloatArray = np.reciprocal(np.float32(config.rank_constant) + rank)
    return added


def scaled(ranked: Ranked) -> FloatArray:
    """Scale each list's scores to 0..1; a list of equal scores has 1 throughout."""
    listed = ranked.items >= 0
    scores = np.where(listed, ranked.scores, 0)
    low = np.where(listed, ranked.scores, np.inf).min(axis=1, initial=np.inf, keepdims=True)
    high = np.where(listed, ranked.scores, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
    flat = ~(high > low)
    width = np.where(flat, 1, high - low)
    result: FloatArray = np.where(flat, 1, (scores - np.where(flat, 0, low)) / width)
    return result.astype(np.float32)
