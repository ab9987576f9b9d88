"""Small data sets and splits, written out in tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys_core.data.dataset import Column, Dataset, MultiCategorical
from recsys_core.data.interactions import Interactions
from recsys_core.protocols.split import Split

Row = tuple[int, int, float, int]


def dataset(
    rows: Sequence[Row],
    *,
    n_users: int | None = None,
    n_items: int | None = None,
    genres: Sequence[Sequence[str]] | None = None,
    explicit: bool = True,
    timed: bool = True,
) -> Dataset:
    """Build a data set from (user, item, rating, timestamp) rows in file order."""
    user, item, rating, timestamp = zip(*rows, strict=True) if rows else ((), (), (), ())
    n_users = max(user, default=-1) + 1 if n_users is None else n_users
    n_items = max(item, default=-1) + 1 if n_items is None else n_items
    columns: dict[str, Column] = {} if genres is None else {"genres": _genres(genres)}
    return Dataset(
        name="tiny",
        user=np.array(user, dtype=np.int32),
        item=np.array(item, dtype=np.int32),
        rating=np.array(rating, dtype=np.float32),
        timestamp=np.array(timestamp, dtype=np.int64),
        user_ids=np.array([f"u{u}" for u in range(n_users)]),
        item_ids=np.array([f"i{i}" for i in range(n_items)]),
        user_columns={},
        item_columns=columns,
        explicit=explicit,
        timed=timed,
    )


def _genres(genres: Sequence[Sequence[str]]) -> MultiCategorical:
    vocabulary = sorted({name for names in genres for name in names})
    codes = [vocabulary.index(name) for names in genres for name in names]
    return MultiCategorical(
        offsets=np.cumsum([0, *map(len, genres)]).astype(np.int64),
        codes=np.array(codes, dtype=np.int32),
        vocabulary=np.array(vocabulary),
    )


def random_dataset(
    seed: int, *, n_users: int = 30, n_items: int = 40, n: int = 600, last_time: int = 100
) -> Dataset:
    """Build a data set of distinct random pairs; few distinct times, so many are equal."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(n_users * n_items, size=n, replace=False)
    ratings = rng.integers(1, 6, n)
    times = rng.integers(0, last_time, n)
    rows = [
        (int(pair // n_items), int(pair % n_items), float(rating), int(time))
        for pair, rating, time in zip(pairs, ratings, times, strict=True)
    ]
    return dataset(rows, n_users=n_users, n_items=n_items)


def split(
    data: Dataset,
    train: Sequence[int],
    valid: Sequence[int],
    test: Sequence[int],
    *,
    threshold: float | None = 4.0,
) -> Split:
    """Build a split from the row numbers of its parts."""
    one, two, three = (
        Interactions.in_time_order(data, np.array(rows, dtype=np.int64), threshold)
        for rows in (train, valid, test)
    )
    return Split("by-hand", {}, "", one, two, three)
