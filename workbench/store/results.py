"""results.sqlite: per-user metrics, recommendations and scored rows, readable with sqlite3."""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from recsys_core.errors import TRAIN_AGAIN
from recsys_core.reading import parse_json, shorten
from workbench.store.database import connect
from workbench.store.files import StoreError, damaged, replacing

_SCHEMA = """
CREATE TABLE users (user INTEGER PRIMARY KEY, user_id TEXT NOT NULL);
CREATE TABLE items (item INTEGER PRIMARY KEY, item_id TEXT NOT NULL);
CREATE TABLE user_metrics (
    metric TEXT NOT NULL, user INTEGER NOT NULL, value REAL, linearised REAL,
    PRIMARY KEY (metric, user)
) WITHOUT ROWID;
CREATE TABLE recommendations (
    user INTEGER NOT NULL, rank INTEGER NOT NULL, item INTEGER NOT NULL, score REAL NOT NULL,
    channels TEXT, PRIMARY KEY (user, rank)
) WITHOUT ROWID;
CREATE TABLE rows (
    user INTEGER NOT NULL, item INTEGER NOT NULL, label REAL NOT NULL, score REAL NOT NULL
);
CREATE TABLE parts (user INTEGER PRIMARY KEY, parts BLOB NOT NULL);
CREATE TABLE judged (users BLOB NOT NULL);
CREATE TABLE packed (metric TEXT PRIMARY KEY, value BLOB NOT NULL, linearised BLOB);
"""
_USER_METRICS = ("metric", "user", "value", "linearised")
_INDEX_ROWS = "CREATE INDEX rows_by_user ON rows (user)"
#: values of one statement at most; SQLite takes 999 everywhere
_MOST_VALUES = 900
#: rows of an array that are written at a time
_BLOCK = 2048
#: what to do about a results file that is damaged
AGAIN = TRAIN_AGAIN
TABLES = ("users", "items", "user_metrics", "recommendations", "rows")
#: of the program's own; `packed` repeats user_metrics, see `packed.py`
_OWN_TABLES = ("parts", "judged", "packed")


class Array(Protocol):
    """What the writer needs of an array: this module imports no numpy."""

    def tolist(self) -> list[Any]:
        """Convert to nested lists."""
        ...


@dataclass(frozen=True)
class Tables:
    """The content of results.sqlite.

    Parameters
    ----------
    user_ids, item_ids
        Original ids of all users and items, by number.
    users
        Shape (n,): the users that `user_metrics` is about.
    user_metrics
        Shape (n,) each; NaN where not defined.
    linearised
        Shape (n,) each: of the metrics that weigh users, values whose plain mean the metric is.
    recommendations
        users (m,), items (m, width), scores (m, width); items are -1 where a list is short.
    channels
        Two-stage: names of the channels, and (m, width, channels): which proposed each item.
    rows
        users, items, labels, scores, shape (rows,) each.
    parts
        Events of each user, shape (n_users,), and a byte for each of all events.
    """

    user_ids: Array
    item_ids: Array
    users: Array
    user_metrics: Mapping[str, Array]
    recommendations: tuple[Array, Array, Array] | None = None
    rows: tuple[Array, Array, Array, Array] | None = None
    parts: tuple[Array, bytes] | None = None
    channels: tuple[Sequence[str], Array] | None = None
    linearised: Mapping[str, Array] = field(default_factory=dict)


def write_results(path: Path, tables: Tables) -> None:
    """Replace `path` by a database of `tables`.

    Raises
    ------
    StoreError
        The disk is full, the folder cannot be written.
    """
    with replacing(path) as partial:
        partial.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(partial, isolation_level=None)) as database:
                # no journal: the file is thrown away unless it is complete
                database.execute("PRAGMA journal_mode = OFF")
                database.execute("PRAGMA synchronous = OFF")
                database.execute("PRAGMA page_size = 16384")  # lists are written a third faster
                database.executescript(_SCHEMA)
                database.execute("BEGIN")
                _fill(database, tables)
                database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"{path}: cannot be written: {error}",
                "free some space, or choose another place",
            ) from error


def _fill(database: sqlite3.Connection, tables: Tables) -> None:
    for name, ids in (("users", tables.user_ids), ("items", tables.item_ids)):
        texts = ids.tolist()
        _insert(database, name, [(range(len(texts)), texts)])
    users = tables.users.tolist()
    order = sorted(range(len(users)), key=users.__getitem__)
    database.execute("INSERT INTO judged VALUES (?)", (_packed("i", users, order),))
    for metric in sorted(tables.user_metrics):
        columns = [[metric] * len(users), users, tables.user_metrics[metric].tolist()]
        if metric in tables.linearised:
            columns.append(tables.linearised[metric].tolist())
        head = f"user_metrics ({', '.join(_USER_METRICS[: len(columns)])})"
        _insert(database, head, [columns])
        packed = [_packed("d", column, order) for column in columns[2:]]
        database.execute("INSERT INTO packed VALUES (?, ?, ?)", (metric, *packed, None)[:3])
    if tables.recommendations is not None:
        # without the column of channels it takes half the time
        head = "recommendations" + ("" if tables.channels else " (user, rank, item, score)")
        _insert(database, head, _ranked(*tables.recommendations, tables.channels))
    if tables.rows is not None:
        _insert(database, "rows", _by_row(*tables.rows))
        database.execute(_INDEX_ROWS)
    if tables.parts is not None:
        pieces = list(_pieces(*tables.parts))
        _insert(database, "parts", [(range(len(pieces)), pieces)])


def _packed(code: str, values: Sequence[Any], order: Iterable[int]) -> bytes:
    """Write numbers one behind the other, the lowest byte first."""
    numbers = array(code, map(values.__getitem__, order))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _insert(
    database: sqlite3.Connection, table: str, blocks: Iterable[Sequence[Sequence[Any]]]
) -> None:
    """Insert blocks of columns, many rows per statement: a third of the time of one each."""
    for columns in blocks:
        width, rows = len(columns), len(columns[0])
        values: list[Any] = [None] * (width * rows)
        for place, column in enumerate(columns):
            values[place::width] = column
        marks = f"({', '.join('?' * width)})"
        head, most = f"INSERT INTO {table} VALUES ", _MOST_VALUES // width  # noqa: S608 - fixed names
        whole, step = head + ", ".join([marks] * most), most * width
        full = len(values) // step * step
        for start in range(0, full, step):
            database.execute(whole, values[start : start + step])
        rest = (values[start : start + width] for start in range(full, len(values), width))
        database.executemany(head + marks, rest)


def _pieces(lengths: Array, content: bytes) -> Iterator[bytes]:
    """Cut `content` into pieces of the given lengths."""
    ends = list(itertools.accumulate(lengths.tolist()))
    for start, end in itertools.pairwise([0, *ends]):
        yield content[start:end]


def _blocks(rows: int) -> Iterator[slice]:
    """Cut rows of arrays into blocks: values become objects, which take eight times the memory."""
    return (slice(start, start + _BLOCK) for start in range(0, rows, _BLOCK))


def _by_row(*columns: Any) -> Iterator[list[list[Any]]]:
    """Cut columns into blocks of values."""
    for block in _blocks(len(columns[0])):
        yield [column[block].tolist() for column in columns]


def _ranked(
    users: Any, items: Any, scores: Any, channels: tuple[Sequence[str], Any] | None
) -> Iterator[list[list[Any]]]:
    """Unroll lists into user, rank, item, score and channels, leaving out the padding."""
    for block in _blocks(len(users)):
        listed = items[block] >= 0
        row, place = listed.nonzero()
        found = (users[block][row], place + 1, items[block][listed], scores[block][listed])
        columns = [column.tolist() for column in found]
        if channels is not None:
            columns.append(_brought(channels[0], channels[1][block][listed].tolist()))
        yield columns


def _brought(names: Sequence[str], flags: list[list[bool]]) -> list[str]:
    """Write for each item the channels whose flag is set, as a JSON list."""
    return [json.dumps(list(itertools.compress(names, mine))) for mine in flags]


def query(path: Path, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a SELECT on a results file, which is opened for reading only.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    return list(rows(path, sql, values))


def rows(path: Path, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    """Run a SELECT like `query`, a row at a time: thousands of them are never held at once."""
    with closing(open_results(path)) as database, damage_told(path):
        yield from database.execute(sql, values)


def open_results(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    """Open a results file for reading.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    if not path.exists():
        raise StoreError(
            f"no such file: {path}", "the run did not succeed, or its tables were removed"
        )
    return connect(path, (*TABLES, *_OWN_TABLES), remedy=AGAIN, any_thread=any_thread)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Name the file whose rows, read inside the block, are not what they should be."""
    try:
        yield
    except (sqlite3.DatabaseError, ValueError, TypeError, IndexError) as error:
        raise damaged(path, shorten(error), AGAIN) from error


def value_of_test(database: sqlite3.Connection, source: str) -> str:
    """Write the expression of the values that a test takes, of a file that may be an old one.

    Parameters
    ----------
    source
        Name of `user_metrics` in the statement.
    """
    columns = {row[1] for row in database.execute("PRAGMA table_info(user_metrics)")}
    if "linearised" not in columns:
        return f"{source}.value"
    return f"COALESCE({source}.linearised, {source}.value)"


def recommendations(path: Path, user: int) -> list[tuple[int, float, list[str]]]:
    """Read one user's list, best first: (item, score, channels)."""
    rows = query(
        path,
        "SELECT item, score, channels FROM recommendations WHERE user = ? ORDER BY rank",
        (user,),
    )
    with damage_told(path):
        return [(int(item), float(score), _channels(text)) for item, score, text in rows]


def _channels(text: str | None) -> list[str]:
    try:
        return [str(name) for name in parse_json(text or "[]")]
    except (ValueError, TypeError):
        raise ValueError(f"channels are {text!r}") from None


def table(path: Path, name: str) -> tuple[list[str], Iterable[tuple[Any, ...]]]:
    """Read a whole table of `TABLES` for an export: column names and rows, original ids joined."""
    joins = {
        "user_metrics": "user_metrics JOIN users USING (user)",
        "recommendations": "recommendations JOIN users USING (user) JOIN items USING (item)",
        "rows": "rows JOIN users USING (user) JOIN items USING (item)",
    }
    columns = {
        "users": ["user", "user_id"],
        "items": ["item", "item_id"],
        "user_metrics": ["user_id", "metric", "value"],
        "recommendations": ["user_id", "rank", "item_id", "score", "channels"],
        "rows": ["user_id", "item_id", "label", "score"],
    }[name]
    sql = f"SELECT {', '.join(columns)} FROM {joins.get(name, name)}"  # noqa: S608 - fixed names
    return columns, query(path, sql)
