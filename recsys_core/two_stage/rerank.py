"""Re-ranking: trade some of the ranker's order for variety, fit to a user's taste, or rarer items.

Every step permutes the best `depth` items of a list and leaves the rest where it is. A step chooses
places one after the other, each time the item with the most

    trade_off * relevance(i) - (1 - trade_off) * penalty(i | items chosen before)

so that trade_off = 1 changes nothing. Relevance is the ranker's order scaled to 0..1, which makes
the trade-off mean the same whatever a ranker's scores look like.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray, IntArray

#: KL divergence: share of the user's own profile mixed into the list's, so that it stays finite
CALIBRATION_MIX = 0.01
#: value of a place without an item: it stays behind all others
PADDING = -1e6


@dataclass(frozen=True)
class RankedLists:
    """Ranked lists and what the steps must know of them.

    Parameters
    ----------
    items
        Shape (n, width): best first, -1 where a list is short.
    genres
        Shape (n_items, genres): 1 where an item has the genre.
    profiles
        Shape (n, genres): share of each genre in what the user liked; rows add up to 1, or are 0.
    popularity
        Shape (n_items,): liked train rows.
    """

    items: IntArray
    genres: FloatArray
    profiles: FloatArray
    popularity: FloatArray


class _Greedy(Config, ABC):
    """A step that fills the places of a list one after the other."""

    depth: int = Field(50, ge=1, le=10_000, description="Number of top items to reorder.")

    def order(self, lists: RankedLists) -> IntArray:
        """Choose the new order.

        Returns
        -------
        Shape (n, depth): places in the list, a permutation of 0..depth - 1 in each row.
        """
        n, depth = len(lists.items), min(self.depth, lists.items.shape[1])
        head = lists.items[:, :depth]
        chosen = np.empty((n, depth), dtype=np.int32)
        state = self.begin(lists, head)
        free = np.ones((n, depth), dtype=np.bool_)
        rows = np.arange(n)
        for place in range(depth):
            value = np.where(head >= 0, self.value(state), PADDING)
            value = np.where(free, value, -np.inf)
            best = value.argmax(axis=1)  # of equal values the first: the ranker's order
            chosen[:, place] = best
            free[rows, best] = False
            self.choose(state, best)
        return chosen

    @abstractmethod
    def begin(self, lists: RankedLists, head: IntArray) -> _State:
        """Set up what is known before the first place is filled."""

    @abstractmethod
    def value(self, state: _State) -> NDArray[np.floating]:
        """Value of putting each item of the head next, shape (n, depth)."""

    @abstractmethod
    def choose(self, state: _State, best: NDArray[np.integer]) -> None:
        """Note that each row's item at `best`, shape (n,), was put next."""


@dataclass
class _State:
    """What a greedy step carries from place to place.

    Parameters
    ----------
    relevance
        Shape (n, depth): 1 for the first item of the ranker's order, falling to 0.
    genres
        Shape (n, depth, genres) of the items; zeros for padding.
    penalty
        Shape (n, depth): of each item given those chosen.
    counts
        Shape (n, genres): genres of those chosen.
    profiles
        Shape (n, genres): what the user liked.
    placed
        Items chosen so far.
    """

    relevance: FloatArray
    genres: FloatArray
    penalty: FloatArray
    counts: FloatArray
    profiles: FloatArray
    placed: int = 0


def _state(lists: RankedLists, head: IntArray) -> _State:
    n, depth = head.shape
    relevance = np.linspace(1, 0, depth, dtype=np.float32) if depth > 1 else np.ones(1, np.float32)
    genres = np.where((head >= 0)[:, :, None], lists.genres[head], 0).astype(np.float32)
    return _State(
        relevance=np.broadcast_to(relevance, head.shape),
        genres=genres,
        penalty=np.zeros((n, depth), dtype=np.float32),
        counts=np.zeros((n, genres.shape[2]), dtype=np.float32),
        profiles=lists.profiles,
    )


class _TradeOff(_Greedy):
    trade_off: float = Field(
        0.8, ge=0, le=1, description="Weight of the ranker's order; 1: no change."
    )

    def value(self, state: _State) -> NDArray[np.floating]:
        """Weigh relevance against the penalty."""
        return self.trade_off * state.relevance - (1 - self.trade_off) * state.penalty


class MMR(_TradeOff):
    """Variety: the penalty is the largest Jaccard similarity of genres to an item chosen before.

    Carbonell, Goldstein: The use of MMR, diversity-based reranking for reordering documents and
    producing summaries. SIGIR 1998.
    """

    name: Literal["mmr"] = Field(
        "mmr", description="Diversity: penalises items that share genres with an item above them."
    )

    def begin(self, lists: RankedLists, head: IntArray) -> _State:
        """Nothing is chosen: no penalty."""
        return _state(lists, head)

    def choose(self, state: _State, best: NDArray[np.integer]) -> None:
        """Raise the penalty of what is like the chosen item."""
        own = state.genres[np.arange(len(best)), best][:, None, :]
        shared = np.minimum(state.genres, own).sum(axis=2)
        union = np.maximum(state.genres, own).sum(axis=2)
        similarity = shared / np.maximum(union, 1)
        state.penalty = np.maximum(state.penalty, similarity)


class Calibration(_TradeOff):
    """Genres in the proportions of what the user liked: the penalty is a KL divergence.

    With p(g) the share of genre g in the liked history and q(g) its share in the list so far with
    item i, an item's weight spread evenly over its genres::

        penalty = sum_g p(g) log(p(g) / ((1 - a) q(g) + a p(g))),  a = .01

    Steck: Calibrated recommendations. RecSys 2018.
    """

    name: Literal["calibration"] = Field(
        "calibration",
        description="Brings genres close to their shares of the user's liked history.",
    )

    def begin(self, lists: RankedLists, head: IntArray) -> _State:
        """Spread each item's weight over its genres."""
        state = _state(lists, head)
        state.genres = state.genres / np.maximum(state.genres.sum(axis=2, keepdims=True), 1)
        self._update(state)
        return state

    def choose(self, state: _State, best: NDArray[np.integer]) -> None:
        """Add the item's genres to those of the list."""
        state.counts = state.counts + state.genres[np.arange(len(best)), best]
        self._update(state)

    def _update(self, state: _State) -> None:
        counts = state.counts[:, None, :] + state.genres
        q = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1e-12)
        p = state.profiles[:, None, :]
        mixed = (1 - CALIBRATION_MIX) * q + CALIBRATION_MIX * p
        ratio = np.where(p > 0, p / np.maximum(mixed, 1e-12), 1)
        state.penalty = (p * np.log(ratio)).sum(axis=2).astype(np.float32)


class Popularity(_TradeOff):
    """Rarer items: the penalty is the item's share of the log popularity of the most popular one.

    The penalty does not depend on the items chosen before, so this is a plain blend of two orders.
    """

    name: Literal["popularity"] = Field("popularity", description="Penalises popular items.")

    def begin(self, lists: RankedLists, head: IntArray) -> _State:
        """Look up the penalties."""
        state = _state(lists, head)
        level = np.log1p(lists.popularity)
        state.penalty = (level / max(float(level.max(initial=0)), 1e-12))[head].astype(np.float32)
        return state

    def choose(self, state: _State, best: NDArray[np.integer]) -> None:
        """Leave the penalties as they are."""


class GenreCaps(_Greedy):
    """No genre more often than `cap` times among the first `top` items, as far as items allow.

    Items that would break a cap come after the first `top`, in the ranker's order. Where too few
    others are left in the best `depth`, the cap gives way at the end of the `top`.
    """

    name: Literal["genre-caps"] = Field(
        "genre-caps", description="Limits how many items of one genre stand at the top."
    )
    cap: int = Field(4, ge=1, le=1000, description="Maximum number of items per genre.")
    top: int = Field(10, ge=1, le=1000, description="Number of top items that the cap applies to.")

    def begin(self, lists: RankedLists, head: IntArray) -> _State:
        """Nothing is chosen: no genre is full."""
        return _state(lists, head)

    def value(self, state: _State) -> NDArray[np.floating]:
        """Prefer items whose genres are not full."""
        if state.placed >= self.top:
            return state.relevance
        full = state.counts >= self.cap
        breaks = (state.genres * full[:, None, :]).any(axis=2)
        return state.relevance - 10 * breaks

    def choose(self, state: _State, best: NDArray[np.integer]) -> None:
        """Count the item's genres."""
        state.counts = state.counts + state.genres[np.arange(len(best)), best]
        state.placed += 1


Step = Annotated[MMR | Calibration | Popularity | GenreCaps, Field(discriminator="name")]


def rerank(step: Step, lists: RankedLists) -> IntArray:
    """Apply a step.

    Returns
    -------
    Shape (n, width): the new order of each list as places in the old one.
    """
    n, width = lists.items.shape
    order = np.tile(np.arange(width, dtype=np.int32), (n, 1))
    if width:
        head = step.order(lists)
        order[:, : head.shape[1]] = head
    return order
