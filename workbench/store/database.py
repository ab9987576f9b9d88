"""SQLite files that may be foreign, opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from recsys_core.reading import NOT_REGULAR
from workbench.store.files import damaged

#: seconds to wait for somebody who writes
_PATIENCE = 2.0
#: rows of a view or of a virtual table are made by somebody's code: they have no page
_SCHEMA = "SELECT name, type = 'table' AND rootpage > 0 FROM sqlite_master"


def connect(
    path: Path, tables: Iterable[str], *, remedy: str = "", any_thread: bool = False
) -> sqlite3.Connection:
    """Open a database whose `tables`, as far as they are there, are tables and nothing else.

    A view under the name of a table could have rows without end.

    Raises
    ------
    DamagedFileError
        It is no SQLite file, not a regular file, or one of `tables` is a view.
    """
    if not path.is_file():  # a pipe would be waited for
        raise damaged(path, NOT_REGULAR, remedy)
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        database = sqlite3.connect(
            address, uri=True, timeout=_PATIENCE, check_same_thread=not any_thread
        )
    except sqlite3.Error as error:
        raise damaged(path, str(error), remedy) from error
    try:
        found = dict(database.execute(_SCHEMA))
        wrong = next((name for name in tables if not found.get(name, True)), None)
        if wrong is not None:
            raise damaged(path, f"'{wrong}' is not a table", remedy)
    except sqlite3.Error as error:
        database.close()
        raise damaged(path, str(error), remedy) from error
    except BaseException:
        database.close()
        raise
    return database
