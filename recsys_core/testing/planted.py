"""A planted data set on which every recall model can be judged, without real data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.runtime import Runtime
from recsys_core.config import parse_config
from recsys_core.data.dataset import Dataset
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.events import OnEvent, ignore
from recsys_core.features.schema import FeatureSchema
from recsys_core.recall.base import RecallModel
from recsys_core.registry import model_info

BLOCKS, USERS, ITEMS, LIKED = 4, 30, 12, 7
N_USERS, N_ITEMS = BLOCKS * USERS, BLOCKS * ITEMS
#: an item that nobody ever rated: it has no train row
COLD_ITEM = N_ITEMS


def block_of(numbers: NDArray[np.integer]) -> NDArray[np.integer]:
    """Items of one block are numbered in a row."""
    return numbers // ITEMS


def planted() -> tuple[Interactions, Interactions]:
    """Train and validation rows: users of block b like items of block b alone.

    Each user likes LIKED of the ITEMS of the block, the last of them for validation, and rates one
    item of the next block low.
    """
    rng = np.random.default_rng(3)
    rows: list[tuple[int, int, float, int]] = []
    for user in range(N_USERS):
        block = user // USERS
        liked = block * ITEMS + rng.permutation(ITEMS)[:LIKED]
        rows += [(user, int(item), 5.0, time) for time, item in enumerate(liked)]
        disliked = (block + 1) % BLOCKS * ITEMS + int(rng.integers(ITEMS))
        rows.append((user, disliked, 1.0, 0))
    users, items, ratings, times = zip(*rows, strict=True)
    data = Dataset(
        name="planted",
        user=np.array(users, dtype=np.int32),
        item=np.array(items, dtype=np.int32),
        rating=np.array(ratings, dtype=np.float32),
        timestamp=np.array(times, dtype=np.int64),
        user_ids=np.array([f"u{number}" for number in range(N_USERS)]),
        item_ids=np.array([f"i{number}" for number in range(N_ITEMS + 1)]),
        user_columns={},
        item_columns={},
    )
    last = data.timestamp == LIKED - 1
    train, valid = (
        Interactions.in_time_order(data, np.flatnonzero(part), 4.0) for part in (~last, last)
    )
    return train, valid


def repeated(data: Dataset, rows: NDArray[np.integer]) -> Dataset:
    """Take the events at `rows`, some of them several times."""
    names = ("user", "item", "rating", "timestamp")
    return replace(data, **{name: getattr(data, name)[rows] for name in names})


def history(*rows: list[int], rating: float = 5.0) -> Histories:
    """Write histories by their items."""
    items = np.array([item for row in rows for item in row], dtype=np.int32)
    return Histories(
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        items=items,
        ratings=np.full(len(items), rating, dtype=np.float32),
        timestamps=np.arange(len(items), dtype=np.int64),
    )


def fit(
    name: str,
    train: Interactions,
    *,
    valid: Interactions | None = None,
    runtime: Runtime | None = None,
    schema: FeatureSchema | None = None,
    on_event: OnEvent = ignore,
    **fields: Any,
) -> RecallModel[Any]:
    """Fit a registered model, with defaults but for `fields`."""
    cls = model_info(name).cls
    more = () if schema is None else (schema,)
    model: RecallModel[Any] = cls(parse_config(cls.Config, fields, f"model {name}"), runtime, *more)
    return model.fit(train, valid=valid, on_event=on_event)
