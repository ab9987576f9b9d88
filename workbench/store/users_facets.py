"""What is known of all users of a data set, in memory: what a search asks again and again.

Read once, and only when a search needs it; then a condition costs milliseconds for 100,000 users.
"""

from __future__ import annotations

import json
import operator
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from recsys_core.errors import unknown_name
from recsys_core.evaluation.names import higher_is_better
from workbench.store import results
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_question import number_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    _Ranking = tuple[NDArray[np.float64], NDArray[np.int64]]

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
#: metrics of all users that are kept, a number a user each
_METRICS_KEPT = 6
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)")


class Facets:
    """What users of one data set are and like; may be used by several threads.

    Each question is answered from `browse` as it is given: a connection belongs to one thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._attributes: dict[str, dict[str, array[int]]] | None = None
        self._histories: tuple[NDArray[np.int32], NDArray[np.int64]] | None = None
        self._genres: dict[str, list[int]] | None = None
        self._shares: dict[str, _Ranking] = {}
        self._events: NDArray[np.int64] | None = None
        self._metrics: dict[tuple[Path, str], NDArray[np.float64]] = {}

    def warm_up(self, browse: Browse, runs: Sequence[Run] = (), metric: str = "") -> None:
        """Read all, so that the first question is answered as fast as the others.

        Parameters
        ----------
        runs, metric
            What is likely to be sorted by.
        """
        self._values(browse)
        self._genre_items(browse)
        self._items(browse)
        self._lengths(browse)
        for run in runs if metric else ():
            self._of_users(browse, run, metric)

    # Attributes

    def having(self, browse: Browse, name: str, sign: str, value: str) -> set[int]:
        """Find the users whose attribute `name` is `value`, or compares with it.

        Parameters
        ----------
        sign
            ``=``: the text, whatever the case, or a whole number within a range such as 25-34;
            others compare the number that a value begins with. Of a list one value is enough.
        """
        bound = 0.0 if sign == "=" else number_of(f"{name}{sign}{value}", value)
        test = _equals(value) if sign == "=" else _compares(sign, bound)
        found = self._values(browse).get(name, {})
        return {user for text, users in found.items() if test(text) for user in users}

    def _values(self, browse: Browse) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """Return the users by attribute and value."""
        with self._lock:
            if self._attributes is None:
                self._attributes = _read_attributes(browse)
            return self._attributes

    # Tastes

    def liking(
        self, browse: Browse, tastes: Sequence[tuple[str, str, float]]
    ) -> tuple[list[int], list[float]]:
        """Find the users whose history has enough of the genres.

        Parameters
        ----------
        tastes
            (genre, sign, share of the history) each.

        Returns
        -------
        Users, those with most of the first genre first, and its shares.

        Raises
        ------
        InputError
            No item is of the genre; near names are offered.
        """
        fits = self._items(browse)[1] > 0
        for name, sign, bound in tastes:
            fits = fits & COMPARE[sign](self._share(browse, name)[0], bound)
        shares, order = self._share(browse, tastes[0][0])
        users = order[fits[order]]
        return users.tolist(), shares[users].tolist()

    def _share(self, browse: Browse, genre: str) -> _Ranking:
        """Return each user's share of a genre, and the users from the most to the least."""
        key = genre.casefold()
        genres = self._genre_items(browse)
        same = [found for name, found in genres.items() if name.casefold() == key]
        wanted = list(chain.from_iterable(same))
        if not wanted:
            raise unknown_name("genre", genre, genres)
        items, lengths = self._items(browse)
        with self._lock:
            if key not in self._shares:
                shares = _shares(items, lengths, wanted)
                self._shares[key] = shares, (-shares).argsort(kind="stable")
            return self._shares[key]

    def _genre_items(self, browse: Browse) -> Mapping[str, Sequence[int]]:
        with self._lock:
            if self._genres is None:
                self._genres = _read_genres(browse)
            return self._genres

    def _items(self, browse: Browse) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the items of all histories, user by user, and the length of each."""
        with self._lock:
            if self._histories is None:
                self._histories = _read_histories(browse)
            return self._histories

    # Orders

    def ranked(
        self, browse: Browse, order: tuple[str, str], runs: Sequence[Run] = ()
    ) -> tuple[list[int], list[float]]:
        """Sort the users by a metric of the first run, by what the second gains, or by events.

        Parameters
        ----------
        order
            As in `Question`.

        Returns
        -------
        The users that have what is sorted by, and its values; among equals those with more history
        come first: they say more.
        """
        import numpy as np

        kind, metric = order
        events = self._lengths(browse)
        if metric == "events":
            values = events.astype(np.float64)
        else:
            values = self._of_users(browse, runs[0], metric)
        if kind in ("gain", "loss"):
            values = self._of_users(browse, runs[1], metric) - values
        upwards = metric != "events" and not higher_is_better(metric)
        falling = (kind in ("best", "gain", "most")) != upwards
        (users,) = np.nonzero(~np.isnan(values))
        users = users[np.lexsort((-events[users], (-values if falling else values)[users]))]
        return users.tolist(), values[users].tolist()

    def _lengths(self, browse: Browse) -> NDArray[np.int64]:
        """Return the number of events of each user."""
        with self._lock:
            if self._events is None:
                self._events = _read_events(browse)
            return self._events

    def _of_users(self, browse: Browse, run: Run, metric: str) -> NDArray[np.float64]:
        """Return a metric of each user; NaN where the run has none."""
        key = run.path, metric
        with self._lock:
            if key not in self._metrics:
                if len(self._metrics) == _METRICS_KEPT:
                    del self._metrics[next(iter(self._metrics))]
                self._metrics[key] = _read_metric(run, metric, len(browse))
            return self._metrics[key]


def _read_attributes(browse: Browse) -> dict[str, dict[str, array[int]]]:
    alike: dict[str, array[int]] = {}  # many users have the same attributes: each is parsed once
    for user, text in browse.query("SELECT user, attributes FROM users ORDER BY user"):
        if text not in alike:
            alike[text] = array("i")
        alike[text].append(user)
    found: dict[str, dict[str, array[int]]] = {}
    for text, users in alike.items():
        for name, value in json.loads(text).items():
            for one in value if isinstance(value, list) else [value]:
                found.setdefault(name, {}).setdefault(str(one), array("i")).extend(users)
    return found


def _equals(wanted: str) -> Callable[[str], bool]:
    folded = wanted.casefold()
    number = int(wanted) if wanted.isascii() and wanted.isdigit() else None

    def test(text: str) -> bool:
        if text.casefold() == folded:
            return True
        between = _RANGE.fullmatch(text) if number is not None else None
        return between is not None and int(between[1]) <= (number or 0) <= int(between[2])

    return test


def _compares(sign: str, bound: float) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        number = _NUMBER.match(text)
        return number is not None and bool(COMPARE[sign](float(number[0]), bound))

    return test


def _read_histories(browse: Browse) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    import numpy as np  # takes a tenth of a second, and few sessions ask for genres

    lengths = np.zeros(len(browse), dtype=np.int64)
    parts: list[bytes] = []
    for user, items in browse.query("SELECT user, items FROM histories ORDER BY user"):
        lengths[user] = len(items) // 4
        parts.append(items)
    return np.frombuffer(b"".join(parts), dtype="<i4"), lengths


def _read_events(browse: Browse) -> NDArray[np.int64]:
    import numpy as np

    counts = [row[0] for row in browse.query("SELECT events FROM users ORDER BY user")]
    return np.array(counts, dtype=np.int64)


def _read_metric(run: Run, metric: str, users: int) -> NDArray[np.float64]:
    import numpy as np

    found = results.query(
        run.path / RESULTS,
        "SELECT user, value FROM user_metrics WHERE metric = ? AND user BETWEEN 0 AND ?",
        (metric, users - 1),
    )
    values = np.full(users, np.nan)
    values[[user for user, _ in found]] = [value for _, value in found]
    return values


def _shares(
    items: NDArray[np.int32], lengths: NDArray[np.int64], wanted: Sequence[int]
) -> NDArray[np.float64]:
    """Divide the items of a history that are wanted by all of it; 0 for an empty history."""
    import numpy as np

    is_wanted = np.zeros(max(items.max(initial=0), *wanted) + 1, dtype=bool)
    is_wanted[wanted] = True
    before = np.concatenate([[0], np.cumsum(is_wanted[items])])
    ends = np.cumsum(lengths)
    counts = before[ends] - before[ends - lengths]
    shares: NDArray[np.float64] = counts / np.maximum(lengths, 1)
    return shares


def _read_genres(browse: Browse) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, item in browse.all_items().items():
        for name in item.genres:
            found.setdefault(name, []).append(number)
    return found
