"""Statistics of what happened before a row: one registered function each.

A statistic takes the `Past` of all rows at once and returns one number a row. It serves users' and
items' histories alike, and, with ``by``, the part of them that shares an attribute with the row:

    {name: user_mean, source: user-history, kind: numeric, column: rating_mean}
    {name: film_mean, source: item-history, kind: numeric, column: rating_mean}
    {name: taste, source: user-history, kind: numeric, column: rating_mean, by: genres}

A new one is a function; its name can be used in a schema at once:

>>> @register_statistic("lowest_half", title="share of ratings below 2.5")
... def lowest_half(past: Past) -> Vector:
...     return past.mean(past.known.rating < 2.5)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import IntArray, MultiCategorical
from recsys_core.errors import InputError
from recsys_core.features.past import Attribute, Owner, Past, Vector, values_of

SECONDS_A_DAY = 86_400
#: values that `favourites` gives at most
FAVOURITES = 3

Compute = Callable[[Past], Vector]


@dataclass(frozen=True)
class Statistic:
    """A registered statistic.

    Parameters
    ----------
    title
        A few words for lists.
    compute
        From the past of n rows to n numbers; NaN is missing.
    counts
        Whether it only counts events: the scope `others` is for counts alone. Any statistic of
        ratings or times gives the row's own label away when the row is left out of its total.
    """

    title: str
    compute: Compute
    counts: bool = False


STATISTICS: dict[str, Statistic] = {}


def register_statistic(
    name: str, *, title: str, counts: bool = False
) -> Callable[[Compute], Compute]:
    """Register the decorated function, one number a row, under `name`.

    Raises
    ------
    InputError
        The name is taken.
    """

    def decorate(compute: Compute) -> Compute:
        taken = STATISTICS.get(name)
        if taken is not None and taken.compute.__module__ != compute.__module__:
            raise InputError(f"statistic '{name}' is registered twice", "rename one of them")
        STATISTICS[name] = Statistic(title, compute, counts=counts)
        return compute

    return decorate


@register_statistic("count", title="number of events", counts=True)
def count(past: Past) -> Vector:
    """How active a user, how popular an item is."""
    return past.count


@register_statistic("rating_mean", title="mean rating")
def rating_mean(past: Past) -> Vector:
    """Mean rating; NaN without events."""
    return past.mean(past.known.rating)


@register_statistic("rating_variance", title="variance of the ratings")
def rating_variance(past: Past) -> Vector:
    """Mean squared distance from the mean rating; NaN without events."""
    rating = past.known.rating.astype(np.float64)
    centre = rating.mean() if len(rating) else 0.0  # near zero, squares lose no digits
    mean, square = past.mean(rating - centre), past.mean((rating - centre) ** 2)
    variance: Vector = np.maximum(square - mean**2, 0)
    return variance


@register_statistic("like_share", title="share of relevant events")
def like_share(past: Past) -> Vector:
    """Share of events that the protocol counts as relevant; NaN without events."""
    return past.mean(past.known.relevant)


@register_statistic("likes", title="number of relevant events")
def likes(past: Past) -> Vector:
    """Count the events that the protocol calls relevant."""
    return past.sum(past.known.relevant)


@register_statistic("days_since_first", title="days since the first event")
def days_since_first(past: Past) -> Vector:
    """Days from the first event to the row; NaN without events."""
    return (past.queries.timestamp - past.first_time) / SECONDS_A_DAY


@register_statistic("days_since_last", title="days since the last event")
def days_since_last(past: Past) -> Vector:
    """Days from the last event to the row; NaN without events."""
    return (past.queries.timestamp - past.last_time) / SECONDS_A_DAY


def favourites(past: Past, owner: Owner, by: Attribute) -> MultiCategorical:
    """Find the three values of an attribute that most of a row's relevant events have.

    Equally frequent values are ordered as in the attribute's vocabulary; a row has fewer than three
    where its relevant events have fewer.

    Parameters
    ----------
    by
        An attribute of the items for a user's events, of the users for an item's.
    """
    event, value = values_of(by, past.known.item if owner == "user" else past.known.user)
    most = np.zeros((len(past.queries), FAVOURITES))
    codes = np.full(most.shape, -1, dtype=np.int32)
    for code in range(len(by.vocabulary)):
        liked = np.zeros(len(past.known), dtype=np.bool_)
        liked[event[value == code]] = True
        _insert(most, codes, past.sum(liked & past.known.relevant), code)
    found = codes >= 0
    offsets = np.concatenate([[0], np.cumsum(found.sum(axis=1))]).astype(np.int64)
    return MultiCategorical(offsets, codes[found], by.vocabulary)


def _insert(most: NDArray[np.float64], codes: IntArray, counts: Vector, code: int) -> None:
    """Put `code` into each row's list, shape (n, places), descending by count; the first stays."""
    new = np.full(len(counts), code, dtype=np.int32)
    in_it = np.zeros(len(counts), dtype=np.bool_)
    for place in range(most.shape[1]):
        in_it |= counts > most[:, place]  # and from its place on all others move down by one
        pushed, pushed_code = most[in_it, place], codes[in_it, place]
        most[in_it, place], codes[in_it, place] = counts[in_it], new[in_it]
        counts[in_it], new[in_it] = pushed, pushed_code
