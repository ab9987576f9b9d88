"""What one run gains over another for each user."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

from workbench.store import results
from workbench.store.runs import RESULTS, Run


def gains_of_users(runs: Sequence[Run], metric: str, users: int) -> array[float]:
    """Subtract a metric of the first run from that of the second, user by user.

    Returns
    -------
    A gain for each user by number; NaN where a run has no value.

    Raises
    ------
    StoreError
        The results of a run are damaged.
    """
    first, second = (_read(run, metric, users) for run in runs)
    return array("d", (after - before for before, after in zip(first, second, strict=True)))


def _read(run: Run, metric: str, users: int) -> array[float]:
    values = array("d", [math.nan]) * users
    rows = results.rows(
        run.path / RESULTS,
        "SELECT user, value FROM user_metrics"
        " WHERE metric = ? AND user BETWEEN 0 AND ? AND value IS NOT NULL",
        (metric, users - 1),
    )
    with results.damage_told(run.path / RESULTS):
        for user, value in rows:
            values[user] = value
    return values
