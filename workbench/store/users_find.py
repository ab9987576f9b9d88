"""Finding users worth a look: ``age=25 genre=Horror min-history=50 worst=ndcg@10``.

All conditions must hold. SQLite answers bounds of numbers, `Facets` what attributes and histories
say, and orders; the users found are numbers, so that a list of 100,000 of them is there at once
and only what is looked at is read in full.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from recsys_core.errors import InputError
from workbench.store import results
from workbench.store.files import StoreError
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_facets import Facets
from workbench.store.users_inspect import threshold_of
from workbench.store.users_question import Question


@dataclass(frozen=True, slots=True)
class Found:
    """Users by number in the order asked for; `values` is parallel to them, or empty.

    Parameters
    ----------
    column
        What `values` are: ``ndcg@10``, ``Δ ndcg@10``, ``Horror``; empty without.
    """

    users: Sequence[int] = ()
    values: Sequence[float] = ()
    column: str = ""


def user_metrics(run: Run) -> list[str]:
    """List the metrics that a run has of each user, in the order of its metrics.json."""
    path = run.path / RESULTS
    found = "SELECT 1 FROM user_metrics WHERE metric = ? LIMIT 1"
    return [name for name in run.metrics["metrics"] if results.query(path, found, (name,))]


def user_attributes(browse: Browse) -> list[str]:
    """List the attributes that users of the set have."""
    rows = browse.query(
        "SELECT DISTINCT key FROM (SELECT attributes FROM users LIMIT 1000), json_each(attributes)"
    )
    return sorted(str(row[0]) for row in rows)


def find_users(
    browse: Browse, question: Question, runs: Sequence[Run] = (), facets: Facets | None = None
) -> Found:
    """Find the users that meet all conditions.

    Parameters
    ----------
    runs
        The first has the metrics; ``gain`` and ``loss`` compare the second with the first.
    facets
        Of this data set, from an earlier search: it is not read again.

    Raises
    ------
    InputError
        A metric without a run, or a gain without two.
    StoreError
        The data set or a run's results are damaged.
    """
    facets = facets or Facets()
    parts = [facets.having(browse, name, sign, value) for name, sign, value in question.attributes]
    parts += _who_know(browse, question, runs) if question.items else []
    parts += [_by_sql(browse, question, runs)] if _needs_sql(question) else []
    found = _ranked(browse, question.order, runs, facets) if question.order else None
    if question.genres:
        liked = Found(*facets.liking(browse, question.genres), question.genres[0][0])
        found = liked if found is None else _valued(found, liked)
    if found is None:
        found = Found(sorted(parts[0]) if parts else range(len(browse)))
    return _kept(found, set.intersection(*parts)) if parts else found


def _ranked(browse: Browse, order: tuple[str, str], runs: Sequence[Run], facets: Facets) -> Found:
    kind, metric = order
    compares = kind in ("gain", "loss")
    if compares and len(runs) != 2:
        raise InputError(f"{kind}={metric} compares two runs", "name two with --run")
    if metric == "events":
        return Found(facets.ranked(browse, order)[0])
    if not runs:
        raise _no_run(metric)
    column = f"Δ {metric}" if compares else metric
    return Found(*facets.ranked(browse, order, runs), column)


def _no_run(metric: str) -> InputError:
    return InputError(f"'{metric}' is a metric of a run", "name a run with --run")


def _valued(found: Found, liked: Found) -> Found:
    """Keep those of `found` that are in `liked`; without values of their own they get its."""
    shares = dict(zip(liked.users, liked.values, strict=True))
    if found.column:
        return _kept(found, shares.keys())
    users = [user for user in found.users if user in shares]
    return Found(users, [shares[user] for user in users], liked.column)


def _needs_sql(question: Question) -> bool:
    return bool(
        question.prefix or question.metrics or question.low is not None or question.high is not None
    )


def _kept(found: Found, kept: Set[int]) -> Found:
    if not found.column:
        return Found([user for user in found.users if user in kept])
    pairs = [pair for pair in zip(found.users, found.values, strict=True) if pair[0] in kept]
    return Found([user for user, _ in pairs], [value for _, value in pairs], found.column)


def _by_sql(browse: Browse, question: Question, runs: Sequence[Run]) -> set[int]:
    sql = _Query()
    sql.users(question)
    for name, sign, number in question.metrics:
        sql.metric(name, sign, number)
    text = sql.text()
    # a connection of its own: a run is attached, and a search may run while another thread reads
    try:
        with closing(sqlite3.connect(browse.address, uri=True)) as database:
            if question.metrics:
                if not runs:
                    raise _no_run(question.metrics[0][0])
                path = (runs[0].path / RESULTS).absolute()
                database.execute("ATTACH ? AS run", (f"{path.as_uri()}?mode=ro",))
            return {row[0] for row in database.execute(text, sql.values)}
    except sqlite3.DatabaseError as error:
        places = ", ".join([str(browse.path), *(str(run.path) for run in runs[:1])])
        raise StoreError(f"users cannot be read: {error} ({places})", "") from error


class _Query:
    """Builds one SELECT over the users and the metrics of an attached run."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._conditions: list[str] = []
        self._metrics: list[str] = []

    def users(self, question: Question) -> None:
        """Add what the table of users answers."""
        if question.prefix:
            self._where(
                "user_id >= ? AND user_id < ?", question.prefix, question.prefix + "\U0010ffff"
            )
        if question.low is not None:
            self._where("users.events >= ?", question.low)
        if question.high is not None:
            self._where("users.events <= ?", question.high)

    def _where(self, condition: str, *values: Any) -> None:
        self._conditions.append(condition)
        self.values += values

    def metric(self, name: str, sign: str, number: float) -> None:
        """Add a condition on a metric."""
        if name not in self._metrics:
            self._metrics.append(name)
        self._where(f"m{self._metrics.index(name)}.value {sign} ?", number)

    def text(self) -> str:
        """Write the statement; values of joins come before those of conditions."""
        joins = [
            f"JOIN run.user_metrics AS m{number} ON m{number}.metric = ?"
            f" AND m{number}.user = users.user"
            for number in range(len(self._metrics))
        ]
        self.values = [*self._metrics, *self.values]
        # built of column names and fixed words; what a person typed is bound
        where = " AND ".join(self._conditions)
        return f"SELECT users.user FROM users {' '.join(joins)} WHERE {where}"  # noqa: S608


def _who_know(browse: Browse, question: Question, runs: Sequence[Run]) -> list[set[int]]:
    """Find the users who rated or liked each of the items."""
    threshold = threshold_of(runs[0] if runs else None, browse)
    return [
        {
            fan.user
            for fan in browse.fans(browse.find_item(item_id), len(browse))
            if kind == "rated" or threshold is None or (fan.rating or 0) >= threshold
        }
        for kind, item_id in question.items
    ]
