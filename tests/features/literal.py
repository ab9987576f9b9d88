"""Statistics of the past as one would write them down: loops over lists, one row at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from recsys_core.data.dataset import Categorical, Dataset, MultiCategorical, Numeric
from recsys_core.data.interactions import Interactions
from recsys_core.features.known import Known
from recsys_core.features.queries import Queries

N_USERS, N_ITEMS = 3, 4
GENRES = [["Action", "War"], ["War"], [], ["Comedy", "Action"]]
GENRE_NAMES = ["Action", "Comedy", "War"]
GENDERS = ["F", "M", None]
YEARS = [1990.0, 1995.0, float("nan"), 1990.0]
DAY = 86_400


class Event(NamedTuple):
    """One row of the data set."""

    number: int
    user: int
    item: int
    rating: float
    time: int


#: users, items, ratings and times so few that many events share a moment
EVENTS = st.lists(
    st.tuples(
        st.integers(0, N_USERS - 1),
        st.integers(0, N_ITEMS - 1),
        st.integers(1, 5),
        st.integers(0, 5),
    ),
    min_size=2,
    max_size=30,
)


def dataset(events: list[tuple[int, int, int, int]]) -> Dataset:
    user, item, rating, time = (np.array(column) for column in zip(*events, strict=True))
    codes = [GENRE_NAMES.index(genre) for genres in GENRES for genre in genres]
    return Dataset(
        name="events",
        user=user.astype(np.int32),
        item=item.astype(np.int32),
        rating=rating.astype(np.float32),
        timestamp=time.astype(np.int64) * DAY,
        user_ids=np.array(["a", "b", "c"]),
        item_ids=np.array(["p", "q", "r", "s"]),
        user_columns={"gender": Categorical(np.array([0, 1, -1], np.int32), np.array(["F", "M"]))},
        item_columns={
            "genres": MultiCategorical(
                np.cumsum([0, *map(len, GENRES)]).astype(np.int64),
                np.array(codes, np.int32),
                np.array(GENRE_NAMES),
            ),
            "year": Numeric(np.array(YEARS, np.float32)),
        },
    )


class World(NamedTuple):
    """Events of which some are known and some are asked about."""

    known: Known
    queries: Queries
    known_events: list[Event]
    asked: list[Event]


def world(events: list[tuple[int, int, int, int]], *, train: bool) -> World:
    """The first two thirds are known; they themselves are asked about, or the others."""
    data = dataset(events)
    cut = max(1, 2 * len(events) // 3)
    known = Interactions.in_time_order(data, np.arange(cut), 4.0)
    rest = Interactions.in_time_order(data, np.arange(cut, len(events)), 4.0)
    asked = known if train else rest
    return World(Known.of(known), Queries.of_events(asked), _listed(known), _listed(asked))


def _listed(rows: Interactions) -> list[Event]:
    columns = (rows.rows, rows.user, rows.item, rows.rating, rows.timestamp)
    return [Event(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def history(row: Event, world: World, side: str, scope: str) -> list[Event]:
    """Events of the row's user or item, oldest first (equal times as in the file)."""
    same = [each for each in world.known_events if getattr(each, side) == getattr(row, side)]
    if scope == "others":
        return [each for each in same if each.number != row.number]
    return [each for each in same if each.time < row.time]


def sharing(row: Event, events: list[Event], by: str) -> list[Event]:
    """Events once for every value of `by` that they share with the row."""
    if by == "genres":
        return [e for g in GENRES[row.item] for e in events if g in GENRES[e.item]]
    if by == "year":
        return [e for e in events if YEARS[e.item] == YEARS[row.item]]
    gender = GENDERS[row.user]
    return [e for e in events if gender is not None and GENDERS[e.user] == gender]


def session(past: list[Event]) -> float:
    last = max((e.time for e in past), default=0)
    return sum(e.time > last - DAY for e in past)


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def variance(values: list[float]) -> float:
    return mean([(value - mean(values)) ** 2 for value in values])


LITERAL: dict[str, Callable[[Event, list[Event]], float]] = {
    "count": lambda row, past: len(past),
    "positive_count": lambda row, past: sum(e.rating >= 4 for e in past),
    "rating_mean": lambda row, past: mean([e.rating for e in past]),
    "rating_variance": lambda row, past: variance([e.rating for e in past]),
    "positive_share": lambda row, past: mean([e.rating >= 4 for e in past]),
    "session_count": lambda row, past: session(past),
    "session_share": lambda row, past: session(past) / len(past) if past else math.nan,
    "time_gap": lambda row, past: mean([e.time - row.time for e in past]) / (365.25 * DAY),
    "days_since_first": lambda row, past: (
        (row.time - min(e.time for e in past)) / DAY if past else math.nan
    ),
    "days_since_last": lambda row, past: (
        (row.time - max(e.time for e in past)) / DAY if past else math.nan
    ),
}


def favourite_genres(past: list[Event]) -> list[str]:
    """The three most frequent genres of liked events; ties in the vocabulary's order."""
    counts = Counter(genre for e in past if e.rating >= 4 for genre in GENRES[e.item])
    return sorted(counts, key=lambda genre: (-counts[genre], GENRE_NAMES.index(genre)))[:3]
