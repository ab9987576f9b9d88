"""Popularity: the same list for everybody, the yardstick of every personal model."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.powers import exp2
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel, Updates
from recsys_core.registry import register_model
from recsys_core.saving.arrays import take

SECONDS_A_DAY = 86_400


class PopularityConfig(Config):
    """Fields of popularity."""

    half_life_days: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Half-life of a positive's weight, in days before the last training row; null: "
        "all positives count equally.",
    )
    last_days: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Count only positives of so many days before the last training row; null: of "
        "all times.",
    )


@register_model(
    "popularity",
    stage="recall",
    title="Most liked items",
    paper="Cremonesi, Koren, Turrin: Performance of recommender algorithms on top-N "
    "recommendation tasks. RecSys 2010; by time: Ji et al.: A re-visit of the popularity baseline "
    "in recommender systems. SIGIR 2020",
    deterministic=True,
)
class Popularity(RecallModel[PopularityConfig]):
    """Score an item by its relevant train rows, which may count less the older they are.

    With `now` the time of the last row, h the half-life and w_r what a row weighs by its type, or
    1, item i scores

        s_i = sum over its relevant rows r of w_r 2^(-(now - t_r) / h),

    of all rows, or of those of the last days.
    """

    Config: ClassVar[type[Config]] = PopularityConfig
    updates: ClassVar[Updates | None] = "anew"
    reads_weights: ClassVar[bool] = True

    scores: FloatArray
    """Shape (n_items,)."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        self.scores = self.popularity
        weights: NDArray[np.floating] | None = positives.weight
        if len(positives):
            days = (self.histories.timestamps.max() - positives.timestamp) / SECONDS_A_DAY
            if self.config.half_life_days is not None:
                age = days / self.config.half_life_days
                weights = exp2(-age) * (1 if weights is None else weights)
            if self.config.last_days is not None:
                weights = (days <= self.config.last_days) * (1.0 if weights is None else weights)
        if weights is not None:
            counts = np.bincount(positives.item, weights=weights, minlength=self.n_items)
            self.scores = counts.astype(np.float32)

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Give every user the same scores, shape (n, n_items)."""
        return np.tile(self.scores, (len(users), 1))

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the scores."""
        return {"scores": self.scores}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the scores."""
        self.scores = take(arrays, "scores", np.float32, (self.n_items,))
