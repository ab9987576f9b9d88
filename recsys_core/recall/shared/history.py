"""How a model queries with what a user did: which events count, and how much."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar, TypeVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from recsys_core.compute.powers import decays, power
from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Histories
from recsys_core.recall.base import RecallModel


class HistoryConfig(Config):
    """Fields of every model whose query is a weighted history."""

    replaced: ClassVar[Mapping[str, str]] = {"rating_weight": "rating_exponent"}

    history_half_life: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Half-life of an event's weight, in later events of the history; null: all "
        "events count equally.",
    )
    rating_exponent: float | None = Field(
        None,
        ge=0,
        le=10,
        description="null: only liked events count, all equally; a number: every event counts, "
        "with its weight multiplied by (rating / the user's highest rating) to this power; 0: all "
        "events count equally, disliked ones too.",
    )


ConfigT = TypeVar("ConfigT", bound=HistoryConfig)

#: what is too little to change a float32 beside the latest event
FORGOTTEN = 1e-12


def query_matrix(model: RecallModel[ConfigT], histories: Histories) -> sp.csr_matrix:
    """Weigh the events that the fields of `model` let count, shape (n, n_items).

    Without weights the matrix is binary; a repeated event adds up. What counts nothing, such as a
    history rated 0 throughout, has no entry: models serve a row without one by popularity.
    """
    config = model.config
    counted = model.liked(histories) if config.rating_exponent is None else histories
    weights = age_weights(counted, config.history_half_life)
    if config.rating_exponent is not None:
        weights *= rating_weights(counted, config.rating_exponent)
    matrix = counted.matrix(model.n_items, weights)
    matrix.eliminate_zeros()
    return matrix


def age_weights(histories: Histories, half_life: float | None) -> FloatArray:
    """Shape (events,): 2^(-age / half-life), age in later events of the row; None: ones.

    Events that count less than `FORGOTTEN` count nothing.
    """
    if half_life is None:
        return np.ones(len(histories.items), dtype=np.float32)
    lengths = histories.lengths
    last = np.repeat(histories.offsets[1:] - 1, lengths)
    # a table for the next power of two: a request asks for few of them, again and again
    decay = _decays(half_life, 1 << int(lengths.max(initial=1)).bit_length())
    weights: FloatArray = decay.take(last - np.arange(len(last)))
    return weights


@lru_cache(maxsize=32)
def _decays(half_life: float, length: int) -> FloatArray:
    """Shape (length,), not to be written to: what an event of each age counts."""
    table: FloatArray = decays(half_life, length).astype(np.float32)
    table[table < FORGOTTEN] = 0
    table.flags.writeable = False
    return table


def rating_weights(histories: Histories, exponent: float) -> FloatArray:
    """Shape (events,): (rating / the row's best)^exponent; ratings below 0 count as 0."""
    best, row = np.zeros(len(histories), dtype=np.float32), histories.row
    np.maximum.at(best, row, histories.ratings)
    share = histories.ratings / np.where(best > 0, best, 1)[row]
    return power(np.maximum(share, 0), exponent).astype(np.float32)
