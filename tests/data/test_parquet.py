"""Parquet: every type of column is either read as what it means or refused by name."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Dataset
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.errors import DataError, InputError

pa = pytest.importorskip("pyarrow")

DAY = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FIRST = 1_577_836_800  # 2020-01-01 in UTC
ONE_STRUCT = pa.array([{"a": 1}, {"a": 2}])


def write(path: Path, **columns: Any) -> Path:
    """Write two rows, of which `columns` may be given."""
    from pyarrow import parquet

    values = {"user": [1, 2], "item": ["a", "b"], **columns}
    parquet.write_table(pa.table(values), path / "r.parquet")
    return path / "r.parquet"


def read(path: Path, **options: Any) -> Dataset:
    return import_dataset(path, path.parent / "data", "mine", ImportOptions(**options))


def type_or_text(value: Any) -> str:
    """Name a case: what an array holds is told by its type."""
    return str(value.type) if isinstance(value, pa.Array) else str(value)[:40]


def column_or_message(value: Any) -> str:
    """Name a case by the column that is wrong and by what is said of it."""
    return value if isinstance(value, str) else next(iter(value))


@pytest.mark.parametrize(
    ("times", "first"),
    [
        (pa.array([DAY, DAY], pa.timestamp("s")), FIRST),
        (pa.array([DAY, DAY], pa.timestamp("ms", "UTC")), FIRST),
        (pa.array([DAY, DAY], pa.timestamp("us", "Europe/Berlin")), FIRST),
        (pa.array([DAY, DAY], pa.timestamp("ns", "+05:30")), FIRST),
        (pa.array([1_999_999, 1], pa.timestamp("us", "UTC")), 1),  # whole seconds that have passed
        (pa.array([DAY.date(), DAY.date()]), FIRST),
        (pa.array([DAY.date(), DAY.date()], pa.date64()), FIRST),
        (pa.array([5.75, 6.0]), 5),
        (pa.array(["5", "6"]), 5),
    ],
    ids=type_or_text,
)
def test_times_are_seconds_in_utc(tmp_path: Path, times: Any, first: int) -> None:
    assert read(write(tmp_path, timestamp=times)).timestamp[0] == first


@pytest.mark.parametrize(
    ("ids", "read_as"),
    [
        (pa.array([10, 9]), ["9", "10"]),
        (pa.array([10, 9], pa.uint64()), ["9", "10"]),
        (pa.array(["x", "é"]), ["x", "é"]),
        (pa.array(["x", "é"], pa.large_string()), ["x", "é"]),
        (pa.array([b"x", "é".encode()]), ["x", "é"]),
        (pa.array(["x", "é"]).dictionary_encode(), ["x", "é"]),
        (pa.array([10, 9]).dictionary_encode(), ["9", "10"]),
        (pa.array([1.5, 2.0]), ["1.5", "2.0"]),
    ],
    ids=type_or_text,
)
def test_ids_are_text(tmp_path: Path, ids: Any, read_as: list[str]) -> None:
    assert read(write(tmp_path, user=ids)).user_ids.tolist() == read_as


def test_labels_units_and_text_times(tmp_path: Path) -> None:
    times = [FIRST * 1000 + 999, FIRST * 1000 + 1000]
    dataset = read(write(tmp_path, label=[True, False], timestamp=times), time_unit="ms")
    assert dataset.rating.tolist() == [1, 0]
    assert dataset.timestamp.tolist() == [FIRST, FIRST + 1]
    dataset = read(write(tmp_path, click=["1", "0"], time=["2020-01-01", "2020-01-01T00:00:01Z"]))
    assert dataset.rating.tolist() == [1, 0]
    assert dataset.timestamp.tolist() == [FIRST, FIRST + 1]
    kinds = {"user": "user", "item": "item", "type": "did"}
    dataset = read(write(tmp_path, did=["view", "buy"]), columns=kinds)
    assert plain_values(dataset.event_columns["type"]) == ["view", "buy"]
    exact = [(FIRST + 1) * 10**9 - 1, (FIRST + 1) * 10**9]
    assert read(write(tmp_path, time=exact), time_unit="ns").timestamp.tolist() == [
        FIRST,
        FIRST + 1,
    ]


def test_options_that_parquet_cannot_follow_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, time=pa.array([DAY, DAY], pa.timestamp("ms")))
    with pytest.raises(
        InputError, match=r"a unit of their own, timestamp\[ms\]\nimport it without"
    ):
        read(path, time_unit="ms")
    with pytest.raises(InputError, match="parquet files have no separator\nimport it"):
        read(path, separator=",")


def test_whole_numbers_stay_whole_beside_missing_ones(tmp_path: Path) -> None:
    path = write(tmp_path, user=[7, None])
    with pytest.raises(DataError, match="row 2: the user is missing"):
        read(path)
    assert read(path, on_bad_rows="skip").user_ids.tolist() == ["7"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user": pa.array([b"x", b"\xff"])}, "the user column holds binary, not whole numbers"),
        ({"user": ONE_STRUCT}, "the user column holds struct<a: int64>, not whole numbers or text"),
        ({"item": pa.array([[1], [2]])}, "the item column holds list<"),
        ({"item": pa.array([True, False])}, "the item column holds bool"),
        ({"item": pa.array([DAY, DAY])}, "the item column holds timestamp"),
        ({"user": pa.array([None, None])}, "row 1: the user is missing"),
        ({"user": ["", "x"]}, "row 1: the user is missing"),
        ({"user": ["x", "NaN"]}, "row 2: the user is missing: its text stands for no value"),
        ({"label": [1, 2]}, "row 2: the label is not 0 or 1"),
        ({"label": ["yes", "1"]}, "row 1: the label is not 0 or 1"),
        ({"timestamp": [20200105, 20200106]}, "look like dates, e.g. 20200105"),
        ({"timestamp": ["05/01/2020", "x"]}, "the timestamp column holds string, not numbers"),
        ({"user": ["x", "x\0"]}, "row 2: the user has a null character"),
        ({"user": ["x", "x\0"][::-1]}, "row 1: the user has a null character"),
        ({"rating": ["good", "bad"]}, "the rating column holds string, not numbers"),
        ({"rating": ONE_STRUCT}, "the rating column holds struct"),
        ({"rating": [1.0, float("nan")]}, "row 2: the rating is missing"),
        ({"rating": [1.0, float("inf")]}, "row 2: the rating is not within 0 to 10"),
        ({"rating": [1.0, None]}, "row 2: the rating is missing"),
        ({"timestamp": ONE_STRUCT}, "the timestamp column holds struct"),
        ({"timestamp": pa.array([1, 2], pa.time64("us"))}, "the timestamp column holds time64"),
        ({"timestamp": [1, 2**63 - 1]}, "row 2: .* since 1970; .* --time-unit ns"),
        ({"timestamp": [-1, 2]}, "row 1: the timestamp is not in seconds since 1970"),
        ({"timestamp": pa.array([None, DAY])}, "row 1: the timestamp is not in seconds"),
    ],
    ids=column_or_message,
)
def test_what_cannot_be_read_is_refused_by_name(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(write(tmp_path, **columns))
    assert "r.parquet" in caught.value.problem


def test_a_column_that_is_there_twice_is_refused_if_it_is_used(tmp_path: Path) -> None:
    from pyarrow import parquet

    table = pa.table([[1, 2], [3, 4], [5, 6], [0, 0]], ["user", "item", "user", "x"])
    parquet.write_table(table, tmp_path / "r.parquet")
    with pytest.raises(InputError, match="2 columns 'user'"):
        read(tmp_path / "r.parquet")
    assert read(tmp_path / "r.parquet", columns={"user": "x", "item": "item"}).n_users == 1


def test_damaged_pages_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, user=list(range(1000)), item=[str(x) for x in range(1000)])
    whole = path.read_bytes()
    refused = 0
    for place in range(4, len(whole) - 8, len(whole) // 12):
        broken = bytearray(whole)
        broken[place : place + 8] = bytes(byte ^ 0xFF for byte in whole[place : place + 8])
        path.write_bytes(broken)
        try:
            read(path)
        except DataError as error:  # what else is damaged is but a value
            refused += "r.parquet" in error.problem
    assert refused > 3
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a readable parquet file"):
        read(path)
