"""The rows that a ranking model learns from or is judged on: events, and items drawn beside them.

A set with ratings or labels has rows of both kinds. In one without, every event is relevant: the
protocol's `negatives` says how many items are drawn for each, which the user had not met until
then and which count as label 0. They are drawn once, with a seed that is the protocol's and not
the model's, so that all models of a suite are judged on the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys_core.compute.powers import power
from recsys_core.data.dataset import FloatArray, IntArray, TimeArray
from recsys_core.data.interactions import Interactions, among
from recsys_core.features.queries import Queries
from recsys_core.protocols.base import SEED
from recsys_core.protocols.split import PARTS, Part, Split

#: as word2vec draws its noise: an item of n events with n to this power
POPULARITY_POWER = 0.75
#: times that what a user knows is drawn anew; then it is left out
ROUNDS = 20


@dataclass(frozen=True)
class RankingRows:
    """What is asked about, and how it turned out.

    Parameters
    ----------
    queries
        n rows.
    events
        The events among them, which come first.
    drawn
        Number of the rows behind them that were drawn: label 0.
    """

    queries: Queries
    events: Interactions
    drawn: int = 0

    def __len__(self) -> int:
        return len(self.queries)

    def labels(self, of_events: FloatArray) -> FloatArray:
        """Put the labels of drawn rows, 0, behind those of events, shape (m, tasks)."""
        return np.pad(of_events, ((0, self.drawn), (0, 0)))


def ranking_rows(split: Split, part: Part) -> RankingRows:
    """Take the events of a part and, where the protocol says so, draw items beside them.

    An item is drawn from the catalogue for the moment of an event, from what its user has no event
    with in this part and those before it.
    """
    events: Interactions = getattr(split, part)
    queries = Queries.of_events(events)
    if not split.negatives:
        return RankingRows(queries, events)
    source = np.repeat(np.arange(len(events)), split.negatives)
    items = _draw(split, part, events.user[source])
    kept = items >= 0
    rows = np.concatenate([np.arange(len(events)), source[kept]])
    asked = Queries(
        events.dataset,
        events.user[rows],
        np.concatenate([events.item, items[kept]]),
        events.timestamp[rows],
        # as the event beside it, a drawn row has its context and does not see it
        events.rows[rows],
    )
    return RankingRows(asked, events, int(np.count_nonzero(kept)))


def drawn_rows(split: Split) -> dict[Part, tuple[TimeArray, IntArray]]:
    """Give by part the events beside which an item was drawn, as rows of the set, and the items."""
    found: dict[Part, tuple[TimeArray, IntArray]] = {}
    for part in PARTS if split.negatives else ():
        rows = ranking_rows(split, part)
        first = len(rows.events)
        found[part] = rows.queries.event[first:], rows.queries.item[first:]
    return found


def _draw(split: Split, part: Part, users: IntArray) -> IntArray:
    """Draw an item for each of `users`, shape (n,); -1 where all that was drawn is known."""
    rng = np.random.default_rng([SEED, PARTS.index(part)])
    known = _known_pairs(split, part)
    items = np.full(len(users), -1, dtype=np.int32)
    left: TimeArray = np.arange(len(users))
    # new items are unknown until they are tested
    some = split.catalogue if part == "test" else split.train.item_counts() > 0
    catalogue = np.flatnonzero(some).astype(np.int32)
    counts = split.train.item_counts()[catalogue]
    uniform = split.negative_sampler == "uniform"
    cumulated = np.cumsum(power(counts, 0.0 if uniform else POPULARITY_POWER))
    for _ in range(ROUNDS):
        darts = rng.random(len(left)) * cumulated[-1]
        places = np.searchsorted(cumulated, darts, side="right")
        drawn = catalogue[np.minimum(places, len(catalogue) - 1)]
        fresh = ~among(users[left].astype(np.int64) * split.train.n_items + drawn, known)
        items[left[fresh]] = drawn[fresh]
        left = left[~fresh]
    return items


def _known_pairs(split: Split, part: Part) -> TimeArray:
    """Take the pairs of a part and of those before it, ascending."""
    parts = PARTS[: PARTS.index(part) + 1]
    some: list[Interactions] = [getattr(split, name) for name in parts]
    known = some[0].with_query_of(*some)
    pairs: TimeArray = np.unique(np.concatenate([each.pairs() for each in (known, *some[1:])]))
    return pairs
