"""Data frames become the data set that the same rows become as a file; what is wrong is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from recsys_core import Dataset
from recsys_core.data.archive import RawFile
from recsys_core.data.dataset import Categorical, Numeric, Vectors
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.importer import import_dataset, put_together
from recsys_core.data.load import load_dataset
from recsys_core.data.pieces import IN_MEMORY
from recsys_core.data.prepared import find_prepared
from recsys_core.data.text_table import read_tables
from recsys_core.errors import DataError, InputError
from tests.data.real import real_data

DAY = 86_400
EVENTS = pd.DataFrame(
    {
        "uid": [10, 9, 9, 10, 11],
        "sku": ["b", "a", "c", "a", "b"],
        "rating": [5.0, 3.5, 4.0, 1.0, 2.0],
        "time": [DAY, 2 * DAY, 3 * DAY + 7, 4 * DAY, 5 * DAY],
        "price": [9.5, None, 3.0, 4.0, 1e9],
        "mood": ["good", "bad", None, "good", "bad"],
        "did": ["view", "buy", "view", "buy", "view"],
    }
)
COLUMNS = {
    "user": "uid",
    "item": "sku",
    "rating": "rating",
    "timestamp": "time",
    "price": "price",
    "mood": "mood",
}
ITEMS = pd.DataFrame(
    {
        "sku": ["a", "b", "c", "d"],
        "name": ["Ant", "Bee", None, "Dog"],
        "year": [1990, 1991, np.nan, 1993],
        "tags": ["x|y", "y", None, "z"],
    }
)


def imported(folder: Path, events: pd.DataFrame, **options: Any) -> str:
    """Give the fingerprint of what the same rows are as a file."""
    events.to_csv(folder / "events.csv", index=False)
    found = import_dataset(folder / "events.csv", folder / "data", "file", ImportOptions(**options))
    return found.fingerprint


class Stream:
    """Anything with `__arrow_c_stream__`."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._table.__arrow_c_stream__(schema)


def as_views(frame: pd.DataFrame) -> Stream:
    """Keep texts as views, alone and as categories, as polars does."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for place, column in enumerate(table.columns):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            chunk = column.cast(pa.string_view()).combine_chunks()
            codes = pa.array([None if x is None else i for i, x in enumerate(chunk.to_pylist())])
            coded = pa.DictionaryArray.from_arrays(codes.cast(pa.uint32()), chunk)
            table = table.set_column(place, column._name or table.column_names[place], coded)
    return Stream(table)


SAME: dict[str, Callable[[pd.DataFrame], Any]] = {
    "as it is": lambda frame: frame,
    "nullable": lambda frame: frame.convert_dtypes(),
    "categories": lambda frame: frame.astype({"uid": "category", "sku": "category"}),
    "text": lambda frame: frame.astype({"uid": "string", "rating": str}),
    "floats": lambda frame: frame.astype({"uid": float}),
    "objects": lambda frame: frame.astype(object),
    "small numbers": lambda frame: frame.astype({"uid": "int16", "rating": "float32"}),
    "an index with names": lambda frame: frame.set_index(["uid", "time"]),
    "dates": lambda frame: frame.assign(time=pd.to_datetime(frame["time"], unit="s")),
    "dates of a zone": lambda frame: frame.assign(
        time=pd.to_datetime(frame["time"], unit="s", utc=True).dt.tz_convert("Asia/Tokyo")
    ),
    "columns of Arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "a table of Arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "a stream": as_views,
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_it_is_the_set_that_the_file_is(change: Any, tmp_path: Path) -> None:
    made = Dataset.from_frame(change(EVENTS), columns=COLUMNS)
    assert made.user_ids.tolist() == ["9", "10", "11"]
    assert made.fingerprint == imported(tmp_path, EVENTS, columns=COLUMNS)
    price, mood = made.event_columns["price"], made.event_columns["mood"]
    assert isinstance(price, Numeric)
    assert np.isnan(price.values[1])
    assert isinstance(mood, Categorical)
    assert mood.vocabulary.tolist() == ["bad", "good"]
    assert mood.codes.tolist() == [1, 0, -1, 1, 0]


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table.from_pandas])
def test_options_are_those_of_the_import(kind: Any, tmp_path: Path) -> None:
    """Types and their weights, repeats, another unit, labels, a range, a column of categories."""
    frame = pd.concat([EVENTS, EVENTS.assign(time=9 * DAY)], ignore_index=True)
    frame["time"] *= 1000
    columns = {**COLUMNS, "type": "did", "price": "price:category"}
    options: dict[str, Any] = {"repeats": "last", "time_unit": "ms", "rating_range": (1, 5)}
    made = Dataset.from_frame(
        kind(frame), columns=columns, keep=["buy"], type_weights={"buy": 4}, **options
    )
    same = imported(tmp_path, frame, columns=columns, keep="buy", type_weights="buy=4", **options)
    assert made.fingerprint == same
    assert made.timestamp.tolist() == [9 * DAY, 9 * DAY]
    assert made.summary["bad_rows"] == {"type": 6, "duplicate": 2}
    clicks = EVENTS.assign(rating=[True, False, True, False, True])
    made = Dataset.from_frame(kind(clicks), columns="user=uid,item=sku,label=rating")
    assert made.labelled
    assert made.fingerprint == imported(
        tmp_path, clicks, columns={"user": "uid", "item": "sku", "label": "rating"}
    )


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table.from_pandas])
def test_tables_and_vectors_beside_the_events(kind: Any, tmp_path: Path) -> None:
    ids, matrix = np.array(["b", "d", "a"]), np.arange(6.0).reshape(3, 2)
    ITEMS.to_csv(tmp_path / "items.csv", index=False)
    np.savez(tmp_path / "covers.npz", ids=ids, vectors=matrix)
    same = imported(
        tmp_path,
        EVENTS,
        columns=COLUMNS,
        items=str(tmp_path / "items.csv"),
        vectors=(f"covers={tmp_path / 'covers.npz'}",),
    )
    events, table = kind(EVENTS), kind(ITEMS)
    for items, covers in (
        (table, (ids, matrix)),
        (tmp_path / "items.csv", tmp_path / "covers.npz"),
        ((table, "id=sku,title=name,year=year,genres=tags"), (ids.astype(object), matrix)),
    ):
        made = Dataset.from_frame(events, columns=COLUMNS, items=items, vectors={"covers": covers})
        assert made.fingerprint == same
    assert made.item_ids.tolist() == ["a", "b", "c", "d"]
    assert made.summary["attributes"]["item"]["matched"] == 4
    people = kind(pd.DataFrame({"id": [9.0, 10.0, 11.0], "liked": [["x"], ["x", "y"], None]}))
    made = Dataset.from_frame(
        events,
        columns=COLUMNS,
        users=(people, "id=id,liked:any-of"),
        vectors={"user:taste": ([9], [[1, 2]])},
    )
    assert list(made.user_columns) == ["liked", "taste"]
    assert isinstance(made.user_columns["taste"], Vectors)


def test_movielens_is_the_same(tmp_path: Path) -> None:
    real = real_data("ml-100k")
    frame = pd.DataFrame(
        {
            "user": real.user_ids[real.user].astype(int),
            "item": real.item_ids[real.item].astype(int),
            "rating": real.rating,
            "timestamp": real.timestamp,
        }
    )
    made = Dataset.from_frame(frame, name="ml-100k-frame")
    frame.to_csv(tmp_path / "events.csv", index=False)
    file = RawFile(tmp_path, "events.csv", zipped=False)
    read = read_tables([file], file.where, ImportOptions(), IN_MEMORY)
    filed = put_together(read, ImportOptions(), "events.csv", "")  # nothing is written
    assert made.fingerprint == filed.dataset.fingerprint
    assert Dataset.from_frame(pa.Table.from_pandas(frame)).fingerprint == made.fingerprint
    for name in ("user", "item", "rating", "timestamp", "user_ids", "item_ids"):
        assert np.array_equal(getattr(made, name), getattr(real, name))
    assert repr(made).startswith("Dataset 'ml-100k-frame': 100,000 ratings of 943 users")


def test_rows_left_out_are_counted_and_said() -> None:
    frame = EVENTS.assign(uid=[10, float("nan"), 9, 10, 11], rating=[5, 4, 99, 1, 2])
    made = Dataset.from_frame(frame, columns=COLUMNS, on_bad_rows="skip")
    assert made.summary["bad_rows"] == {"row": 2}
    assert repr(made).splitlines() == [
        "Dataset 'frame': 3 ratings of 2 users and 2 items",
        "columns: user: uid, item: sku, rating: rating, timestamp: time, price: price, mood: mood",
        "context: price: numeric, mood: categorical",
        "rows left out: row: 2",
        "not used: did",
        "note: user ids are whole numbers: 10.0 is read as 10",
    ]


def test_it_can_be_registered(tmp_path: Path) -> None:
    made = Dataset.from_frame(EVENTS, columns=COLUMNS, items=ITEMS, name="shop")
    made.save(tmp_path)
    assert load_dataset("shop", tmp_path).fingerprint == made.fingerprint
    assert Dataset.load("shop", tmp_path).fingerprint == made.fingerprint
    prepared = find_prepared(tmp_path, "shop")
    assert prepared is not None
    assert prepared.meta["summary"]["attributes"]["item"]["of"] == 4
    again = Dataset.load("shop", tmp_path)
    again.save(tmp_path)  # what was loaded has no summary
    for name, problem in (
        ("No!", "cannot name"),
        ("ml-1m", "is not ml-1m"),
        ("sample", "built-in"),
    ):
        with pytest.raises(InputError, match=problem):
            Dataset.from_frame(EVENTS, columns=COLUMNS, name=name).save(tmp_path)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"user": [1, 2], "item": ["a", "b"], **columns})


class LazyFrame:
    """Stands for that of polars, which is not needed here."""


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no user": (EVENTS[["sku"]], {}, "events: no column is recognised as the user or the item;"),
    "only items": (frame()[["item"]], {}, "needs a user and an item: add a column with the user"),
    "no such column": (EVENTS, {"columns": {"user": "id", "item": "sku"}}, "in events: 'id'"),
    "no pair": (EVENTS, {"columns": "user"}, "columns: 'user' is not ROLE=COLUMN"),
    "nobody": (frame(user=[np.nan, 2]), {}, "events, row 1: the user is missing\n"),
    "nobody of Arrow": (
        pa.table(frame(user=[None, "x"])),
        {},
        "events, row 1: the user is missing",
    ),
    "a nullable id": (frame(user=pd.array([1, None], "Int64")), {}, "row 2: the user is missing"),
    "a text for none": (frame(user=["x", "NULL"]), {}, "row 2: the user is missing: its text"),
    "a break": (frame(user=["x", "y\nz"]), {}, "row 2: the user has a line break"),
    "true and false": (frame(user=[True, False]), {}, "the user column holds bool, not whole"),
    "dates as ids": (frame(item=pd.Timestamp(0)), {}, r"item column holds datetime64\[\w+\], not"),
    "lists": (frame(user=[[1], [2]]), {}, "the user column holds list, not whole numbers or text"),
    "objects": (frame(user=[object(), 1]), {}, "the user column holds int, object, not whole"),
    "no UTF-8": (frame(user=[b"\xff", b"x"]), {}, "the user column holds bytes, not whole"),
    "nested": (
        pa.table({"user": [[1]], "item": ["a"]}),
        {},
        r"the user column holds list<\w+: int64>, not whole numbers or text\n.* with columns=…",
    ),
    "columns twice": (
        pd.concat([EVENTS, EVENTS[["uid"]]], axis=1),
        {"columns": COLUMNS},
        "events: there are 2 columns 'uid'",
    ),
    "columns by number": (EVENTS.T.reset_index(drop=True).T, {}, "a column is called 0, which is"),
    "no rows": (EVENTS[:0], {"columns": COLUMNS}, "events: there are no rows"),
    "no rows of Arrow": (pa.table(frame()[:0]), {}, "events: there are no rows"),
    "no columns": (pd.DataFrame(), {}, "events: there are no columns"),
    "words for ratings": (
        frame(rating=["good", "bad"]),
        {},
        "the rating column holds str, not num",
    ),
    "complex": (frame(rating=[1j, 2]), {}, "the rating column holds complex128, not numbers"),
    "dates for ratings": (frame(rating=pd.Timestamp(0)), {}, "the rating column holds datetime64"),
    "a rating too large": (
        frame(rating=[1, 11]),
        {},
        'within 0 to 10 .rating_range .*\nmend the rows, or .*: on_bad_rows="skip"',
    ),
    "no label": (
        frame(label=[0, 2]),
        {},
        r"row 2: the label is not 0 or 1; .*: columns=\"rating=COLUMN\"",
    ),
    "milliseconds": (frame(time=[10**12, 1]), {}, 'row 1: .*in milliseconds: time_unit="ms"\n'),
    "dates as numbers": (frame(time=[20200101, 20200102]), {}, "look like dates, e.g. 20200101"),
    "words for times": (
        frame(time=["now", "then"]),
        {},
        "timestamp column holds str, not times",
    ),
    "periods": (
        frame(time=pd.period_range("2020", periods=2)),
        {},
        r"holds period\[D\], not",
    ),
    "before 1970": (frame(time=pd.Timestamp(-1, unit="s")), {}, "row 1: the timestamp is not in"),
    "no time": (frame(time=[pd.NaT, pd.Timestamp(0)]), {}, "row 1: the timestamp is not in"),
    "two units": (frame(time=pd.Timestamp(0)), {"time_unit": "ms"}, "have a unit of their own"),
    "repeats": (
        frame(user=[1, 1], item=2),
        {},
        r'row 2: user 1 and .* row 1\nmend .*: repeats="last" \(',
    ),
    "no effect": (frame(), {"rating_range": (0, 5)}, "events: rating_range has no effect: there"),
    "no range": (frame(), {"rating_range": (5, 0)}, r"rating_range = \(5, 0\) is not a range"),
    "no such rule": (frame(), {"repeats": "newest"}, "unknown repeats 'newest'"),
    "no such unit": (frame(), {"time_unit": "years"}, "unknown time_unit 'years'"),
    "a lazy frame": (LazyFrame(), {}, r"LazyFrame has no rows yet\npass .*collect\(\)"),
    "a dict": ({"user": [1]}, {}, "events: a dict is not a table\npass a pandas DataFrame"),
    "a list of items": (frame(), {"items": [1]}, "items: a list is not a table"),
    "items of nobody": (frame(), {"items": (ITEMS[:1], "id=year")}, "none of its 1 item has an"),
    "no key": (
        frame(),
        {"items": pd.DataFrame({"x": [7]})},
        r'say it: items=\(frame, "id=COLUMN"\)',
    ),
    "an empty table": (frame(), {"items": ITEMS[:0]}, "items: there are no rows"),
    "a matrix alone": (frame(), {"vectors": {"v": np.eye(2)}}, "vectors v: ndarray instead of ids"),
    "a side": (frame(), {"vectors": {"shop:v": ([1], [[1]])}}, "'shop:v': not NAME or user:NAME"),
    "no finite number": (
        frame(),
        {"vectors": {"v": (["a"], [[np.inf]])}},
        "vectors v, row 1: id a",
    ),
}


@pytest.mark.parametrize(("events", "options", "problem"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_in_words_of_python(
    events: Any, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        Dataset.from_frame(events, **options)
    said = str(caught.value)
    assert len(said.splitlines()) == 2
    assert "--" not in said
    assert "recsys-workbench data" not in said


@pytest.mark.parametrize("given", ["events", "items"])
def test_only_tables_of_arrow_need_pyarrow(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tables: dict[str, Any] = {"events": frame(), "items": pd.DataFrame({"item": ["a", "b"]})}
    tables[given] = Stream(pa.Table.from_pandas(tables[given]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=rf"{given}: reading .* needs pyarrow\npip .*\[parquet\]"):
        Dataset.from_frame(**tables)
    assert Dataset.from_frame(frame()).n_users == 2


def test_errors_keep_their_kind() -> None:
    with pytest.raises(DataError):
        Dataset.from_frame(frame(user=[None, 1]))
