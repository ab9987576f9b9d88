"""What one run gains over another for each user."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from recsys_core.evaluation.names import higher_is_better
from workbench.store import results
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse, User
from workbench.store.users_find import find_users
from workbench.store.users_question import Question

#: users listed at either end
MOST_CHANGED = 10


@dataclass(frozen=True, slots=True)
class Changed:
    """A user and the metric of both runs."""

    user: User
    first: float
    second: float

    @property
    def delta(self) -> float:
        """What the second has more than the first."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class Changes:
    """How a metric changes from a run to another.

    Parameters
    ----------
    deltas
        Of every user whom both judged, the greatest gain first.
    gain, loss
        Those who gain and who lose most, at most `MOST_CHANGED` each.
    """

    deltas: Sequence[float]
    gain: Sequence[Changed]
    loss: Sequence[Changed]


def changes_of_users(browse: Browse, first: Run, second: Run, metric: str) -> Changes:
    """Find the users whose metric changes most; of equal ones those with more history come first.

    Raises
    ------
    StoreError
        The data set or the results of a run are damaged.
    """
    found = find_users(browse, Question(order=("gain", metric)), [first, second])
    sign, last = (1 if higher_is_better(metric) else -1), len(found.users) - 1
    ends = range(min(MOST_CHANGED, last + 1)), range(last, max(-1, last - MOST_CHANGED), -1)
    gain, loss = (
        [found.users[place] for place in end if found.values[place] * sign * wanted > 0]
        for end, wanted in zip(ends, (1, -1), strict=True)
    )
    before, after = (_values_of(run, metric, [*gain, *loss]) for run in (first, second))
    listed = (
        [Changed(user, before[user.number], after[user.number]) for user in browse.users(users)]
        for users in (gain, loss)
    )
    return Changes(found.values, *listed)


def _values_of(run: Run, metric: str, users: Sequence[int]) -> dict[int, float]:
    select = (
        "SELECT user, value FROM user_metrics"
        " WHERE metric = ? AND user IN (SELECT value FROM json_each(?))"
    )
    rows = results.rows(run.path / RESULTS, select, (metric, json.dumps(users)))
    with results.damage_told(run.path / RESULTS):
        return {int(user): float(value) for user, value in rows}


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
