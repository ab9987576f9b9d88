"""A data set with every kind of column, small enough to encode by hand."""

from __future__ import annotations

import numpy as np

from recsys_core.data.dataset import Categorical, Dataset, MultiCategorical, Numeric, Text
from recsys_core.data.interactions import Interactions

NAN = float("nan")


def films() -> Dataset:
    """Three users, four films, six ratings; user 2 and film 3 have no row among the first five."""
    return Dataset(
        name="films",
        user=np.array([0, 0, 1, 1, 1, 2], dtype=np.int32),
        item=np.array([0, 1, 0, 1, 2, 3], dtype=np.int32),
        rating=np.array([5, 2, 4, 1, 5, 3], dtype=np.float32),
        timestamp=np.array([0, 3600, 86_400, 90_000, 97_200, 172_800], dtype=np.int64),
        user_ids=np.array(["7", "8", "9"]),
        item_ids=np.array(["a", "b", "c", "d"]),
        user_columns={
            "gender": Categorical(np.array([0, 1, -1], np.int32), np.array(["F", "M"])),
            "age": Categorical(np.array([1, 0, 2], np.int32), np.array(["18", "25", "56"])),
        },
        item_columns={
            "title": Text(np.array(["A", "B", "C", "D"])),
            "year": Numeric(np.array([1990, 1995, NAN, 2000], np.float32)),
            "price": Numeric(np.array([0, 1, 3, 7], np.float32)),
            "genres": MultiCategorical(
                offsets=np.array([0, 2, 3, 3, 5]),
                codes=np.array([0, 1, 1, 0, 2], np.int32),
                vocabulary=np.array(["Action", "Comedy", "War"]),
            ),
        },
    )


def rows(dataset: Dataset, *numbers: int, threshold: float | None = 4.0) -> Interactions:
    return Interactions.in_time_order(dataset, np.array(numbers, dtype=np.int64), threshold)
