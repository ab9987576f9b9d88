"""Lists that several processes make together, each for its part of the users."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.ranks import Ranks, part_of
from recsys_core.data.interactions import Histories
from recsys_core.recall.base import RecallModel
from recsys_core.recall.lists import TopK, block_rows


def recommend_together(
    model: RecallModel[Any],
    users: NDArray[np.integer],
    k: int,
    ranks: Ranks,
    histories: Histories | None,
) -> TopK:
    """Recommend as the model does alone; every rank calls this, and has all lists after it."""
    if ranks.size == 1:
        return model.recommend(users, k, histories=histories)
    part = part_of(ranks, len(users), block_rows(model.row_width))
    if histories is not None:
        histories = histories.take(np.arange(part.start, part.stop))
    top = model.recommend(users[part], k, histories=histories)
    return TopK(ranks.joined_arrays(top.items), ranks.joined_arrays(top.scores))
