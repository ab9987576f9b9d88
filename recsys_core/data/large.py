"""Made-up data sets of any size, in the schema of `sample` and with tastes as there.

People draw films by popularity and momentary taste, rate them by taste and quality, and move from
one taste to another. They are made in blocks, each from a generator of its own: beside the columns
memory is that of one block.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recsys_core.compute.powers import exp2
from recsys_core.data.dataset import Dataset
from recsys_core.data.made_up import UNIT, Events, Ints, People, make_films, normal
from recsys_core.data.prepared import write_prepared
from recsys_core.data.registered import check_name
from recsys_core.data.sample import LEAST_EVENTS
from recsys_core.data.sources import SAMPLE, SOURCES
from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore

#: raised when the generated data change
VERSION = 1
#: a protocol by time needs so many events of a user
FEWEST = 3
MOST_ROWS = 2**31 - 1
MOST_USERS = MOST_ITEMS = 50_000_000

#: people made at a time
BLOCK_USERS = 4_096
#: log2 of the spread of their activity
ACTIVITY_LOG2 = 1.3
#: of the generators: of people's activity, of films, of groups and of blocks of people
_ACTIVITY, _FILMS, _GROUPS, _PEOPLE = range(4)


@dataclass(frozen=True)
class Sizes:
    """What decides a made-up set.

    Parameters
    ----------
    rows, users, items
        How many events, people and films; every film has an event.
    """

    rows: int
    users: int
    items: int
    seed: int = 0

    def check(self) -> None:
        """Raise InputError where there is no such set."""
        for what, size, least, most in (
            ("rows", self.rows, FEWEST, MOST_ROWS),
            ("users", self.users, 1, MOST_USERS),
            ("items", self.items, 2 * FEWEST, MOST_ITEMS),
        ):
            if not least <= size <= most:
                raise InputError(f"{size:,} {what}", f"choose {least:,} to {most:,} {what}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed {self.seed:,}", "choose 0 to 9,223,372,036,854,775,807")
        if self.rows < FEWEST * self.users:
            raise InputError(
                f"{self.rows:,} rows of {self.users:,} users: each has at least {FEWEST}",
                f"choose {FEWEST * self.users:,} rows or more, or fewer users",
            )
        if self.rows < self.items:
            raise InputError(
                f"{self.rows:,} rows of {self.items:,} items: each has at least one",
                f"choose {self.items:,} rows or more, or fewer items",
            )
        if self.rows > self.users * (self.items // 2):
            raise InputError(
                f"{self.rows:,} rows of {self.users:,} users: each has at most half of the items",
                f"choose {self.users * (self.items // 2):,} rows or fewer, or more users or items",
            )


def make_large(name: str, data_dir: Path, sizes: Sizes, on_event: OnEvent = ignore) -> Dataset:
    """Make a set and register it under its name, replacing what was there.

    Raises
    ------
    InputError
        There is no such set, the name is that of another, or the folder cannot be written to.
    """
    check_name(name)
    if name in (SAMPLE, *SOURCES):
        raise InputError(f"'{name}' is the name of another data set", "choose another name")
    sizes.check()
    dataset = generate(name, sizes, on_event)
    on_event(Event("prepare", message=f"writing {name}"))
    source = {"generated": True, "version": VERSION, "large": asdict(sizes)}
    write_prepared(data_dir, dataset, source, {})
    return dataset


def sizes_of(source: Any) -> Sizes | None:
    """Read from meta.json of which sizes a set was made; None: it was not made here."""
    try:
        sizes = Sizes(**source["large"])
        if any(type(size) is not int for size in asdict(sizes).values()):
            return None
        sizes.check()
    except (InputError, KeyError, TypeError):
        return None
    return sizes


def generate(name: str, sizes: Sizes, on_event: OnEvent = ignore) -> Dataset:
    """Generate a set; the same sizes and seed always give the same one."""
    films = make_films(_generator(sizes, _FILMS), sizes.items)
    counts = _activity(_generator(sizes, _ACTIVITY), sizes)
    ends = np.append(0, np.cumsum(counts))
    item, rating = np.empty(sizes.rows, np.int32), np.empty(sizes.rows, np.float32)
    timestamp = np.empty(sizes.rows, np.int64)
    people = People.empty(_generator(sizes, _GROUPS), sizes.users)
    for start in range(0, sizes.users, BLOCK_USERS):
        users = slice(start, min(start + BLOCK_USERS, sizes.users))
        rows = slice(ends[users.start], ends[users.stop])
        rng = _generator(sizes, _PEOPLE, start)
        # films get their event in turn: as large a part of them as of all rows
        first, last = (int(row) * sizes.items // sizes.rows for row in (rows.start, rows.stop))
        tastes = people.draw(rng, users)
        block = Events(rng, counts[users], tastes, films)
        item[rows] = block.choose(films.turn[first:last])
        rating[rows] = block.rate(item[rows])
        timestamp[rows] = block.date()
        on_event(Event("make", rows.stop, sizes.rows))
    return Dataset(
        name=name,
        user=np.repeat(np.arange(sizes.users, dtype=np.int32), counts),
        item=item,
        rating=rating,
        timestamp=timestamp,
        user_ids=np.arange(1, sizes.users + 1).astype(np.str_),
        item_ids=np.arange(1, sizes.items + 1).astype(np.str_),
        user_columns=people.columns(),
        item_columns=films.columns,
        synthetic=True,
    )


def _generator(sizes: Sizes, *of: int) -> np.random.Generator:
    return np.random.default_rng([sizes.seed, VERSION, *of])


def _activity(rng: np.random.Generator, sizes: Sizes) -> Ints:
    """Share out the rows: log-normally above a least, and at most half of the films."""
    most = sizes.items // 2
    least = min(LEAST_EVENTS, max(FEWEST, sizes.rows // (2 * sizes.users)), most)
    weight = (exp2(normal(rng, sizes.users) * (ACTIVITY_LOG2 / UNIT)) * 2**12).astype(np.int64)
    counts = np.full(sizes.users, least)
    while left := sizes.rows - int(counts.sum()):
        room = most - counts
        open_ = np.flatnonzero(room)
        share = weight[open_] * left // int(weight[open_].sum())
        share[: left - int(share.sum())] += 1  # what is lost to rounding: fewer than there are
        counts[open_] += np.minimum(share, room[open_])
    return counts
