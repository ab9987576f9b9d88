"""results.sqlite: what is written is read back, with and without channels, few rows and many."""

from __future__ import annotations

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.workbench.results import values_of, without_arrays
from workbench.store import results
from workbench.store.files import StoreError
from workbench.store.packed import (
    judged_users,
    metric_names,
    metric_of_users,
    packed_values,
    values_by_user,
)
from workbench.store.results import Tables, write_results


@pytest.mark.parametrize("with_channels", [False, True])
@pytest.mark.parametrize("users", [1, 120])  # fewer rows than one statement takes, and more
def test_lists_are_read_as_they_were_written(
    tmp_path: Path, users: int, with_channels: bool
) -> None:
    width = 10
    items = np.arange(users * width).reshape(users, width)
    items[0, -2:] = -1
    scores = 1 / (1 + items.astype(np.float64) ** 2)
    flags = np.stack([items % 2 == 0, items % 3 == 0], axis=-1)
    write_results(
        tmp_path / "results.sqlite",
        Tables(
            user_ids=np.arange(users).astype(str),
            item_ids=np.arange(users * width).astype(str),
            users=np.arange(users),
            user_metrics={"ndcg@10": np.linspace(0, 1, users), "hit@10": np.ones(users)},
            recommendations=(np.arange(users), items, scores),
            channels=(("even", "third"), flags) if with_channels else None,
        ),
    )
    path = tmp_path / "results.sqlite"
    for user in {0, users - 1}:
        found = results.recommendations(path, user)
        kept = items[user] >= 0
        assert [item for item, _, _ in found] == items[user][kept].tolist()
        assert [score for _, score, _ in found] == scores[user][kept].tolist()
        for item, _, brought in found:
            expected = [name for name, by in (("even", 2), ("third", 3)) if item % by == 0]
            assert brought == (expected if with_channels else [])
    assert values_of(path, "ndcg@10")[users - 1] == pytest.approx(float(users > 1))
    assert metric_names(path) == ["hit@10", "ndcg@10"]


def write_two_metrics(path: Path) -> Path:
    """Write what three of six users have, not in their order."""
    tables = Tables(
        user_ids=np.array(list("abcdef")),
        item_ids=np.array(["i"]),
        users=np.array([4, 1, 3]),
        user_metrics={"auc": np.array([0.4, np.nan, 0.3]), "hit@10": np.array([1.0, 0.0, 1.0])},
        linearised={"auc": np.array([0.8, 0.1, 0.6])},
    )
    write_results(path, tables)
    return path


def test_metrics_are_the_same_with_and_without_arrays(tmp_path: Path) -> None:
    path = write_two_metrics(tmp_path / "results.sqlite")
    names = ("auc", "hit@10", "gone")
    by_array = {name: values_by_user(path, name, 4) for name in names}
    of_users = [
        metric_of_users(path, name, tested=tested) for name in names for tested in (False, True)
    ]
    assert metric_names(path) == ["auc", "hit@10"]
    assert judged_users(path, 4).tolist() == [1, 3]
    assert judged_users(path, 6).tolist() == [1, 3, 4]
    without_arrays(path)
    assert packed_values(path) is None
    assert judged_users(path, 4).tolist() == [1, 3]
    for name, values in by_array.items():
        np.testing.assert_array_equal(values_by_user(path, name, 4), values)
    again = [
        metric_of_users(path, name, tested=tested) for name in names for tested in (False, True)
    ]
    for found, expected in zip(again, of_users, strict=True):
        np.testing.assert_array_equal(found.users, expected.users)
        np.testing.assert_array_equal(found.values, expected.values)
    assert [found.values.tolist() for found in of_users[1::2]] == [[0.1, 0.6, 0.8], [0, 1, 1], []]
    assert metric_names(path) == ["auc", "hit@10"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE packed SET value = substr(value, 1, 16)", "2 values of 3 users"),
        ("UPDATE packed SET value = substr(value, 1, 15)", "buffer size must be a multiple"),
        ("UPDATE packed SET value = 7", "bytes-like object is required"),
        ("UPDATE judged SET users = x'020000000100000003000000'", "users are not in order"),
        ("DELETE FROM judged", "not enough values"),
        ("DROP TABLE judged", "no such table: judged"),
    ],
)
def test_arrays_that_are_damaged_are_said(tmp_path: Path, change: str, said: str) -> None:
    path = write_two_metrics(tmp_path / "results.sqlite")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(change)
    with pytest.raises(StoreError, match=said):
        values_by_user(path, "auc", 6)


def test_memory_does_not_grow_with_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values become objects a block at a time: all 30,000 rows would take 4 MB."""
    monkeypatch.setattr(results, "_BLOCK", 100)
    users, width = 3_000, 10
    items = np.tile(np.arange(width, dtype=np.int32), (users, 1))
    scores = np.random.default_rng(0).random((users, width), dtype=np.float32)
    numbers = np.arange(users, dtype=np.int32)
    tables = Tables(np.array(["a"]), np.array(["b"]), numbers, {}, (numbers, items, scores))
    tracemalloc.start()
    write_results(tmp_path / "results.sqlite", tables)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
    assert len(results.recommendations(tmp_path / "results.sqlite", users - 1)) == width
