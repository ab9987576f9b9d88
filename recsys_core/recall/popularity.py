"""Popularity: the same list for everybody, the yardstick of every personal model."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.powers import exp2
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel, Updates
from recsys_core.registry import register_model
from recsys_core.saving.arrays import take

SECONDS_A_DAY = 86_400
#: what a list and what is known of its user take, in floats; blocks of users are cut by it
ROW_WIDTH = 1024


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

    @property
    def row_width(self) -> int:
        """No user's scores are laid out: lists differ by what their users know alone."""
        return ROW_WIDTH

    def rank(
        self,
        users: NDArray[np.integer],
        histories: Histories,
        k: int,
        *,
        exclude_seen: bool,
        banned: IntArray,
    ) -> tuple[IntArray, FloatArray]:
        """Rank once for all users of a block, and leave out of each one's list what is known."""
        longest = int(histories.lengths.max(initial=0)) if exclude_seen else 0
        anybody, nothing = np.array([-1]), Histories.empty(1)
        items, scores = super().rank(
            anybody, nothing, k + longest, exclude_seen=False, banned=banned
        )
        places = np.tile(np.arange(k), (len(users), 1))
        if longest:
            listed = items[0] >= 0
            place_of = np.full(self.n_items, -1)
            place_of[items[0, listed]] = np.flatnonzero(listed)
            known = place_of[histories.items]
            places += _skipped(histories.row[known >= 0], known[known >= 0], places.shape)
        return items[0, places], scores[0, places]

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the scores."""
        return {"scores": self.scores}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the scores."""
        self.scores = take(arrays, "scores", np.float32, (self.n_items,))


def _skipped(
    rows: NDArray[np.int64], known: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Count the known places that lie before each place of the lists without them.

    Parameters
    ----------
    rows, known
        Shape (m,): a row, and a place of the common list that it leaves out; some are there twice.
    shape
        Of the lists: rows and places.
    """
    n, k = shape
    width = int(known.max(initial=0)) + 1
    keys = np.sort(rows * width + known)  # np.unique takes several times as long
    rows, known = np.divmod(keys[np.diff(keys, prepend=-1) > 0], width)
    # a known place lies before all that have as many unknown ones before them
    unknown = known - (np.arange(len(rows)) - np.searchsorted(rows, np.arange(n))[rows])
    early = unknown < k
    skipped = np.bincount(rows[early] * k + unknown[early], minlength=n * k)
    return np.cumsum(skipped.reshape(n, k), axis=1)
