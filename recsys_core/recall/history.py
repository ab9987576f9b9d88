"""How a model queries with what a user did: which events count, and how much."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.protocols.interactions import Histories


class HistoryConfig(Config):
    """Fields of every model whose query is a weighted history."""

    history_half_life: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Events after which an event of the history counts half as much; "
        "null: old and new ones count the same.",
    )
    rating_weight: float = Field(
        0.0,
        ge=0,
        le=10,
        description="How much more a better rated event counts: its weight is multiplied by "
        "(rating / the user's best rating) to this power; 0: not at all.",
    )


def query_matrix(histories: Histories, config: HistoryConfig, n_items: int) -> sp.csr_matrix:
    """Weigh the events of `histories`, shape (n, n_items).

    Without weights the matrix is binary; a repeated event adds up.
    """
    return histories.matrix(n_items, event_weights(histories, config))


def event_weights(histories: Histories, config: HistoryConfig) -> FloatArray:
    """Shape (events,): 2^(-age / half-life) * (rating / best)^w, age in later events of the row."""
    weights = np.ones(len(histories.items), dtype=np.float32)
    if config.history_half_life is not None:
        last = np.repeat(histories.offsets[1:] - 1, histories.lengths)
        age = last - np.arange(len(last))
        weights *= np.exp2(-age / config.history_half_life)
    if config.rating_weight > 0 and len(weights):
        best = np.zeros(len(histories), dtype=np.float32)
        np.maximum.at(best, histories.row, histories.ratings)
        share = histories.ratings / np.where(best > 0, best, 1)[histories.row]
        weights *= np.maximum(share, 0) ** config.rating_weight
    return weights
