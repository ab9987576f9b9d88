"""browse.sqlite: any user of a prepared data set at once, with only the standard library.

The schema is documented in data/README.md.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
    event_counts,
)

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE users (
    user INTEGER PRIMARY KEY, user_id TEXT NOT NULL, events INTEGER NOT NULL,
    attributes TEXT NOT NULL
);
CREATE TABLE items (
    item INTEGER PRIMARY KEY, item_id TEXT NOT NULL, events INTEGER NOT NULL,
    title TEXT NOT NULL, attributes TEXT NOT NULL
);
CREATE TABLE histories (
    user INTEGER PRIMARY KEY, items BLOB NOT NULL, ratings BLOB NOT NULL,
    timestamps BLOB NOT NULL
);
"""
#: of a set whose events have types
TYPES_SCHEMA = "CREATE TABLE types (user INTEGER PRIMARY KEY, types BLOB NOT NULL)"
#: rows that are looked at together
BLOCK_ROWS = 2**20
_to_json = json.JSONEncoder(ensure_ascii=False).encode

INDEXES = """
CREATE UNIQUE INDEX users_by_id ON users (user_id);
CREATE UNIQUE INDEX items_by_id ON items (item_id);
"""


def write_browse(path: Path, dataset: Dataset) -> None:
    """Write the tables into a new file at `path`."""
    connection = sqlite3.connect(path)
    try:
        # the file is renamed into place when complete: no journal is needed until then
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA page_size = 32768")  # histories are large
        # SQLite counts the default in pages of the size before: eight times this
        connection.execute("PRAGMA cache_size = -2000")
        with connection:
            connection.executescript(SCHEMA)
            connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", _users(dataset))
            connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", _items(dataset))
            connection.executemany("INSERT INTO histories VALUES (?, ?, ?, ?)", _histories(dataset))
            if types := _types(dataset):
                connection.execute(TYPES_SCHEMA)
                codes = _by_user(dataset, ((types.codes, "<i4"),))
                connection.executemany("INSERT INTO types VALUES (?, ?)", codes)
            # last: the fingerprint is worked out beside the rest
            connection.executemany("INSERT INTO meta VALUES (?, ?)", _meta(dataset))
            connection.executescript(INDEXES)
    finally:
        connection.close()


def _meta(dataset: Dataset) -> list[tuple[str, str]]:
    flags = ("explicit", "timed", "synthetic", "labelled")
    return [
        ("name", dataset.name),
        ("fingerprint", dataset.fingerprint),
        *((flag, json.dumps(getattr(dataset, flag))) for flag in flags),
        *(("types", _to_json(types.vocabulary.tolist())) for types in [_types(dataset)] if types),
    ]


def _types(dataset: Dataset) -> Categorical | None:
    """Find the types of the events, where they have some."""
    types = dataset.event_columns.get("type")
    return types if isinstance(types, Categorical) else None


def _users(dataset: Dataset) -> Iterator[tuple[Any, ...]]:
    events = event_counts(dataset.user, dataset.n_users).tolist()
    attributes = _attributes(dataset.user_columns, dataset.n_users)
    ids = dataset.user_ids.tolist()
    return zip(range(dataset.n_users), ids, events, attributes, strict=True)


def _items(dataset: Dataset) -> Iterator[tuple[Any, ...]]:
    events = event_counts(dataset.item, dataset.n_items).tolist()
    columns = dict(dataset.item_columns)
    title = columns.pop("title", None)
    titles = title.values.tolist() if isinstance(title, Text) else [""] * dataset.n_items
    attributes = _attributes(columns, dataset.n_items)
    ids = dataset.item_ids.tolist()
    return zip(range(dataset.n_items), ids, events, titles, attributes, strict=True)


def _attributes(columns: dict[str, Column], rows: int) -> list[str]:
    """Write the known attributes of each row as a JSON object."""
    if not columns:
        return ["{}"] * rows
    written = [_written(f"{_to_json(name)}: ", column) for name, column in columns.items()]
    return [f"{{{', '.join(filter(None, row))}}}" for row in zip(*written, strict=True)]


def _written(key: str, column: Column) -> list[str]:
    """Write a column as JSON behind `key`, one text per row, empty where it is missing.

    Each value is written once.
    """
    if isinstance(column, Categorical):
        texts = [*(key + _to_json(word) for word in column.vocabulary.tolist()), ""]
        return [texts[code] for code in column.codes.tolist()]  # code -1 picks the last
    if isinstance(column, MultiCategorical):
        words = [_to_json(word) for word in column.vocabulary.tolist()]
        lists = _plain_lists(column, words)
        return [f"{key}[{', '.join(each)}]" if each else "" for each in lists]
    values = plain_values(column)
    known = {value: key + _to_json(value) for value in set(values) - {None}}
    return [known.get(value, "") for value in values]


def plain_values(column: Column) -> list[Any]:
    """Turn a column into plain values, one per row: text, number, list of texts, or None."""
    if isinstance(column, Vectors):
        return [None] * len(column.values)  # which nobody reads
    if isinstance(column, Numeric):
        return [None if value != value else value for value in column.values.tolist()]
    if isinstance(column, Text):
        return [value or None for value in column.values.tolist()]
    words = column.vocabulary.tolist()
    if isinstance(column, Categorical):
        return [words[code] if code >= 0 else None for code in column.codes.tolist()]
    return _plain_lists(column, words)


def _plain_lists(column: MultiCategorical, words: list[str]) -> list[Any]:
    codes, offsets = column.codes.tolist(), column.offsets.tolist()
    return [
        [words[code] for code in codes[start:end]] or None
        for start, end in itertools.pairwise(offsets)
    ]


def _histories(dataset: Dataset) -> Iterator[tuple[Any, ...]]:
    columns = ((dataset.item, "<i4"), (dataset.rating, "<f4"), (dataset.timestamp, "<i8"))
    return _by_user(dataset, columns)


def _by_user(
    dataset: Dataset, columns: Sequence[tuple[NDArray[Any], str]]
) -> Iterator[tuple[Any, ...]]:
    """Yield values of each user's events, oldest first (then file order), little-endian."""
    ends = np.append(0, np.cumsum(event_counts(dataset.user, dataset.n_users)))
    first = 0
    while first < dataset.n_users:
        # some users at a time, one at least: all rows at once are as large as the set
        last = int(np.searchsorted(ends, ends[first] + BLOCK_ROWS, side="right")) - 1
        last = max(first + 1, last)
        start = int(ends[first])
        rows = dataset.timeline[start : ends[last]]
        values = [column.take(rows).astype(kind, copy=False).data for column, kind in columns]
        for user in range(first, last):
            here = slice(int(ends[user]) - start, int(ends[user + 1]) - start)
            yield user, *(each[here] for each in values)
        first = last
