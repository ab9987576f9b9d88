"""The first stage: channels are asked, their lists merged, and candidates described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories
from recsys_core.features.columns import requested_numbers
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries
from recsys_core.retrieval.topk import top_k
from recsys_core.two_stage.channels import Channels
from recsys_core.two_stage.config import TwoStageConfig
from recsys_core.two_stage.merge import Pool, Ranked, merge


def feature_names(config: TwoStageConfig, features: Sequence[Feature]) -> tuple[str, ...]:
    """Name what the last axis of `FirstStage.describe` holds: what channels say, then features."""
    kinds = ("score", "rank", "spread") if config.ranker.context else ("score", "rank")
    names = [f"{kind}/{channel.name}" for kind in kinds for channel in config.channels]
    return (*names, *(feature.name for feature in features))


@dataclass(frozen=True)
class FirstStage:
    """Channels, and what is known of the rows that they learned from.

    Parameters
    ----------
    known
        The rows; those of a request are replaced by the history at hand.
    features
        Numeric features that `describe` computes beside what the channels say.
    tie_rank
        Shape (n_items,): the order of equal scores.
    """

    config: TwoStageConfig
    channels: Channels
    known: Known
    features: tuple[Feature, ...]
    tie_rank: IntArray

    def lists(self, scores: FloatArray) -> list[Ranked]:
        """Cut each channel's scores, shape (channels, n, n_items), to its quota."""
        quotas = [channel.quota for channel in self.config.channels]
        channels, n, n_items = scores.shape
        width = max(quotas)
        items, best = top_k(scores.reshape(channels * n, n_items), width, self.tie_rank)
        shape = (channels, n, width)
        return [
            Ranked(own[:, :quota], values[:, :quota])
            for own, values, quota in zip(
                items.reshape(shape), best.reshape(shape), quotas, strict=True
            )
        ]

    def pool(self, scores: FloatArray) -> Pool:
        """Merge the channels' lists."""
        weights = [channel.weight for channel in self.config.channels]
        return merge(self.lists(scores), weights, self.config.merge, self.tie_rank)

    def score(
        self, users: NDArray[np.integer], histories: Histories, *, exclude_seen: bool = True
    ) -> FloatArray:
        """Score the catalogue by every channel, shape (channels, n, n_items)."""
        return self.channels.score(users, histories, exclude_seen=exclude_seen)

    def describe(
        self,
        users: NDArray[np.integer],
        scores: FloatArray,
        histories: Histories,
        items: IntArray,
    ) -> FloatArray:
        """Compute the features of candidates, the same way for training and for serving.

        Every channel scores every candidate, whichever channels brought it.

        Parameters
        ----------
        users, histories
            n rows: who asks, and what is known of them.
        scores
            Shape (channels, n, n_items), as of `score`.
        items
            Shape (n, width); padding (-1) gets the features of some item.

        Returns
        -------
        Shape (n, width, features), float32; NaN is a feature without a value.
        """
        own = np.take_along_axis(scores, np.maximum(items, 0)[None], axis=2)
        standard, deviation = _standard(scores, own)
        ranks = _logarithms(scores.shape[2] + 1)[competition_ranks(scores, own)]
        parts = [np.stack([*standard, *ranks], axis=2)]
        if self.config.ranker.context:
            # log: a channel that tells a user's items well apart has a few times the usual
            # deviation
            spread = np.log(deviation).transpose(1, 2, 0)
            parts.append(np.broadcast_to(spread, (*items.shape, len(scores))))
        if self.features:
            parts.append(self._numbers(users, histories, items))
        return np.concatenate(parts, axis=2, dtype=np.float32)

    def _numbers(
        self, users: NDArray[np.integer], histories: Histories, items: IntArray
    ) -> FloatArray:
        requests = self.known.requests(users, histories)
        request = np.repeat(np.arange(len(users)), items.shape[1])
        queries = Queries.of_requests(requests, request, np.maximum(items, 0).ravel())
        found = requested_numbers(self.features, queries, requests)
        return found.reshape(*items.shape, len(self.features))


@lru_cache(maxsize=8)
def _logarithms(most: int) -> NDArray[np.float64]:
    """log(1 + n) of 0 to `most`: looked up faster than computed, and not to be written to."""
    table: NDArray[np.float64] = np.log1p(np.arange(most + 1))
    table.flags.writeable = False
    return table


def _standard(scores: FloatArray, own: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give candidates' scores in deviations above the mean of all that a user may be recommended.

    Shapes (channels, n, n_items) and (channels, n, width) give (channels, n, width), and the
    deviations, (channels, n, 1); 1 where all scores are equal.
    """
    usable = np.isfinite(scores)
    count = np.maximum(usable.sum(axis=2, keepdims=True), 1)
    values = np.where(usable, scores, 0).astype(np.float64)
    mean = values.sum(axis=2, keepdims=True) / count
    square = np.square(values, out=values).sum(axis=2, keepdims=True) / count
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    deviation = np.where(deviation > 1e-12, deviation, 1)
    own = np.where(np.isfinite(own), own, 0)
    return ((own - mean) / deviation).astype(np.float32), deviation


def competition_ranks(scores: FloatArray, own: FloatArray) -> IntArray:
    """Rank candidates by their scores among those of all items: 1 + better ones, by channel.

    Shapes (channels, n, n_items) and (channels, n, width) give (channels, n, width).
    """
    ascending = np.sort(scores, axis=2)
    order = np.argsort(own, axis=2)  # much faster to search for one after the other
    sought = np.take_along_axis(own, order, axis=2)
    ranks = np.empty(own.shape, dtype=np.int32)
    for at in np.ndindex(own.shape[:2]):
        ranks[at][order[at]] = np.searchsorted(ascending[at], sought[at], side="right")
    better: IntArray = scores.shape[2] - ranks
    return better + 1
