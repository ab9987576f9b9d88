"""Statistics of what happened before a row: one registered function each.

A statistic takes the `Past` of all rows at once and returns one number per row. It serves users'
and items' histories alike, and, with ``by``, the part that shares an attribute with the row:

    {name: user_mean, source: user-history, kind: numeric, column: rating_mean}
    {name: film_mean, source: item-history, kind: numeric, column: rating_mean}
    {name: taste, source: user-history, kind: numeric, column: rating_mean, by: genres}

A new one is a function; its name can be used in a schema at once:

>>> @register_statistic("lowest_half", title="share of ratings below 2.5")
... def lowest_half(past: Past) -> Vector:
...     return past.mean(lambda known: known.rating < 2.5)

Sums over everybody's events are kept from request to request when what is summed is a function of
the module, like `rating` here, instead of a lambda.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, FloatArray, IntArray, MultiCategorical, TimeArray
from recsys_core.errors import InputError
from recsys_core.extensions import (
    REMEDY,
    foreign_code,
    if_it_fails,
    is_own,
    load_extensions,
    registered_twice,
)
from recsys_core.features.known import Attribute, Known, Owner
from recsys_core.features.past import SECONDS_A_DAY, Past, Vector, Views, divide

SECONDS_A_YEAR = 365.25 * SECONDS_A_DAY
#: a variance that is less than this share of a mean square is one of equal numbers
ROUNDING = 1e-9
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
    only_counts
        Whether it only counts events: the scope `others` is for counts alone. Any statistic of
        ratings or times gives the row's own label away when the row is left out of its total.
    looks_ahead
        Whether it depends on events after the row's: it is for the scope `known` alone.
    timeless
        Whether the events say it all, whenever is asked: with the scope `known` it is then worked
        out for all items once.
    """

    title: str
    compute: Compute
    only_counts: bool = False
    looks_ahead: bool = False
    timeless: bool = False


STATISTICS: dict[str, Statistic] = {}


def register_statistic(
    name: str,
    *,
    title: str,
    only_counts: bool = False,
    looks_ahead: bool = False,
    timeless: bool = False,
) -> Callable[[Compute], Compute]:
    """Register the decorated function, one number per row, under `name`.

    The parameters are those of `Statistic`.

    Raises
    ------
    InputError
        The name is taken.
    """

    def decorate(compute: Compute) -> Compute:
        taken = STATISTICS.get(name)
        if taken is not None and taken.compute.__module__ != compute.__module__:
            modules = (taken.compute.__module__, compute.__module__)
            raise registered_twice("statistic", name, *modules)
        STATISTICS[name] = Statistic(title, compute, only_counts, looks_ahead, timeless)
        if_it_fails(lambda: STATISTICS.pop(name, None))
        return compute

    return decorate


def find_statistic(name: str) -> Statistic | None:
    """Look up a statistic by name, extensions included; None where there is none."""
    if name not in STATISTICS:
        load_extensions()
    return STATISTICS.get(name)


def statistic_names() -> list[str]:
    """List all statistics, extensions included."""
    load_extensions()
    return list(STATISTICS)


def compute_statistic(name: str, past: Past) -> Vector:
    """Compute a registered statistic of every row.

    Raises
    ------
    InputError
        It is an extension's, and raised anything or returned no number per row.
    """
    compute = STATISTICS[name].compute
    if is_own(compute.__module__):
        return compute(past)
    where = f"statistic '{name}' ({compute.__module__}.{compute.__qualname__})"
    with foreign_code(where):
        values = np.asarray(compute(past))
    n = len(past.queries)
    if values.shape != (n,) or values.dtype.kind not in "biuf":
        found = f"{values.dtype} of shape {values.shape}"
        raise InputError(f"{where} returned {found}, not a number per row, shape ({n},)", REMEDY)
    if np.isinf(values).any():
        raise InputError(f"{where} returned an infinite value", f"NaN is missing; or {REMEDY}")
    return values.astype(np.float64)


def rating(known: Known) -> FloatArray:
    """How each event was rated."""
    return known.rating


def distance(known: Known) -> Vector:
    """How far each rating is from the mean: near zero, squares lose no digits."""
    return known.rating.astype(np.float64) - known.mean_rating


def squared_distance(known: Known) -> Vector:
    """Square of `distance`."""
    return distance(known) ** 2


def relevant(known: Known) -> BoolArray:
    """Whether the protocol counts each event as relevant."""
    return known.relevant


def timestamp(known: Known) -> TimeArray:
    """When each event was."""
    return known.timestamp


def log_events_before(known: Known) -> Vector:
    """log(1 + number of the user's events before each event)."""
    before, _ = _places(known)
    return np.log1p(before)


def place(known: Known) -> Vector:
    """Place of each event in its user's timeline: 0 for the first, 1 for the last."""
    before, length = _places(known)
    return before / np.maximum(length - 1, 1)


def _places(known: Known) -> tuple[TimeArray, TimeArray]:
    timeline = known.timeline("user")
    before, length = np.empty((2, len(known)), dtype=np.int64)
    before[timeline.event], length[timeline.event] = timeline.places()
    return before, length


@register_statistic("count", title="number of events", only_counts=True, timeless=True)
def count(past: Past) -> Vector:
    """How active a user, how popular an item is."""
    return past.count


@register_statistic("rating_mean", title="mean rating", timeless=True)
def rating_mean(past: Past) -> Vector:
    """Mean rating; NaN without events."""
    return past.mean(rating)


@register_statistic("rating_variance", title="variance of the ratings", timeless=True)
def rating_variance(past: Past) -> Vector:
    """Mean squared distance from the mean rating; NaN without events."""
    mean, square = past.mean(distance), past.mean(squared_distance)
    variance: Vector = square - mean**2
    # of equal ratings it is 0, not a rounding error that an edge of a bucket could fall among
    variance[variance < ROUNDING * square] = 0
    return variance


@register_statistic("positive_share", title="share of relevant events", timeless=True)
def positive_share(past: Past) -> Vector:
    """Share of events that the protocol counts as relevant; NaN without events."""
    return past.mean(relevant)


@register_statistic("positive_count", title="number of relevant events", timeless=True)
def positive_count(past: Past) -> Vector:
    """Count the events that the protocol calls relevant."""
    return past.sum(relevant)


@register_statistic("days_since_first", title="days since the first event")
def days_since_first(past: Past) -> Vector:
    """Days from the first event to the row; NaN without events."""
    return (past.queries.timestamp - past.first_time) / SECONDS_A_DAY


@register_statistic("days_since_last", title="days since the last event")
def days_since_last(past: Past) -> Vector:
    """Days from the last event to the row; NaN without events."""
    return (past.queries.timestamp - past.last_time) / SECONDS_A_DAY


@register_statistic("session_count", title="number of events of the last session")
def session_count(past: Past) -> Vector:
    """Count the events less than a day before the last one, itself among them."""
    return past.session_count


@register_statistic("session_share", title="share of the events of the last session")
def session_share(past: Past) -> Vector:
    """Share of `session_count` among all events; NaN without events."""
    return divide(past.session_count, past.count)


@register_statistic(
    "usual_count", title="mean of log(1 + events of the user before each)", timeless=True
)
def usual_count(past: Past) -> Vector:
    """After how many events users come to an item; NaN without events."""
    return past.mean(log_events_before)


@register_statistic(
    "usual_place", title="mean place in users' timelines, 0..1", looks_ahead=True, timeless=True
)
def usual_place(past: Past) -> Vector:
    """Where in the timelines of users an item stands, 0 first, 1 last; NaN without events."""
    return past.mean(place)


@register_statistic("time_gap", title="years from the row to the mean time of the events")
def time_gap(past: Past) -> Vector:
    """Years from the row to the events' mean time, negative when they are past; NaN: no event."""
    return (past.mean(timestamp, "timestamp") - past.queries.timestamp) / SECONDS_A_YEAR


def favourites(views: Views, owner: Owner, column: str, by: Attribute) -> MultiCategorical:
    """Find the three values of an attribute that most of a row's relevant events have.

    Equally frequent values are ordered as in the attribute's vocabulary; a row has fewer than three
    where its relevant events have fewer.

    Parameters
    ----------
    column, by
        An attribute of the items for a user's events, of the users for an item's: name and values.
    """
    most = np.zeros((len(views.queries), FAVOURITES))
    codes = np.full(most.shape, -1, dtype=np.int32)
    for code, counts in enumerate(views.liked_counts(owner, column, by)):
        _insert(most, codes, counts, code)
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
