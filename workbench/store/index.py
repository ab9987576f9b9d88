"""The index beside the run folders: one SQLite row per run, so that listing reads few files.

Files are the truth. A row holds the signature (time, inode, size) of the `status.json` it was
read from and the time of `annotations.json`; where that no longer fits, the folder is read again.
The index can be deleted, damaged or impossible to write: listing is only slower then.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path

from workbench.store.database import connect
from workbench.store.files import StoreError
from workbench.store.summary import JsonMapping, RunSummary

INDEX = "index.sqlite"
#: raised when the columns change
_VERSION = 7
#: time, inode and size of status.json; time of annotations.json, 0 where there is none
Signature = tuple[int, int, int, int]

#: kept as JSON, at the end of a row; the folder and the progress are not kept
_JSON = ("params", "metrics", "ci95", "annotations")
_PLAIN = tuple(
    field.name for field in fields(RunSummary) if field.name not in {*_JSON, "runs_dir", "progress"}
)
_SIGNATURE = ("mtime", "inode", "size", "annotated")
_COLUMNS = (*_SIGNATURE, *_PLAIN, *_JSON, "checksum")
_FIRST, _LAST = len(_SIGNATURE), -len(_JSON)


def read_index(runs_dir: Path) -> dict[str, tuple[Signature, RunSummary]]:
    """Load the index by run id; one that is missing, damaged or of another version is empty."""
    path = runs_dir / INDEX
    if not path.exists():
        return {}
    try:
        with closing(connect(path, ("runs",))) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                return {}
            rows = database.execute(f"SELECT {', '.join(_COLUMNS)} FROM runs").fetchall()  # noqa: S608
    except (sqlite3.Error, StoreError):
        return {}
    known = {}
    for *content, sum_ in rows:
        row = tuple(content)
        if sum_ != _checksum(row):  # somebody else's, or damaged: the folder is read
            continue
        run_id, *plain = row[_FIRST:_LAST]
        summary = RunSummary(run_id, runs_dir, *plain, *map(JsonMapping, row[_LAST:]))
        summary.synthetic = bool(summary.synthetic)  # SQLite has no booleans
        known[run_id] = (row[:_FIRST], summary)
    return known


def update_index(
    runs_dir: Path, fresh: Mapping[str, tuple[Signature, RunSummary]], gone: Iterable[str]
) -> None:
    """Bring the index up to date as far as possible."""
    path = runs_dir / INDEX
    if path.exists() and not path.is_file():
        return  # a pipe would be waited for
    gone = [run_id for run_id in gone if _can_be_kept((run_id,))]
    try:
        _write(path, fresh, gone)
    except sqlite3.OperationalError:
        return  # another process writes it, or the folder cannot be written
    except sqlite3.DatabaseError:
        with suppress(OSError, sqlite3.Error):
            path.unlink()
            _write(path, fresh, ())


def _write(
    path: Path, fresh: Mapping[str, tuple[Signature, RunSummary]], gone: Iterable[str]
) -> None:
    marks = ", ".join("?" * len(_COLUMNS))
    with closing(sqlite3.connect(path, timeout=2, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")  # it can be rebuilt
        database.execute("BEGIN IMMEDIATE")
        if database.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            database.execute("DROP TABLE IF EXISTS runs")
            database.execute(f"CREATE TABLE runs ({', '.join(_COLUMNS)}, PRIMARY KEY (run_id))")
            database.execute(f"PRAGMA user_version = {_VERSION}")
        database.executemany("DELETE FROM runs WHERE run_id = ?", [(run_id,) for run_id in gone])
        rows = filter(_can_be_kept, (_row(*entry) for entry in fresh.values()))
        database.executemany(f"INSERT OR REPLACE INTO runs VALUES ({marks})", rows)  # noqa: S608
        database.execute("COMMIT")


def _row(signature: Signature, summary: RunSummary) -> tuple[object, ...]:
    plain = (getattr(summary, name) for name in _PLAIN)
    plain = (int(value) if isinstance(value, bool) else value for value in plain)
    packed = (json.dumps(dict(getattr(summary, name)), default=str) for name in _JSON)
    row = (*signature, *plain, *packed)
    return (*row, _checksum(row))


def _checksum(row: tuple[object, ...]) -> int:
    return zlib.crc32(repr(row).encode(errors="replace"))


def _can_be_kept(row: tuple[object, ...]) -> bool:
    """Tell whether SQLite takes the texts: one that names a path may not be UTF-8."""
    try:
        return all(value.encode() is not None for value in row if isinstance(value, str))
    except UnicodeEncodeError:
        return False
