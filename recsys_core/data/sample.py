"""`sample`: a made-up data set in MovieLens-1M's schema, for use without any network.

People have a taste in genres that depends a little on age and gender and drifts over time; films
belong to genres, have a quality and a popularity with a long tail. A person's films are drawn by
popularity and momentary taste, and rated by taste and quality. So neighbours, factors and
attributes all have something to find, and popularity alone does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.attributes import (
    AGE_ORDER,
    OCCUPATIONS,
    Attributes,
    RawColumn,
    RawData,
    build_dataset,
    movie_columns,
)
from recsys_core.data.dataset import Dataset
from recsys_core.data.movielens import GENRES_100K
from recsys_core.data.numbering import Rows, number_rows
from recsys_core.data.pieces import IN_MEMORY
from recsys_core.data.sources import SAMPLE

#: raised when the generated data change
VERSION = 2
SEED = 20_000

N_USERS, N_ITEMS = 1_000, 800
MEAN_EVENTS, LEAST_EVENTS, MOST_EVENTS = 60, 12, 300
FIRST_DAY = 956_700_000  # the spring of 2000, as in MovieLens-1M
DAY = 86_400
PHASES = 4  # a taste is constant within a phase
TASTE_WEIGHT = 1.8  # of momentary taste against popularity in what is watched
POPULARITY_EXPONENT, POPULARITY_OFFSET = 1.35, 12.0  # of Zipf's law over the films' ranks
RATING_CUTS = (-0.4, 0.25, 1.3, 2.55)  # of the impression a film leaves, between ratings 1 to 5

GENRES = GENRES_100K[1:]  # without "unknown"
# fmt: off
FIRST_WORDS = (
    "Amber", "Broken", "Crimson", "Distant", "Electric", "Forgotten", "Glass", "Hollow",
    "Iron", "Jade", "Last", "Midnight", "Northern", "Painted", "Quiet", "Restless", "Silver",
    "Thirteenth", "Velvet", "Winter",
)
SECOND_WORDS = (
    "Harbour", "Lantern", "Orchard", "Parade", "Railway", "Harvest", "Mirror", "Island",
    "Letter", "Garden", "Circus", "Bridge", "Summer", "Empire", "Detective", "Waltz", "Desert",
    "Signal", "Tide", "Promise",
)
# fmt: on

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def make_sample(
    n_users: int = N_USERS, n_items: int = N_ITEMS, mean_events: float = MEAN_EVENTS
) -> Dataset:
    """Generate the data set; the same sizes always give the same data."""
    rng = np.random.default_rng(SEED)
    ages = rng.choice(len(AGE_ORDER), n_users, p=[0.04, 0.18, 0.35, 0.2, 0.09, 0.08, 0.06])
    women = rng.random(n_users) < 0.28
    membership = _genres_of_items(rng, n_items)
    traits = _traits(rng, membership)
    tastes = _tastes(rng, ages, women)
    rank = rng.permutation(n_items)
    popularity = -POPULARITY_EXPONENT * np.log(rank + POPULARITY_OFFSET)
    quality = 0.5 * rng.standard_normal(n_items) + 0.15 * (popularity - popularity.mean())
    counts = np.clip(
        rng.lognormal(np.log(mean_events) - 0.32, 0.8, n_users), LEAST_EVENTS, MOST_EVENTS
    ).astype(np.int64)
    counts = np.minimum(counts, n_items // 2)
    rows = [
        _events(rng, user, int(counts[user]), tastes[user] @ traits.T, popularity, quality)
        for user in range(n_users)
    ]
    user, item, rating, time = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    ratings = number_rows(Rows(user + 1, item + 1, rating.astype(np.float32), time))
    users = _people(rng, ages, women)
    dataset = build_dataset(SAMPLE, RawData(ratings, users, _films(rng, membership)), IN_MEMORY)
    return Dataset(**{**vars(dataset), "synthetic": True})


def _genres_of_items(rng: np.random.Generator, n_items: int) -> NDArray[np.bool_]:
    """Give every film one to three genres, some genres far more often; (n_items, n_genres)."""
    weight = 1 / (rng.permutation(len(GENRES)) + 2.0)
    size = rng.choice([1, 2, 3], n_items, p=[0.4, 0.4, 0.2])
    noise = rng.gumbel(size=(n_items, len(GENRES))) + np.log(weight)
    order = np.argsort(-noise, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    chosen: NDArray[np.bool_] = rank < size[:, None]
    return chosen


def _traits(rng: np.random.Generator, membership: NDArray[np.bool_]) -> Floats:
    """Place films near the mean of their genres, each with its own flavour; unit variance."""
    directions = rng.standard_normal((len(GENRES), 10))
    mean = membership @ directions / membership.sum(axis=1, keepdims=True)
    traits = mean + 0.6 * rng.standard_normal(mean.shape)
    scaled: Floats = traits / traits.std(axis=0)
    return scaled


def _tastes(rng: np.random.Generator, ages: Ints, women: NDArray[np.bool_]) -> Floats:
    """Give every person a taste that moves from one point to another; (n_users, PHASES, 10)."""
    group = rng.standard_normal((len(AGE_ORDER) * 2, 10))
    shared = group[ages * 2 + women]
    start = 0.5 * shared + rng.standard_normal((len(ages), 10))
    end = 0.7 * start + 0.7 * rng.standard_normal((len(ages), 10))
    moment = np.linspace(0, 1, PHASES)[None, :, None]
    path = start[:, None] * (1 - moment) + end[:, None] * moment
    unit: Floats = path / np.linalg.norm(path, axis=2, keepdims=True)
    return unit


def _events(
    rng: np.random.Generator,
    user: int,
    count: int,
    affinity: Floats,
    popularity: Floats,
    quality: Floats,
) -> tuple[Ints, Ints, Floats, Ints]:
    """Draw one person's films phase by phase, rate and date them.

    Parameters
    ----------
    affinity
        Shape (PHASES, n_items): how much the person likes each film in each phase.
    """
    available = np.zeros(len(popularity))
    items, ratings = [], []
    generosity = 0.4 * rng.standard_normal()
    for phase, size in enumerate(np.diff(np.linspace(0, count, PHASES + 1).astype(int))):
        wish = popularity + TASTE_WEIGHT * affinity[phase] + available
        wish = wish + rng.gumbel(size=len(wish))
        # sorted: the order within a partition is that of the processor's vector instructions
        chosen = np.sort(np.argpartition(-wish, size)[:size])
        rng.shuffle(chosen)
        available[chosen] = -np.inf
        noise = 0.8 * rng.standard_normal(size)
        impression = affinity[phase, chosen] + quality[chosen] + generosity + noise
        items.append(chosen)
        ratings.append(1.0 + np.searchsorted(RATING_CUTS, impression))
    return (
        np.full(count, user, dtype=np.int64),
        np.concatenate(items).astype(np.int64),
        np.concatenate(ratings),
        _times(rng, count),
    )


def _times(rng: np.random.Generator, count: int) -> Ints:
    """Date events in sessions, days apart; some in one session share a second."""
    start = FIRST_DAY + rng.integers(0, 700 * DAY)
    new_session = rng.random(count) < 0.12
    pause = rng.exponential(20 * DAY, count).astype(np.int64)
    step = np.where(new_session, pause, rng.integers(0, 45, count))
    return start + np.cumsum(step)


def _people(rng: np.random.Generator, ages: Ints, women: NDArray[np.bool_]) -> Attributes:
    jobs = rng.integers(0, len(OCCUPATIONS), len(ages))
    zips = rng.integers(10, 1000, len(ages))
    return Attributes(
        ids=[str(user + 1) for user in range(len(ages))],
        columns={
            "age": RawColumn("categorical", [AGE_ORDER[age] for age in ages], AGE_ORDER),
            "gender": RawColumn("categorical", ["F" if woman else "M" for woman in women]),
            "occupation": RawColumn("categorical", [OCCUPATIONS[job] for job in jobs]),
            "zip": RawColumn("categorical", [f"{number:03d}00" for number in zips]),
        },
    )


def _films(rng: np.random.Generator, membership: NDArray[np.bool_]) -> Attributes:
    n_items = len(membership)
    first, second = rng.choice(FIRST_WORDS, n_items), rng.choice(SECOND_WORDS, n_items)
    years = (2001 - rng.exponential(14, n_items).astype(int)).clip(1925)
    titles = [
        f"Made-up Film {number + 1}: {first[number]} {second[number]} ({years[number]})"
        for number in range(n_items)
    ]
    genres = [[GENRES[genre] for genre in np.flatnonzero(row)] for row in membership]
    return Attributes([str(item + 1) for item in range(n_items)], movie_columns(titles, genres))
