"""A planted timeline in which one channel is right and another one misleads."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.data.interactions import Histories
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import Split
from recsys_core.two_stage.config import TwoStageConfig
from recsys_core.two_stage.model import Saved, TwoStage
from tests.protocols.build import dataset

BLOCKS, USERS, ITEMS, LIKED = 4, 30, 20, 14
HITS, SEEN_HITS = 16, 8
N_USERS, N_ITEMS = BLOCKS * USERS, BLOCKS * ITEMS + HITS
#: genres of the items of each block, and of the hits
GENRES = ("Comedy", "Drama", "Horror", "War", "Action")

#: one channel that knows the blocks, one that knows what everybody has seen long ago
FIELDS: dict[str, Any] = {
    "channels": [
        {"model": "popularity", "quota": 30},
        {"model": "item-cf", "quota": 30},
    ],
    "merge": {"method": "round-robin", "size": 50},
    "ranker": {"params": {"hidden": [16], "epochs": 15, "batch_size": 16, "dropout": 0}},
}


@cache
def planted() -> Split:
    """Everybody begins with half of the hits, then likes films of the own block and no hit again.

    So hits have the most likes, popularity recommends those a user has not seen, and none of them
    is ever right; item-cf knows the block.
    """
    rng = np.random.default_rng(5)
    rows: list[tuple[int, int, float, int]] = []
    for user in range(N_USERS):
        block = user // USERS
        hits = BLOCKS * ITEMS + rng.permutation(HITS)[:SEEN_HITS]
        films = block * ITEMS + rng.permutation(ITEMS)[:LIKED]
        other = (block + 1) % BLOCKS * ITEMS + int(rng.integers(ITEMS))
        ratings = [5.0] * SEEN_HITS + [2.0] + [5.0] * LIKED
        items = [*hits.tolist(), other, *films.tolist()]
        rows += [
            (user, item, rating, 86_400 * time)
            for time, (item, rating) in enumerate(zip(items, ratings, strict=True))
        ]
    genres = [[GENRES[item // ITEMS]] for item in range(N_ITEMS)]
    data = dataset(rows, n_users=N_USERS, n_items=N_ITEMS, genres=genres)
    return make_protocol({"name": "user-timeline", "test_share": 0.12}).split(data)


def config(**changes: Any) -> TwoStageConfig:
    """Give FIELDS with some changed."""
    return parse_config(TwoStageConfig, {**FIELDS, **changes}, "two-stage")


def fit(split: Split, runtime: Runtime | None = None, **changes: Any) -> TwoStage:
    """Fit with FIELDS, some changed."""
    return TwoStage(config(**changes), runtime, Saved()).fit(split.train, valid=split.valid)


@cache
def fitted() -> TwoStage:
    """Fit FIELDS on the planted timeline once."""
    return fit(planted())


def known(split: Split) -> tuple[np.ndarray[Any, np.dtype[np.int64]], Histories]:
    """Users of test rows and what is known of them then."""
    users = np.unique(split.test.user).astype(np.int64)
    return users, split.known.histories().take(users)
