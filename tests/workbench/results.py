"""Results files as earlier versions wrote them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def without_arrays(path: Path) -> None:
    """Take the arrays out of a results file."""
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript("DROP TABLE packed; DROP TABLE judged")
