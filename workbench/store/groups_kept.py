"""What a run keeps of its users, lists and rows, as arrays: read once and only when asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from recsys_core.errors import TRAIN_AGAIN
from workbench.store import results
from workbench.store.files import StoreError
from workbench.store.packed import judged_users, values_by_user
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse
from workbench.store.users_find import user_metrics
from workbench.store.users_inspect import threshold_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: of rows: what groups of them can be judged by
ROW_METRICS = ("auc", "gauc", "logloss")
#: codes of `parts`: train, validation, test, left out, query
_TRAIN, _TEST = 0, 2
_KNOWN = (0, 1, 4)
#: users at a time: their histories are never all in memory
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Events:
    """What the run's split says of the data set's events.

    Parameters
    ----------
    train_rows
        Shape (n_items,): train rows of each item.
    relevant
        Shape (m,), ascending: relevant test items as user * n_items + item, each once.
    lengths
        Shape (n_users,): events of each user that are known at test time.
    known
        Their items, user by user.
    """

    train_rows: NDArray[np.int64]
    relevant: NDArray[np.int64]
    lengths: NDArray[np.int64]
    known: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Rows:
    """The test rows of a ranking run, shape (rows,) each."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    labels: NDArray[np.float64]
    scores: NDArray[np.float64]


class Kept:
    """A run's results and the data set they are about.

    Parameters
    ----------
    browse
        The set that the run was trained on: the caller has it checked by its fingerprint.
    shared
        Events of a split: runs of one split need not read them each.
    """

    def __init__(self, run: Run, browse: Browse, shared: dict[object, Events]) -> None:
        self.run = run
        self.path = run.path / RESULTS
        self.n_users = len(browse)
        self.n_items = int(browse.query("SELECT count(*) FROM items")[0][0])
        self._values: dict[str, NDArray[np.float64]] = {}
        self._lists: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None
        self._shared = shared

    @property
    def ranks(self) -> bool:
        """Whether it predicts rows, and has no lists."""
        return str(self.run.metrics["stage"]) == "ranking"

    @property
    def windows(self) -> bool:
        """Whether it was judged in several test windows, the lists being those of the last one."""
        return any(name.startswith("window/") for name in self.run.metrics["metrics"])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The metrics that groups of users, or of their rows, can be judged by."""
        metrics = self.run.metrics["metrics"]
        if self.ranks:
            return tuple(name for name in ROW_METRICS if metrics.get(name) is not None)
        return tuple(user_metrics(self.run))

    def user_values(self, metric: str) -> NDArray[np.float64]:
        """Return a metric of each user, shape (n_users,); NaN where the run has none."""
        if metric not in self._values:
            self._values[metric] = values_by_user(self.path, metric, self.n_users)
        return self._values[metric]

    @cached_property
    def judged(self) -> NDArray[np.int64]:
        """The users that the run was judged on, ascending."""
        import numpy as np

        if self.ranks:
            return np.unique(self.rows.users)
        return judged_users(self.path, self.n_users)

    def lists(self, k: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the users, and the first K items of each list, -1 where it is short."""
        import numpy as np

        if self._lists is None or self._lists[1].shape[1] < k:
            # a place of a list is one number, and SQLite writes them as text: half the time of rows
            blocks = results.rows(
                self.path,
                "SELECT group_concat((user * ? + rank - 1) * ? + item) FROM recommendations"
                " WHERE rank BETWEEN 1 AND ? AND user BETWEEN 0 AND ? AND item BETWEEN 0 AND ?"
                " GROUP BY user / ?",
                (k, self.n_items, k, self.n_users - 1, self.n_items - 1, _BLOCK),
            )
            with results.damage_told(self.path):
                found = [np.fromstring(text, dtype=np.int64, sep=",") for (text,) in blocks]
            place, item = np.divmod(np.concatenate([np.empty(0, np.int64), *found]), self.n_items)
            users, row = np.unique(place // k, return_inverse=True)
            items = np.full((len(users), k), -1, dtype=np.int32)
            items[row, place % k] = item
            self._lists = users, items
        users, items = self._lists
        return users, items[:, :k]

    @cached_property
    def rows(self) -> Rows:
        """The test rows of a ranking run, by user."""
        import numpy as np

        found = self._read(
            "SELECT user, item, label, score FROM rows"
            " WHERE user BETWEEN 0 AND ? AND item BETWEEN 0 AND ?",
            (self.n_users - 1, self.n_items - 1),
            [
                *(("user", np.int64), ("item", np.int64)),
                *(("label", np.float64), ("score", np.float64)),
            ],
        )
        return Rows(found["user"], found["item"], found["label"], found["score"])

    def _read(self, sql: str, values: Sequence[Any], dtype: Any) -> NDArray[Any]:
        import numpy as np

        with closing(results.open_results(self.path)) as database, results.damage_told(self.path):
            return np.fromiter(database.execute(sql, values), dtype=dtype)

    def events(self, browse: Browse) -> Events:
        """Read which events are known and which are relevant test rows, a block of users at a time.

        Raises
        ------
        StoreError
            The run does not say (earlier versions), or says it of other events.
        """
        split = self.run.metrics["protocol"].get("fingerprint") or self.path
        key = browse.fingerprint, split, threshold_of(self.run, browse)
        if key not in self._shared:
            self._shared.clear()  # of one split at a time: they may be large
            self._shared[key] = self._read_events(browse)
        return self._shared[key]

    def _read_events(self, browse: Browse) -> Events:
        import numpy as np

        threshold = threshold_of(self.run, browse)
        is_known = np.isin(np.arange(256), _KNOWN)
        train_rows = np.zeros(self.n_items, dtype=np.int64)
        lengths = np.zeros(self.n_users, dtype=np.int64)
        relevant, what = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int32)]
        histories = browse.rows("SELECT user, items, ratings FROM histories ORDER BY user")
        with closing(results.open_results(self.path)) as database:
            parts = self._parts(database)
            while block := list(islice(histories, _BLOCK)):
                codes = list(islice(parts, len(block)))
                items = np.frombuffer(b"".join(row[1] for row in block), dtype="<i4")
                ratings = np.frombuffer(b"".join(row[2] for row in block), dtype="<f4")
                sizes = [len(row[1]) // 4 for row in block]
                self._check(codes, sizes, int(items.max(initial=0)))
                users = np.array([row[0] for row in block], dtype=np.int64)
                ends = np.cumsum(sizes)
                part = np.frombuffer(b"".join(codes), dtype=np.uint8)
                train_rows += np.bincount(items[part == _TRAIN], minlength=self.n_items)
                known = is_known[part]
                lengths[users] = np.diff(np.append(0, np.cumsum(known))[np.append(0, ends)])
                what.append(items[known].astype(np.int32))
                asked = part == _TEST
                if threshold is not None:
                    asked &= ratings >= threshold
                whose = users[np.searchsorted(ends, np.flatnonzero(asked), side="right")]
                relevant.append(whose * self.n_items + items[asked])
        pairs = np.unique(np.concatenate(relevant))
        return Events(train_rows, pairs, lengths, np.concatenate(what))

    def _parts(self, database: sqlite3.Connection) -> Any:
        with results.damage_told(self.path):
            tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'parts'")
            if not tables.fetchall():
                raise StoreError(
                    f"{self.path}: does not say which events were held out: an earlier version"
                    " made it",
                    TRAIN_AGAIN,
                )
            for (content,) in database.execute("SELECT parts FROM parts ORDER BY user"):
                yield memoryview(content).tobytes()

    def _check(self, codes: Sequence[bytes], sizes: Sequence[int], largest: int) -> None:
        if [len(code) for code in codes] != list(sizes) or largest >= self.n_items:
            raise StoreError(
                f"{self.path}: is about other events than the data set has by now", TRAIN_AGAIN
            )
