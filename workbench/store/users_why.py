"""Why an item may have been recommended, told from the data alone: no model is loaded.

A recommended item is tied to an item of the history by the users who know both: the cosine
``n_ij / sqrt(n_i n_j)`` of the two columns of the user-item matrix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from workbench.store.items import Item
from workbench.store.users import Browse, numbers

#: events that are counted at most; of a larger set every n-th user is taken
EVENTS = 2_000_000
#: the latest items of the history that are looked at
LATEST = 100


@dataclass(frozen=True, slots=True)
class Tie:
    """An item of the history and how strongly it is tied to the recommended one."""

    item: int
    weight: float


def ties(
    browse: Browse, recommended: Iterable[int], history: Sequence[int], n: int = 3
) -> dict[int, tuple[Tie, ...]]:
    """Find, for each recommended item, the items of the history most tied to it.

    Parameters
    ----------
    history
        Items by number, oldest first.
    n
        At most so many an item.
    """
    wanted, latest = set(recommended), set(history[-LATEST:])
    audiences = _audiences(browse, wanted | latest)
    sizes = {item: users.bit_count() for item, users in audiences.items()}
    found = {}
    for item in wanted:
        shared = ((other, (audiences[item] & audiences[other]).bit_count()) for other in latest)
        near = [
            Tie(other, both / sqrt(sizes[item] * sizes[other]))
            for other, both in shared
            if both and other != item
        ]
        near.sort(key=lambda tie: (-tie.weight, tie.item))
        found[item] = tuple(near[:n])
    return found


def _audiences(browse: Browse, wanted: set[int]) -> dict[int, int]:
    """Collect who knows each item, as the bits of a number: two of them meet in one step."""
    users, events = browse.query("SELECT count(*), sum(events) FROM users")[0]
    step = 1 + (events or 0) // EVENTS
    rows = browse.query("SELECT items FROM histories WHERE user % ? = 0", (step,))
    bits = {item: bytearray(users // step // 8 + 1) for item in wanted}
    for place, (items,) in enumerate(rows):
        byte, bit = place >> 3, 1 << (place & 7)
        for item in wanted.intersection(numbers(items, "i")):
            bits[item][byte] |= bit
    return {item: int.from_bytes(content, "little") for item, content in bits.items()}


def genre_shares(items: Iterable[Item]) -> dict[str, float]:
    """Compute the share of items that have each genre, the most frequent first.

    Examples
    --------
    >>> genre_shares([Item(0, "a", "", ("War", "Drama")), Item(1, "b", "", ("War",))])
    {'War': 1.0, 'Drama': 0.5}
    """
    listed = list(items)
    counts = Counter(genre for item in listed for genre in dict.fromkeys(item.genres))
    order = sorted(counts, key=lambda genre: (-counts[genre], genre))
    return {genre: counts[genre] / len(listed) for genre in order}


def shared_genres(item: Item, profile: Mapping[str, float]) -> tuple[str, ...]:
    """List the genres of `item` that the history has, those with the largest share first."""
    found = [genre for genre in dict.fromkeys(item.genres) if profile.get(genre)]
    return tuple(sorted(found, key=lambda genre: -profile[genre]))
