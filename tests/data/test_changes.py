"""Events and attributes of a data set, looked up in another one with other numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recsys_core.data.changes import count_changed
from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
)
from recsys_core.data.row_keys import numbers_there, rows_there

Row = tuple[str, str, int]


def events(*rows: Row) -> Dataset:
    """Make a data set of who met what and when."""
    users, items, times = (np.array(side) for side in zip(*rows, strict=True))
    user_ids, user = np.unique(users, return_inverse=True)
    item_ids, item = np.unique(items, return_inverse=True)
    return Dataset(
        name="made",
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        rating=np.ones(len(rows), dtype=np.float32),
        timestamp=times.astype(np.int64),
        user_ids=user_ids,
        item_ids=item_ids,
        user_columns={},
        item_columns={},
    )


OLD: list[Row] = [("b", "y", 1), ("b", "z", 2), ("b", "x", 2), ("c", "y", 5), ("b", "y", 7)]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        # new users and items change the numbers; what is new comes last
        ([("a", "w", 0), *OLD, ("b", "x", 8), ("c", "w", 9)], [-1, 0, 1, 2, 3, 4, -1, -1]),
        # an event is gone, and what follows it is another one in the timeline
        ([OLD[0], OLD[2], OLD[3], OLD[4]], [0, 2, 3, 4]),
        # events of the same second stand the other way round; one is of another second now
        ([OLD[0], OLD[2], OLD[1], ("c", "y", 6), OLD[4]], [0, 2, 1, -1, 4]),
        # the same event again
        ([*OLD, OLD[4]], [0, 1, 2, 3, 4, -1]),
        # an event before all others, and a user who is gone
        ([("b", "y", 0), OLD[0], OLD[1], OLD[2], OLD[4]], [-1, 0, 1, 2, 4]),
        ([("d", "v", 1), ("d", "u", 1)], [-1, -1]),
    ],
)
def test_events_are_found_in_another_data_set(new: list[Row], expected: list[int]) -> None:
    here, there = events(*new), events(*OLD)
    users = numbers_there(here.user_ids, there.user_ids)
    items = numbers_there(here.item_ids, there.item_ids)
    assert rows_there(here, there, users, items).tolist() == expected


def numbers(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.float32)


def codes(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.int32)


def offsets(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # rows 0, 1, 2 of the new one are rows 2, 0, 1 of the old one; only the last is another
        (
            Categorical(codes(0, -1, 1), np.array(["f", "m"])),
            Categorical(codes(2, 1, 0), np.array(["d", "f", "m"])),
        ),
        (
            MultiCategorical(offsets(0, 2, 2, 3), codes(0, 1, 1), np.array(["new", "war"])),
            MultiCategorical(offsets(0, 1, 3, 4), codes(2, 1, 2, 0), np.array(["a", "new", "war"])),
        ),
        (Numeric(numbers(1, 2, np.nan)), Numeric(numbers(np.nan, 1, np.nan))),
        (Text(np.array(["one", "two", ""])), Text(np.array(["", "one", "two and more"]))),
        (
            Vectors(numbers(1, 2, 3, 4, np.nan, np.nan).reshape(3, 2)),
            Vectors(numbers(np.nan, np.nan, 1, 2, 3, 5).reshape(3, 2)),
        ),
    ],
    ids=lambda column: type(column).__name__,
)
def test_other_attributes_are_counted(old: Column, new: Column) -> None:
    there = np.array([2, 0, 1])
    assert count_changed({"x": old, "gone": old}, {"x": new, "more": new}, there) == 1
    assert count_changed({"x": old}, {"x": old}, np.arange(3)) == 0
    assert count_changed({"x": old}, {"x": new}, np.array([2, 0, -1])) == 0  # a new one


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Vectors(numbers(1, 2).reshape(1, 2)), Vectors(numbers(1, 2, 3).reshape(1, 3))),
        (Numeric(numbers(1)), Text(np.array(["1"]))),
    ],
    ids=["length", "type"],
)
def test_what_is_of_another_kind_is_another(old: Column, new: Column) -> None:
    assert count_changed({"x": old}, {"x": new}, np.arange(1)) == 1
