"""Rows on disk of the same user and item, settled as `numbering.settle_repeats` does in memory.

The events are sorted by user and time once, outside of memory; whatever repeats is of one user, so
that some users at a time can be looked at in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import TimeArray
from recsys_core.data.import_options import Rule
from recsys_core.data.numbering import Ratings
from recsys_core.data.on_disk.columns import blocks
from recsys_core.data.on_disk.engine import Arrays, Engine

EVENTS = "SELECT pair, line, rating FROM events ORDER BY owner, moment, line"


@dataclass
class Settled:
    """What was found of rows of the same user and item.

    Parameters
    ----------
    repeats
        Rows but the one that stays of each user and item.
    other
        Those of them with another rating than the one that stays.
    second
        The first row in the file that repeats another, and that other one; None: no row does.
    """

    repeats: int = 0
    other: int = 0
    second: tuple[int, int] | None = field(default=None)


def sort_events(engine: Engine, ratings: Ratings) -> None:
    """Make the table of events that the others read."""
    n_items = len(ratings.item_ids)
    engine.run(
        "CREATE OR REPLACE TABLE events"
        " (owner INTEGER, moment BIGINT, line BIGINT, pair BIGINT, rating FLOAT)"
    )
    for rows in blocks(len(ratings.user)):
        user = ratings.user[rows]
        none = np.zeros(len(user), np.int64)
        columns: Arrays = {
            "owner": user,
            "moment": none if ratings.timestamp is None else ratings.timestamp[rows],
            "line": np.arange(rows.start, rows.stop),
            "pair": user.astype(np.int64) * n_items + ratings.item[rows],
            "rating": none.astype(np.float32) if ratings.rating is None else ratings.rating[rows],
        }
        engine.insert("events", columns)


def sorted_lines(engine: Engine) -> Iterator[TimeArray]:
    """Give the rows by user and time, as `Dataset.timeline` has them."""
    return (block["line"] for block in engine.blocks(EVENTS))


def whole_users(engine: Engine, n_items: int) -> Iterator[Arrays]:
    """Yield the events by user and time, all of a user together."""
    rest: Arrays = {}
    for block in engine.blocks(EVENTS):
        both = {k: np.concatenate([rest[k], block[k]]) if rest else block[k] for k in block}
        owner = both["pair"] // n_items
        end = int(np.searchsorted(owner, owner[-1]))
        rest = {name: column[end:] for name, column in both.items()}
        if end:
            yield {name: column[:end] for name, column in both.items()}
    if rest:
        yield rest


def settle(engine: Engine, events: Arrays, rule: Rule, found: Settled) -> None:
    """Settle the repeats of some users.

    What changes is added to the table ``changes``: rows that go, with 0, and where rows are
    counted those that stay, with how many they stand for.
    """
    pair, line, rating = events["pair"], events["line"], events["rating"]
    ascending = np.sort(pair)
    is_double = ascending[1:] == ascending[:-1]
    if not is_double.any():
        return
    found.repeats += int(np.count_nonzero(is_double))
    if rule == "keep":
        return
    here = np.flatnonzero(np.isin(pair, ascending[1:][is_double]))
    here = here[_order(pair[here], line[here], rating[here], rule)]
    pair, line, rating = pair[here], line[here], rating[here]
    starts = np.flatnonzero(np.append(True, pair[1:] != pair[:-1]))
    sizes = np.diff(np.append(starts, len(pair)))
    kept = starts + sizes - 1 if rule in ("last", "count") else starts
    goes = np.ones(len(pair), np.bool_)
    goes[kept] = False
    if rule == "error":
        second = int(line[goes].min())
        first = int(line[pair == pair[line == second]].min())
        found.second = min(found.second or (second, first), (second, first))
        return
    found.other += int(np.count_nonzero(rating != np.repeat(rating[kept], sizes)))
    engine.insert("changes", {"line": line[goes], "size": np.zeros(int(goes.sum()), np.int64)})
    if rule == "count":
        engine.insert("changes", {"line": line[kept], "size": sizes})


class Changes:
    """What settling changed, in the order of the rows."""

    def __init__(self, engine: Engine) -> None:
        self._blocks = engine.blocks("SELECT line, size FROM changes ORDER BY line")
        self._line: NDArray[np.int64] = np.empty(0, np.int64)
        self._size: NDArray[np.int64] = np.empty(0, np.int64)

    def of(self, rows: slice) -> NDArray[np.int64]:
        """Tell how many rows each of the next rows stands for; 0 goes."""
        while not len(self._line) or self._line[-1] < rows.stop:
            block = next(self._blocks, None)
            if block is None:
                break
            self._line = np.concatenate([self._line, block["line"]])
            self._size = np.concatenate([self._size, block["size"]])
        end = int(np.searchsorted(self._line, rows.stop))
        sizes = np.ones(rows.stop - rows.start, np.int64)
        sizes[self._line[:end] - rows.start] = self._size[:end]
        self._line, self._size = self._line[end:], self._size[end:]
        return sizes


def _order(
    pair: TimeArray, line: TimeArray, rating: NDArray[np.float32], rule: Rule
) -> NDArray[np.intp]:
    """Sort by pair, those of a pair by what the rule goes by, then as in the file."""
    if rule == "greatest":
        return np.lexsort((line, -rating, pair))
    if rule in ("first", "last", "count"):
        return np.argsort(pair, kind="stable")  # they stand by time already
    return np.lexsort((line, pair))
