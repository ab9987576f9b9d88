"""Finding users worth a look: ``age=25 genre=Horror min-history=50 worst=ndcg@10``.

All conditions must hold. SQLite does the work; the users found are numbers, so that a list of
100,000 of them is there at once and only what is looked at is read in full.
"""

from __future__ import annotations

import json
import operator
import re
import shlex
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from recsys_core.errors import InputError, unknown_name
from recsys_core.evaluation.names import higher_is_better
from workbench.store import results
from workbench.store.files import StoreError
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse, numbers
from workbench.store.users_inspect import threshold_of

#: a genre is a taste of the user's when it is in at least this share of the history
GENRE_SHARE = 0.2
#: json_each: an attribute may be a list, a single value is a list of one; a whole number is also
#: looked for in ranges such as 25-34
_HAS = """EXISTS (SELECT 1 FROM json_each(attributes, ?) WHERE lower(value) = lower(?) OR
    value GLOB '[0-9]*-[0-9]*' AND CAST(? AS INTEGER) BETWEEN
    CAST(value AS INTEGER) AND CAST(substr(value, instr(value, '-') + 1) AS INTEGER))"""
_WORD = re.compile(r"(?P<name>[^<>=]+)(?P<sign>>=|<=|>|<|=)(?P<value>.*)", re.DOTALL)
_ORDERS = ("worst", "best", "gain", "loss", "most", "least")
_ITEMS = ("rated", "liked")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Question:
    """A parsed question.

    Parameters
    ----------
    prefix
        How the id begins.
    low, high
        Bounds of the number of events; None: none.
    attributes
        (name, sign, value) each.
    genres
        (name, sign, share) each.
    items
        (``"rated"`` or ``"liked"``, original id of an item) each.
    metrics
        (metric, sign, value) each, of the first run.
    order
        ``"worst"``, ``"best"``, ``"gain"`` or ``"loss"``, and the metric; ``"most"`` or
        ``"least"``, and ``"events"``; None: by number.
    """

    prefix: str = ""
    low: int | None = None
    high: int | None = None
    attributes: tuple[tuple[str, str, str], ...] = ()
    genres: tuple[tuple[str, str, float], ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    metrics: tuple[tuple[str, str, float], ...] = ()
    order: tuple[str, str] | None = None


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


def parse_question(text: str, attributes: Iterable[str], metrics: Iterable[str]) -> Question:
    """Read a question.

    Parameters
    ----------
    attributes, metrics
        Names that may be used: attributes of the users, metrics the run has of each user.

    Raises
    ------
    InputError
        A word that is no condition, an unknown name (nearest one offered), or no number where one
        is needed.
    """
    reader = _Reader(tuple(attributes), tuple(metrics))
    for word in _words(text):
        reader.take(word)
    return reader.question()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()  # a quote that is still open while the person types


@dataclass
class _Reader:
    """Collects the conditions of a question."""

    attributes: tuple[str, ...]
    metrics: tuple[str, ...]
    found: dict[str, Any] = field(default_factory=dict)

    def take(self, word: str) -> None:
        match = _WORD.fullmatch(word)
        if match is None:
            self.found["prefix"] = word
            return
        name, sign, value = match["name"], match["sign"], match["value"]
        if name in ("min-history", "max-history"):
            self.found["low" if name == "min-history" else "high"] = int(_number(word, value))
        elif name in _ORDERS:
            counted = name in ("most", "least")
            self.found["order"] = (name, _events(word, value) if counted else self._metric(value))
        elif name in _ITEMS:
            self._add("items", (name, value))
        elif name == "genre":
            self._add("genres", _genre(word, value))
        elif "@" in name or name in self.metrics:
            self._add("metrics", (self._metric(name), sign, _number(word, value)))
        elif name in self.attributes:
            self._add("attributes", (name, sign, value))
        else:
            known = ("min-history", "max-history", "genre", *_ITEMS, *_ORDERS, *self.attributes)
            raise unknown_name("condition", name, (*known, *self.metrics))

    def _add(self, key: str, condition: tuple[Any, ...]) -> None:
        self.found[key] = (*self.found.get(key, ()), condition)

    def _metric(self, name: str) -> str:
        if not self.metrics:
            raise InputError(f"'{name}' is a metric of a run", "name a run with --run")
        if name not in self.metrics:
            raise unknown_name("metric of users", name, self.metrics)
        return name

    def question(self) -> Question:
        return Question(**self.found)


def _events(word: str, value: str) -> str:
    if value != "events":
        raise InputError(f"'{word}' is no order", "most=events or least=events")
    return value


def _number(word: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"'{word}' wants a number, got '{text}'") from None


def _genre(word: str, value: str) -> tuple[str, str, float]:
    """Read ``Horror`` or ``Horror>.4``."""
    match = _WORD.fullmatch(value)
    if match is None:
        return value, ">=", GENRE_SHARE
    return match["name"], match["sign"], _number(word, match["value"])


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


def find_users(browse: Browse, question: Question, runs: Sequence[Run] = ()) -> Found:
    """Find the users that meet all conditions.

    Parameters
    ----------
    runs
        The first has the metrics; ``gain`` and ``loss`` compare the second with the first.

    Raises
    ------
    InputError
        A metric without a run, or a gain without two.
    StoreError
        The data set or a run's results are damaged.
    """
    found = _by_sql(browse, question, runs)
    if question.items:
        found = _who_know(browse, question, found, runs)
    return _with_tastes(browse, question, found) if question.genres else found


def _by_sql(browse: Browse, question: Question, runs: Sequence[Run]) -> Found:
    sql = _Query(runs)
    sql.users(question)
    for name, sign, number in question.metrics:
        sql.metric(name, sign, number)
    column = sql.sort(question.order)
    text = sql.text()
    # a connection of its own: runs are attached, and a search may run while another thread reads
    try:
        with closing(sqlite3.connect(browse.address, uri=True)) as database:
            for name, run in sql.attached.items():
                path = (run.path / RESULTS).absolute()
                database.execute(f"ATTACH ? AS {name}", (f"{path.as_uri()}?mode=ro",))
            rows = database.execute(text, sql.values).fetchall()
    except sqlite3.DatabaseError as error:
        places = ", ".join([str(browse.path), *(str(run.path) for run in runs)])
        raise StoreError(f"users cannot be read: {error} ({places})", "") from error
    values = [row[1] for row in rows] if column else []
    return Found([row[0] for row in rows], values, column)


class _Query:
    """Builds one SELECT over the users and the metrics of attached runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self.attached: dict[str, Run] = {}
        self.values: list[Any] = []
        self._conditions: list[str] = []
        self._columns, self._order = ["users.user"], ["users.user"]
        self._joins: list[tuple[str, str]] = []

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
        for name, sign, value in question.attributes:
            self._attribute(name, sign, value)

    def _where(self, condition: str, *values: Any) -> None:
        self._conditions.append(condition)
        self.values += values

    def _attribute(self, name: str, sign: str, value: str) -> None:
        path = f'$."{name}"'
        if sign == "=":
            self._where(_HAS, path, value, value)
        else:
            number = _number(f"{name}{sign}{value}", value)
            self._where(f"CAST(json_extract(attributes, ?) AS REAL) {sign} ?", path, number)

    def metric(self, name: str, sign: str, number: float) -> None:
        """Add a condition on a metric of the first run."""
        self._where(f"{self._join(0, name)} {sign} ?", number)

    def sort(self, order: tuple[str, str] | None) -> str:
        """Sort, and return what the second column is; empty: there is none."""
        if order is None:
            return ""
        kind, metric = order
        if metric == "events":
            self._order.insert(0, f"users.events {'DESC' if kind == 'most' else 'ASC'}")
            return ""
        if kind in ("gain", "loss"):
            if len(self._runs) != 2:
                raise InputError(f"{kind}={metric} compares two runs", "name two with --run")
            value = f"{self._join(1, metric)} - {self._join(0, metric)}"
            better = higher_is_better(metric)
            descending = better == (kind == "gain")
            column = f"Δ {metric}"
        else:
            value = self._join(0, metric)
            descending = higher_is_better(metric) == (kind == "best")
            column = metric
        self._columns.append(value)
        # among equals those with more history say more
        self._order = [
            f"{value} {'DESC' if descending else 'ASC'}",
            "users.events DESC",
            *self._order,
        ]
        self._conditions.append(f"{value} IS NOT NULL")
        return column

    def _join(self, run: int, metric: str) -> str:
        """Attach a run, join one of its metrics, and return the column."""
        if run >= len(self._runs):
            raise InputError(f"'{metric}' is a metric of a run", "name a run with --run")
        name = f"run{run}"
        self.attached[name] = self._runs[run]
        if (name, metric) not in self._joins:
            self._joins.append((name, metric))
        return f"m{self._joins.index((name, metric))}.value"

    def text(self) -> str:
        """Write the statement; values of joins come before those of conditions."""
        joins = [
            f"JOIN {name}.user_metrics AS m{number} ON m{number}.metric = ?"
            f" AND m{number}.user = users.user"
            for number, (name, _) in enumerate(self._joins)
        ]
        self.values = [metric for _, metric in self._joins] + self.values
        where = f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""
        # built of column names and fixed words; what a person typed is bound
        columns, order = ", ".join(self._columns), ", ".join(self._order)
        return f"SELECT {columns} FROM users {' '.join(joins)} {where} ORDER BY {order}"  # noqa: S608


def _who_know(browse: Browse, question: Question, found: Found, runs: Sequence[Run]) -> Found:
    """Keep the users who rated or liked the items."""
    threshold = threshold_of(runs[0] if runs else None, browse)
    kept = set(found.users)
    for kind, item_id in question.items:
        kept &= {
            fan.user
            for fan in browse.fans(browse.find_item(item_id), len(browse))
            if kind == "rated" or threshold is None or (fan.rating or 0) >= threshold
        }
    places = [place for place, user in enumerate(found.users) if user in kept]
    values = [found.values[place] for place in places] if found.column else []
    return Found([found.users[place] for place in places], values, found.column)


def _with_tastes(browse: Browse, question: Question, found: Found) -> Found:
    """Keep the users whose history has enough of the genres; sort by share unless sorted."""
    tastes = [(_items_of(browse, name), sign, share) for name, sign, share in question.genres]
    values = dict(zip(found.users, found.values or [0.0] * len(found.users), strict=True))
    shares = {
        user: share
        for user, items in _histories(browse, found.users)
        if (share := _passes(items.tolist(), tastes)) is not None
    }
    if found.column:
        users = [user for user in found.users if user in shares]
        return Found(users, [values[user] for user in users], found.column)
    users = sorted(shares, key=lambda user: -shares[user])
    return Found(users, [shares[user] for user in users], question.genres[0][0])


def _passes(items: list[int], tastes: Sequence[tuple[set[int], str, float]]) -> float | None:
    """Return the share of the first genre when all shares are as asked, else None."""
    first = None
    for wanted, sign, bound in tastes:
        share = len(wanted.intersection(items)) / len(items) if items else 0.0
        if not _COMPARE[sign](share, bound):
            return None
        first = share if first is None else first
    return first


def _items_of(browse: Browse, genre: str) -> set[int]:
    items = browse.all_items()
    found = {
        number
        for number, item in items.items()
        if genre.casefold() in (name.casefold() for name in item.genres)
    }
    if not found:
        names = {name for item in items.values() for name in item.genres}
        raise unknown_name("genre", genre, names)
    return found


def _histories(browse: Browse, users: Sequence[int]) -> Iterator[tuple[int, array[int]]]:
    """Read the items of users one after the other: all of them need not fit into memory."""
    with closing(sqlite3.connect(browse.address, uri=True)) as database:
        rows = database.execute(
            "SELECT user, items FROM histories WHERE user IN (SELECT value FROM json_each(?))",
            (json.dumps(list(users)),),
        )
        for user, items in rows:
            yield user, numbers(items, "i")
