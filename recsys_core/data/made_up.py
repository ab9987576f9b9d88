"""Films, people and events of made-up data sets of any size.

Everything that decides is a whole number, or a float that holds one, so that every machine makes
the same: sums of floats, powers, logarithms and sorts of equal keys are up to the processor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.powers import exp2, power
from recsys_core.data.attributes import AGE_ORDER, OCCUPATIONS
from recsys_core.data.dataset import (
    Categorical,
    Column,
    FloatArray,
    IntArray,
    MultiCategorical,
    Numeric,
    Text,
    TimeArray,
)
from recsys_core.data.sample import (
    DAY,
    FIRST_DAY,
    FIRST_WORDS,
    GENRES,
    PHASES,
    POPULARITY_EXPONENT,
    SECOND_WORDS,
)

#: events made at a time
BLOCK_EVENTS = 65_536
DIMENSIONS = 10
#: one standard deviation of a normal draw, and the length of a taste
UNIT, TASTE = 256, 64
#: films among which taste chooses one, drawn by popularity
CHOICES = 8
#: affinities are told apart in steps of UNIT x TASTE / STEPS, up to FAR steps
STEPS, FAR = 32, 160
#: log2 of what one standard deviation of affinity multiplies the chance of a film by
TASTE_LOG2 = 2.6
#: of Zipf's law: the rank from which popularity falls, in a set of so many films
OFFSET, OFFSET_ITEMS = 12.0, 800
#: places per film in the table that popularity is drawn from
PLACES = 16
#: rounds in which films are drawn by taste; what is missing then, is drawn evenly
TASTE_ROUNDS = 4
#: of the impression a film leaves, in units: between ratings 1 to 5
RATING_CUTS = np.array([-102, 64, 333, 653])
#: of 100 events begin a session; the days of the pauses between a person's sessions, together
NEW_SESSION, ALL_PAUSES = 12, 2_000

Ints = NDArray[np.int64]


def normal(rng: np.random.Generator, *shape: int) -> Ints:
    """Draw whole numbers that are nearly normal, with a standard deviation of `UNIT`."""
    total = rng.integers(0, 256, (12, *shape), dtype=np.uint8).sum(axis=0, dtype=np.int64)
    drawn: Ints = total - 1530
    return drawn


@dataclass(frozen=True)
class Films:
    """What is known of films: `traits`, shape (n, DIMENSIONS), and `quality` in units.

    Parameters
    ----------
    places
        Films by popularity: one that is drawn twice as often stands there twice as often.
    turn
        Shape (n,): the order in which films get the event that each of them has.
    """

    traits: FloatArray
    quality: Ints
    places: IntArray
    turn: IntArray
    columns: dict[str, Column]


def make_films(rng: np.random.Generator, n: int) -> Films:
    """Make films with one to three genres, some genres far more often, and a long tail."""
    table = np.repeat(np.arange(len(GENRES)), 720 // (2 + rng.permutation(len(GENRES))))
    drawn = table[rng.integers(0, len(table), (n, 3))]
    size = np.array([1, 1, 2, 2, 3])[rng.integers(0, 5, n)]
    member = np.zeros((n, len(GENRES)), dtype=np.bool_)
    for place in range(3):
        some = np.flatnonzero(size > place)
        member[some, drawn[some, place]] = True
    directions = normal(rng, len(GENRES), DIMENSIONS)
    mean = (member @ directions) / member.sum(axis=1, keepdims=True)
    traits = np.rint(mean + normal(rng, n, DIMENSIONS) * 0.6).astype(np.float32)
    rank = rng.permutation(n)
    offset = OFFSET * (n / OFFSET_ITEMS) ** 0.5  # a square root is the same everywhere
    share = power((rank + offset) / offset, -POPULARITY_EXPONENT)
    whole = (share * 2**32).astype(np.int64)
    times = np.maximum(1, PLACES * n * whole // int(whole.sum()))
    places = np.repeat(np.arange(n, dtype=np.int32), times)
    # better known films are a little better: an eighth of a unit per halving of the rank
    better = (n.bit_length() - 2 - np.frexp(rank + 1.0)[1]).astype(np.int64) * (UNIT // 8)
    quality = normal(rng, n) // 2 + better
    turn = rng.permutation(n).astype(np.int32)
    return Films(traits, quality, places, turn, _film_columns(rng, member))


def _film_columns(rng: np.random.Generator, member: NDArray[np.bool_]) -> dict[str, Column]:
    n = len(member)
    first, second = rng.integers(0, len(FIRST_WORDS), n), rng.integers(0, len(SECOND_WORDS), n)
    age = rng.integers(0, 20, (4, n)).min(axis=0) * 4 + rng.integers(0, 4, n)
    years = 2000 - age
    titles = [
        f"Made-up Film {number}: {FIRST_WORDS[a]} {SECOND_WORDS[b]} ({year})"
        for number, a, b, year in zip(
            range(1, n + 1), first.tolist(), second.tolist(), years.tolist(), strict=True
        )
    ]
    order = np.argsort(np.array(GENRES), kind="stable")
    _, codes = np.nonzero(member[:, order])
    return {
        "title": Text(np.array(titles, dtype=np.str_)),
        "year": Numeric(years.astype(np.float32)),
        "genres": MultiCategorical(
            np.append(0, np.cumsum(member.sum(axis=1))).astype(np.int64),
            codes.astype(np.int32),
            np.array(sorted(GENRES), dtype=np.str_),
        ),
    }


@dataclass(frozen=True)
class People:
    """Attributes of people, shape (n,) each, as codes; `groups` has tastes of age and gender."""

    age: IntArray
    gender: IntArray
    occupation: IntArray
    zip: IntArray
    groups: Ints

    @classmethod
    def empty(cls, rng: np.random.Generator, n: int) -> People:
        """Make room for n people."""
        groups = normal(rng, 2 * len(AGE_ORDER), DIMENSIONS)
        age, gender, occupation, zips = (np.empty(n, np.int32) for _ in range(4))
        return cls(age, gender, occupation, zips, groups)

    def draw(self, rng: np.random.Generator, users: slice) -> FloatArray:
        """Draw some people; give their tastes, whole numbers, shape (n, PHASES, DIMENSIONS)."""
        n = users.stop - users.start
        of_ages = np.repeat(np.arange(len(AGE_ORDER)), (4, 18, 35, 20, 9, 8, 6))
        self.age[users] = of_ages[rng.integers(0, 100, n)]
        self.gender[users] = rng.integers(0, 100, n) >= 28
        self.occupation[users] = rng.integers(0, len(OCCUPATIONS), n)
        self.zip[users] = rng.integers(0, 990, n)
        start = normal(rng, n, DIMENSIONS)
        start += self.groups[2 * self.age[users] + self.gender[users]] // 2
        end = (7 * start + 7 * normal(rng, n, DIMENSIONS)) // 10
        moment = np.arange(PHASES)[:, None]
        path = start[:, None] * (PHASES - 1 - moment) + end[:, None] * moment
        length = np.sqrt((path * path).sum(axis=2, keepdims=True).astype(np.float64))
        tastes: FloatArray = np.rint(path * TASTE / np.maximum(length, 1)).astype(np.float32)
        return tastes

    def columns(self) -> dict[str, Column]:
        """Give the columns, their words in the order of MovieLens."""
        jobs = sorted(OCCUPATIONS)
        place = np.array([jobs.index(job) for job in OCCUPATIONS], dtype=np.int32)
        zips = [f"{number:03d}00" for number in range(10, 1000)]
        return {
            "age": Categorical(self.age, np.array(AGE_ORDER)),
            "gender": Categorical(self.gender, np.array(["F", "M"])),
            "occupation": Categorical(place[self.occupation], np.array(jobs)),
            "zip": Categorical(self.zip, np.array(zips)),
        }


class Events:
    """The events of some people, each person's in the order in which they happen.

    Parameters
    ----------
    counts
        Shape (n,): how many events each has.
    tastes
        Shape (n, PHASES, DIMENSIONS).
    """

    def __init__(
        self, rng: np.random.Generator, counts: Ints, tastes: FloatArray, films: Films
    ) -> None:
        self.rng, self.counts, self.films = rng, counts, films
        self.user = np.repeat(np.arange(len(counts)), counts)
        first = np.cumsum(counts) - counts
        self.place = np.arange(len(self.user)) - first[self.user]
        phase = self.place * PHASES // counts[self.user]
        self.taste = self.user * PHASES + phase
        self.tastes = tastes.reshape(-1, tastes.shape[2])
        steps = np.arange(-FAR, FAR + 1)
        # a film's chance, at most 2^29: sums of a few are far below 2^63
        self.chance = (exp2(steps * (TASTE_LOG2 / STEPS)) * 2**16).astype(np.int64)

    def choose(self, given: IntArray) -> IntArray:
        """Choose a film for each event, no film twice for a person.

        Parameters
        ----------
        given
            Films that some event must have, as many as there are events at most; all different.
        """
        n_films = len(self.films.quality)
        chosen = np.empty(len(self.user), np.int32)
        fixed = np.arange(len(given)) * len(chosen) // max(len(given), 1)
        chosen[fixed] = given
        taken = np.sort(self.user[fixed] * n_films + given)
        is_open = np.ones(len(chosen), np.bool_)
        is_open[fixed] = False
        rest, turn = np.flatnonzero(is_open), 0
        while len(rest):
            drawn = self._drawn(rest) if turn < TASTE_ROUNDS else self._even(len(rest))
            keys = self.user[rest] * n_films + drawn
            _, first = np.unique(keys, return_index=True)  # the first place of each: stable
            is_new = np.zeros(len(rest), np.bool_)
            is_new[first] = True
            if len(taken):
                near = np.minimum(np.searchsorted(taken, keys), len(taken) - 1)
                is_new &= taken[near] != keys
            chosen[rest[is_new]] = drawn[is_new]
            taken = np.sort(np.concatenate([taken, keys[is_new]]), kind="stable")
            rest, turn = rest[~is_new], turn + 1
        return chosen

    def _even(self, n: int) -> IntArray:
        return self.rng.integers(0, len(self.films.quality), n, dtype=np.int32)

    def _drawn(self, events: Ints) -> IntArray:
        """Draw films by popularity, and take one of a few by the taste of the moment."""
        drawn = np.empty(len(events), np.int32)
        for start in range(0, len(events), BLOCK_EVENTS):
            some = events[start : start + BLOCK_EVENTS]
            places = self.rng.integers(0, len(self.films.places), (CHOICES, len(some)))
            films = self.films.places[places]
            affinity = self._affinity(some, films)
            step = np.clip(affinity // (UNIT * TASTE // STEPS), -FAR, FAR) + FAR
            upto = np.cumsum(self.chance[step], axis=0)
            dart = (self.rng.integers(0, 2**32, len(some)) * (upto[-1] >> 4)) >> 28
            choice = (upto <= dart).sum(axis=0).clip(max=CHOICES - 1)
            drawn[start : start + len(some)] = films[choice, np.arange(len(some))]
        return drawn

    def _affinity(self, events: Ints, films: IntArray) -> Ints:
        """How much each film pleases at an event, shape of `films`, whose last axis is events.

        Whole numbers below 2^24 throughout, which float32 adds up exactly in any order.
        """
        tastes = self.tastes[self.taste[events]]
        traits = self.films.traits[films]
        affinity: Ints = np.einsum("...nd,nd->...n", traits, tastes).astype(np.int64)
        return affinity

    def rate(self, films: IntArray) -> FloatArray:
        """Rate the films of all events by taste, quality, and how generous a person is."""
        generous = normal(self.rng, len(self.counts)) * 2 // 5
        ratings = np.empty(len(films), np.float32)
        for start in range(0, len(films), BLOCK_EVENTS):
            some = np.arange(start, min(start + BLOCK_EVENTS, len(films)))
            mine = films[some]
            impression = self._affinity(some, mine) // TASTE + self.films.quality[mine]
            impression += generous[self.user[some]] + normal(self.rng, len(some)) * 4 // 5
            ratings[some] = 1 + np.searchsorted(RATING_CUTS, impression)
        return ratings

    def date(self) -> TimeArray:
        """Date events in sessions, days apart; some in one session share a second."""
        n = len(self.user)
        start = FIRST_DAY + self.rng.integers(0, 700 * DAY, len(self.counts))
        sessions = np.maximum(self.counts * NEW_SESSION // 100, 1)
        longest = np.minimum(40, ALL_PAUSES // sessions) * DAY + DAY
        pause = self.rng.integers(0, 2**31, n) * longest[self.user] >> 31
        is_new = self.rng.integers(0, 100, n) < NEW_SESSION
        step = np.where(is_new, pause, self.rng.integers(0, 45, n))
        total = np.cumsum(step)
        first = np.cumsum(self.counts) - self.counts
        before = total[first] - step[first]
        times: TimeArray = start[self.user] + total - before[self.user]
        return times
