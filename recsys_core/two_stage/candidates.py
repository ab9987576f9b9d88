"""The first stage: channels are asked, their lists merged, and candidates described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.evaluation.topk import top_k
from recsys_core.protocols.interactions import Histories
from recsys_core.two_stage.channels import Channels
from recsys_core.two_stage.config import TwoStageConfig
from recsys_core.two_stage.context import CONTEXT_FEATURES, Context
from recsys_core.two_stage.merge import Pool, Ranked, merge


def feature_names(labels: Sequence[str], *, context: bool) -> tuple[str, ...]:
    """Name the features of candidates: what each channel says, then context."""
    names = [f"{kind}/{label}" for kind in ("score", "rank") for label in labels]
    if context:
        names += [*(f"spread/{label}" for label in labels), *CONTEXT_FEATURES]
    return tuple(names)


@dataclass(frozen=True)
class FirstStage:
    """Channels and statistics of the same rows.

    Parameters
    ----------
    tie_rank
        Shape (n_items,): the order of equal scores.
    """

    config: TwoStageConfig
    channels: Channels
    context: Context
    tie_rank: IntArray

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the last axis of `describe` holds: what each channel says, then context."""
        return feature_names(list(self.channels.models), context=self.config.ranker.context)

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

    def describe(self, scores: FloatArray, histories: Histories, items: IntArray) -> FloatArray:
        """Compute the features of candidates, the same way for training and for serving.

        Every channel scores every candidate, whichever channels brought it.

        Parameters
        ----------
        scores
            Shape (channels, n, n_items), as of `score`.
        histories
            n rows: what is known of the users.
        items
            Shape (n, width); padding (-1) gets the features of some item.

        Returns
        -------
        Shape (n, width, features), float32.
        """
        standard, deviation = _standard(scores, items)
        ranks = [np.log1p(competition_ranks(part, items)) for part in scores]
        by_channel = np.stack([*standard, *ranks], axis=2).astype(np.float32)
        if not self.config.ranker.context:
            return by_channel
        # log: a channel that tells a user's items well apart has a few times the usual deviation
        spread = np.broadcast_to(np.log(deviation).transpose(1, 2, 0), (*items.shape, len(scores)))
        parts = [by_channel, spread, self.context.features(histories, items)]
        return np.concatenate(parts, axis=2, dtype=np.float32)


def _standard(scores: FloatArray, items: IntArray) -> tuple[FloatArray, FloatArray]:
    """Scores of `items` in deviations above the mean of all that a user may be recommended.

    Shapes (channels, n, n_items) and (n, width) give (channels, n, width), and the deviations,
    (channels, n, 1); 1 where all scores are equal.
    """
    usable = np.isfinite(scores)
    count = np.maximum(usable.sum(axis=2, keepdims=True), 1)
    values = np.where(usable, scores, 0)
    mean = values.sum(axis=2, keepdims=True, dtype=np.float64) / count
    square = np.square(values, dtype=np.float64).sum(axis=2, keepdims=True) / count
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    own = np.take_along_axis(values, np.maximum(items, 0)[None], axis=2)
    deviation = np.where(deviation > 1e-12, deviation, 1)
    return ((own - mean) / deviation).astype(np.float32), deviation


def competition_ranks(scores: FloatArray, items: IntArray) -> IntArray:
    """Rank of `items`, shape (n, width), by `scores`, shape (n, n_items): 1 + better ones."""
    ascending = np.sort(-scores, axis=1)
    own = -np.take_along_axis(scores, np.maximum(items, 0), axis=1)
    ranks = np.empty(own.shape, dtype=np.int32)
    for row in range(len(own)):
        ranks[row] = 1 + np.searchsorted(ascending[row], own[row])
    return ranks
