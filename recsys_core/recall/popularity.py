"""Popularity: the same list for everybody, the yardstick of every personal model."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.events import OnEvent
from recsys_core.protocols.interactions import Histories, Interactions
from recsys_core.recall.base import RecallModel
from recsys_core.registry import register_model


class PopularityConfig(Config):
    """Popularity has nothing to set."""


@register_model(
    "popularity",
    stage="recall",
    title="Most liked items",
    paper="Cremonesi, Koren, Turrin: Performance of recommender algorithms on top-N "
    "recommendation tasks. RecSys 2010",
    deterministic=True,
)
class Popularity(RecallModel[PopularityConfig]):
    """Score an item by the number of relevant train rows it has."""

    Config: ClassVar[type[Config]] = PopularityConfig

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        """Nothing to learn: the base class has counted."""

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Give every user the same scores, shape (n, n_items)."""
        return np.tile(self.popularity, (len(users), 1))

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing beside what the base class keeps."""
        return {}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Nothing to take back."""
