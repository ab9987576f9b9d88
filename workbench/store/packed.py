"""Values of all users as arrays: results.sqlite has its `user_metrics` once more in `packed`.

SQLite takes a third of a microsecond to hand a row to Python, and 27 metrics of 6,000 users are
163,000 rows; as arrays they are read in a millisecond. Files of earlier versions have none.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.store.results import damage_told, open_results, rows, value_of_test

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SOME = " WHERE metric IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class Packed:
    """Metrics of the users that a run was judged on.

    Parameters
    ----------
    users
        Shape (n,), ascending.
    values
        Shape (n,) each; NaN where not defined.
    """

    users: NDArray[np.int32]
    values: Mapping[str, NDArray[np.float64]]


class OfUsers(NamedTuple):
    """A metric of users: their numbers, shape (n,), ascending, and their values."""

    users: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def nobody(cls) -> OfUsers:
        """Have no values."""
        import numpy as np

        return cls(np.empty(0, np.int64), np.empty(0))


def packed_values(
    path: Path, metrics: Sequence[str] = (), *, tested: bool = False
) -> Packed | None:
    """Read metrics of a results file; None where it has no arrays.

    Parameters
    ----------
    metrics
        Only these; empty: all.
    tested
        Whether the values are those that a test takes.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    with closing(open_results(path)) as database, damage_told(path):
        if not _has_arrays(database):
            return None
        users = _users(database)
        column = "COALESCE(linearised, value)" if tested else "value"
        found = database.execute(
            f"SELECT metric, {column} FROM packed{_SOME if metrics else ''}",  # noqa: S608 - made here
            (json.dumps(list(metrics)),) if metrics else (),
        )
        return Packed(users, {name: _numbers(content, len(users)) for name, content in found})


def judged_users(path: Path, users: int) -> NDArray[np.int64]:
    """Read which of so many users a run has values of, ascending.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    import numpy as np

    with closing(open_results(path)) as database, damage_told(path):
        if _has_arrays(database):
            found = _users(database).astype(np.int64)
            return found[(found >= 0) & (found < users)]
    listed = rows(
        path,
        "SELECT user FROM user_metrics WHERE metric = (SELECT min(metric) FROM user_metrics)"
        " AND user BETWEEN 0 AND ? ORDER BY user",
        (users - 1,),
    )
    with damage_told(path):
        return np.array([row[0] for row in listed], dtype=np.int64)


def values_by_user(path: Path, metric: str, users: int) -> NDArray[np.float64]:
    """Read a metric, shape (users,), by number of the user; NaN where a run has no value.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    import numpy as np

    found = metric_of_users(path, metric)
    known = (found.users >= 0) & (found.users < users)
    values = np.full(users, np.nan)
    values[found.users[known]] = found.values[known]
    return values


def metric_names(path: Path) -> list[str]:
    """List the metrics that a results file has values of users for, by name.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    with closing(open_results(path)) as database, damage_told(path):
        table = "packed" if _has_arrays(database) else "user_metrics"
        listed = database.execute(f"SELECT DISTINCT metric FROM {table} ORDER BY metric")  # noqa: S608 - made here
        return [str(metric) for (metric,) in listed]


def metric_of_users(path: Path, metric: str, *, tested: bool = False) -> OfUsers:
    """Read a metric of all its users, NaN where not defined; of no users where it is unknown.

    Parameters
    ----------
    tested
        Whether the values are those that a test takes.

    Raises
    ------
    StoreError
        The file is missing or damaged.
    """
    import numpy as np

    packed = packed_values(path, [metric], tested=tested)
    if packed is not None:
        if metric not in packed.values:
            return OfUsers.nobody()
        return OfUsers(packed.users.astype(np.int64), packed.values[metric])
    with closing(open_results(path)) as database, damage_told(path):
        value = value_of_test(database, "user_metrics") if tested else "value"
        listed = database.execute(
            f"SELECT user, {value} FROM user_metrics WHERE metric = ? ORDER BY user",  # noqa: S608 - made here
            (metric,),
        )
        found = np.fromiter(listed, dtype=[("user", np.int64), ("value", np.float64)])
    return OfUsers(found["user"], found["value"])


def _has_arrays(database: sqlite3.Connection) -> bool:
    listed = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'packed'").fetchall()
    return bool(listed)


def _users(database: sqlite3.Connection) -> NDArray[np.int32]:
    import numpy as np

    ((content,),) = database.execute("SELECT users FROM judged").fetchall()
    users = np.frombuffer(content, dtype="<i4")
    if (np.diff(users) <= 0).any():
        raise ValueError("its users are not in order")
    return users


def _numbers(content: Any, users: int) -> NDArray[np.float64]:
    import numpy as np

    numbers = np.frombuffer(content, dtype="<f8")
    if len(numbers) != users:
        raise ValueError(f"{len(numbers)} values of {users} users")
    return numbers
