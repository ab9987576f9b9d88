"""Results files as earlier versions wrote them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from workbench.store.packed import metric_of_users


def values_of(path: Path, metric: str, *, tested: bool = False) -> dict[int, float]:
    """Read a metric: user number -> value."""
    found = metric_of_users(path, metric, tested=tested)
    return dict(zip(found.users.tolist(), found.values.tolist(), strict=True))


def without_arrays(path: Path) -> None:
    """Take the arrays out of a results file."""
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript("DROP TABLE packed; DROP TABLE judged")
