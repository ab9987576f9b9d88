"""What is known of all users of a data set, in memory: what a search asks again and again.

Read once, and only when a search needs it; then a condition costs milliseconds for 100,000 users.
"""

from __future__ import annotations

import operator
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from recsys_core.errors import unknown_name
from recsys_core.evaluation.names import higher_is_better
from workbench.store.packed import values_by_user
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_question import number_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
#: metrics of all users that are kept, a number per user each; rankings likewise
_KEPT = 6
_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)")
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Ranking:
    """Users in an order, and what they are sorted by.

    Parameters
    ----------
    users
        Those that have a value, by number, in the order asked for.
    values
        Of every user, by number.
    """

    users: NDArray[np.intp]
    values: NDArray[np.float64]


class Facets:
    """What users of one data set are and like; may be used by several threads.

    Each question is answered from `browse` as it is given: a connection belongs to one thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._attributes: dict[str, dict[str, array[int]]] | None = None
        self._histories: tuple[NDArray[np.int32], NDArray[np.int64]] | None = None
        self._genres: dict[str, list[int]] | None = None
        self._events: NDArray[np.int64] | None = None
        self._shares: dict[str, Ranking] = {}
        self._metrics: dict[tuple[Path, str], NDArray[np.float64]] = {}
        self._orders: dict[tuple[object, ...], Ranking] = {}

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

    def having(self, browse: Browse, name: str, sign: str, value: str) -> NDArray[np.bool_]:
        """Tell of each user whether the attribute `name` is `value`, or compares with it.

        Parameters
        ----------
        sign
            ``=``: the text, whatever the case, or a whole number within a range such as 25-34;
            others compare the number that a value begins with. Of a list one value is enough.
        value
            Empty behind ``=``: the users that have no value.
        """
        import numpy as np

        if sign == "=" and not value:
            missing = np.ones(len(browse), dtype=bool)
            for users in self._values(browse).get(name, {}).values():
                missing[np.frombuffer(users, dtype=np.int32)] = False
            return missing
        bound = 0.0 if sign == "=" else number_of(f"{name}{sign}{value}", value)
        test = _equals(value) if sign == "=" else _compares(sign, bound)
        having = np.zeros(len(browse), dtype=bool)
        for text, users in self._values(browse).get(name, {}).items():
            if test(text):
                having[np.frombuffer(users, dtype=np.int32)] = True
        return having

    def _values(self, browse: Browse) -> Mapping[str, Mapping[str, array[int]]]:
        """Return the users by attribute and value."""
        with self._lock:
            if self._attributes is None:
                self._attributes = _read_attributes(browse)
            return self._attributes

    # Numbers

    def having_events(self, browse: Browse, low: int | None, high: int | None) -> NDArray[np.bool_]:
        """Tell of each user whether there are so many events; None: no bound."""
        events = self._lengths(browse)
        fits = events >= (low or 0)
        return fits if high is None else fits & (events <= high)

    def reaching(
        self, browse: Browse, run: Run, metric: str, sign: str, bound: float
    ) -> NDArray[np.bool_]:
        """Tell of each user whether a metric compares with a number; False where there is none."""
        fits: NDArray[np.bool_] = COMPARE[sign](self._of_users(browse, run, metric), bound)
        return fits

    # Tastes

    def liking(self, browse: Browse, tastes: Sequence[tuple[str, str, float]]) -> NDArray[np.bool_]:
        """Tell of each user whether the history has enough of the genres.

        Parameters
        ----------
        tastes
            (genre, sign, share of the history) each.

        Raises
        ------
        InputError
            No item is of the genre; near names are offered.
        """
        fits = self._items(browse)[1] > 0
        for name, sign, bound in tastes:
            fits &= COMPARE[sign](self.share(browse, name).values, bound)
        return fits

    def share(self, browse: Browse, genre: str) -> Ranking:
        """Return each user's share of a genre, and the users from the most to the least.

        Raises
        ------
        InputError
            No item is of the genre; near names are offered.
        """
        key = genre.casefold()
        genres = self._genre_items(browse)
        same = [found for name, found in genres.items() if name.casefold() == key]
        wanted = list(chain.from_iterable(same))
        if not wanted:
            raise unknown_name("genre", genre, genres)
        items, lengths = self._items(browse)

        def made() -> Ranking:
            shares = _shares(items, lengths, wanted)
            return Ranking((-shares).argsort(kind="stable"), shares)

        return self._kept(self._shares, key, made)

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

    def ranked(self, browse: Browse, order: tuple[str, str], runs: Sequence[Run] = ()) -> Ranking:
        """Sort the users by a metric of the first run, by what the second gains, or by events.

        Parameters
        ----------
        order
            As in `Question`.

        Returns
        -------
        The users that have what is sorted by; among equals those with more history come first:
        they say more.
        """
        key = *order, *(run.path for run in runs)
        return self._kept(self._orders, key, lambda: self._ranked(browse, order, runs))

    def _ranked(self, browse: Browse, order: tuple[str, str], runs: Sequence[Run]) -> Ranking:
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
        users = np.flatnonzero(~np.isnan(values))
        by_value = (-values if falling else values)[users]
        return Ranking(users[np.lexsort((-events[users], by_value))], values)

    def _lengths(self, browse: Browse) -> NDArray[np.int64]:
        """Return the number of events of each user."""
        with self._lock:
            if self._events is None:
                self._events = _read_events(browse)
            return self._events

    def _of_users(self, browse: Browse, run: Run, metric: str) -> NDArray[np.float64]:
        """Return a metric of each user; NaN where the run has none."""
        key = run.path, metric
        return self._kept(
            self._metrics, key, lambda: values_by_user(run.path / RESULTS, metric, len(browse))
        )

    def _kept(self, known: dict[K, V], key: K, make: Callable[[], V]) -> V:
        """Return what is kept under `key`; it is made when it is not, and the oldest one goes."""
        with self._lock:
            if key in known:
                return known[key]
        value = make()
        with self._lock:
            if key not in known and len(known) == _KEPT:
                del known[next(iter(known))]
            return known.setdefault(key, value)


def _read_attributes(browse: Browse) -> dict[str, dict[str, array[int]]]:
    alike: dict[str, array[int]] = {}  # many users have the same attributes: each is parsed once
    for user, text in browse.rows("SELECT user, attributes FROM users ORDER BY user"):
        if text not in alike:
            alike[text] = array("i")
        alike[text].append(user)
    found: dict[str, dict[str, array[int]]] = {}
    for text, users in alike.items():
        for name, value in browse.attributes(text).items():
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
    content = bytearray()
    with browse.damage_told():
        for user, items in browse.rows("SELECT user, items FROM histories ORDER BY user"):
            lengths[user] = len(items) // 4
            content += items
    return np.frombuffer(content, dtype="<i4"), lengths


def _read_events(browse: Browse) -> NDArray[np.int64]:
    import numpy as np

    counts = (row[0] for row in browse.rows("SELECT events FROM users ORDER BY user"))
    with browse.damage_told():
        return np.fromiter(counts, dtype=np.int64)


def _shares(
    items: NDArray[np.int32], lengths: NDArray[np.int64], wanted: Sequence[int]
) -> NDArray[np.float64]:
    """Divide the items of a history that are wanted by all of it; 0 for an empty history."""
    import numpy as np

    is_wanted = np.zeros(max(items.max(initial=0), *wanted) + 1, dtype=np.int32)
    is_wanted[wanted] = 1
    counts = np.zeros(len(lengths), dtype=np.int32)
    some = lengths > 0
    starts = (np.cumsum(lengths) - lengths)[some]
    counts[some] = np.add.reduceat(is_wanted[items], starts) if len(starts) else 0
    shares: NDArray[np.float64] = counts / np.maximum(lengths, 1)
    return shares


def _read_genres(browse: Browse) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, item in browse.all_items().items():
        for name in item.genres:
            found.setdefault(name, []).append(number)
    return found
