"""A recall model: what people who liked the same books liked."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.compute.capacity import require_memory
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import OnEvent
from recsys_core.recall.base import RecallModel
from recsys_core.registry import register_model
from recsys_core.saving.arrays import take


class CoLikesConfig(Config):
    """Fields of co-likes."""

    least: int = Field(
        1, ge=1, le=10_000, description="Pairs of items that fewer users like together count 0."
    )


@register_model(
    "co-likes",
    stage="recall",
    title="Items liked by the same users",
    paper="Linden, Smith, York: Amazon.com recommendations. IEEE Internet Computing 2003",
    deterministic=True,
)
class CoLikes(RecallModel[CoLikesConfig]):
    """With X the binary likes, C = X'X without its diagonal; a user's scores are x C."""

    Config: ClassVar[type[Config]] = CoLikesConfig

    together: FloatArray
    """Shape (n_items, n_items): how many users like both."""

    def _fit(self, positives: Interactions, valid: Interactions | None, on_event: OnEvent) -> None:
        n = positives.n_items
        require_memory(
            "co-likes",
            2 * 4 * n**2,
            f"a matrix of {n:,} x {n:,} items",
            "use item-cf",
        )
        likes = positives.matrix()
        together = (likes.T @ likes).toarray().astype(np.float32)
        np.fill_diagonal(together, 0)
        self.together = np.where(together >= self.config.least, together, np.float32(0))

    def score(self, users: NDArray[np.integer], histories: Histories) -> FloatArray:
        """Add up the rows of the liked items, shape (n, n_items)."""
        liked = self.liked(histories)
        query = liked.matrix(self.n_items)
        return self.popular_where_empty(query @ self.together, query.getnnz(axis=1) == 0)

    def state(self) -> dict[str, NDArray[Any]]:
        """Give the counts."""
        return {"together": self.together}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take back the counts; a file may be foreign, so shape and type are checked."""
        shape = (self.n_items, self.n_items)
        self.together = take(arrays, "together", np.float32, shape, lowest=0)
