"""What is known of an item beside its title: how it is rated, and which runs recommend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.store import results
from workbench.store.runs import RESULTS, Run
from workbench.store.users import Browse

#: a list ends here for the count of who is recommended an item
TOP = 10


@dataclass(frozen=True, slots=True)
class Exposure:
    """How often a run recommends an item: users with it in their top 10, of all users judged."""

    label: str
    users: int
    judged: int


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """Ratings by value (None: the set has none), and exposure by run."""

    item: int
    ratings: dict[float | None, int]
    exposures: tuple[Exposure, ...]

    @property
    def events(self) -> int:
        """Number of events."""
        return sum(self.ratings.values())

    @property
    def mean(self) -> float | None:
        """Mean rating; None without ratings."""
        known = {value: n for value, n in self.ratings.items() if value is not None}
        total = sum(known.values())
        return sum(value * n for value, n in known.items()) / total if total else None


def read_item(browse: Browse, item: int, runs: Sequence[Run]) -> ItemFacts:
    """Count ratings and exposure of an item; it reads all histories, so off the screen's thread.

    Raises
    ------
    StoreError
        A file is damaged.
    """
    ratings = Counter(browse.ratings_of(item))
    ordered = dict(sorted(ratings.items(), key=lambda pair: pair[0] or 0))
    return ItemFacts(item, ordered, tuple(_exposure(run, item) for run in runs))


def _exposure(run: Run, item: int) -> Exposure:
    path = run.path / RESULTS
    users = results.query(
        path, "SELECT count(*) FROM recommendations WHERE item = ? AND rank <= ?", (item, TOP)
    )
    judged = results.query(path, "SELECT count(*) FROM recommendations WHERE rank = 1")
    return Exposure(str(run.metrics["label"]), users[0][0], judged[0][0])
