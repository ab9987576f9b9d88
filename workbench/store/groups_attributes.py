"""Groups of users and of items: what a prepared data set says of them, cut into a few parts."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from recsys_core.errors import unknown_name
from recsys_core.reading import parse_json
from recsys_core.values import counted
from workbench.store.users import Browse
from workbench.store.users_question import ORDERS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Side = Literal["user", "item"]
#: numbers with more values than this are cut at their quartiles
MOST_NUMBERS = 10
#: texts beyond the most frequent ones are one group
MOST_TEXTS = 24
_QUARTERS = (0.25, 0.5, 0.75)
#: words of the search for users that no attribute can be asked by
_TAKEN = {"genre", "rated", "liked", "min-history", "max-history", *ORDERS}
_USABLE = """SELECT key, max(type = 'array'), min(type IN ('integer', 'real')), count(*),
count(DISTINCT value) FROM {side}s, json_each(attributes) GROUP BY key ORDER BY key"""
_VALUES = """SELECT {side}, value, type FROM {side}s, json_each(attributes)
WHERE key = ? ORDER BY {side}"""
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Attribute:
    """What divides users or items.

    Parameters
    ----------
    name
        As it is asked for and shown.
    key
        In the data set's table; empty for what is counted: ``activity``, ``popularity``.
    """

    name: str
    side: Side
    key: str = ""


ACTIVITY = Attribute("activity", "user")
POPULARITY = Attribute("popularity", "item")


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the users or items.

    Parameters
    ----------
    kind
        ``value`` or ``range`` of the attribute; ``rest``: the less frequent values together;
        ``unknown``: those without one.
    size
        How many of the data set belong to it.
    search
        The question that finds these users; empty for items, and where there is none.
    """

    name: str
    kind: Literal["value", "range", "rest", "unknown"]
    size: int
    search: str = ""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups of an attribute.

    Parameters
    ----------
    groups, members
        Each group, and the numbers of those in it.
    overlapping
        Whether some are in several, as a film of two genres is.
    note
        How it was cut; empty where each value is a group.
    """

    attribute: Attribute
    groups: tuple[Group, ...]
    members: tuple[NDArray[np.int64], ...]
    overlapping: bool = False
    note: str = ""


def find_attribute(attributes: Sequence[Attribute], name: str) -> Attribute:
    """Look an attribute up by name.

    Raises
    ------
    InputError
        There is none; the nearest is offered.
    """
    found = {attribute.name: attribute for attribute in attributes}
    if name not in found:
        raise unknown_name("attribute", name, found)
    return found[name]


def read_attributes(browse: Browse) -> list[Attribute]:
    """List what can divide the users and the items of a set.

    Texts that nearly every row has one of its own of are left out: ids, zip codes, descriptions.
    """
    users, items = (
        [key for key in _usable(browse, side) if (side, key) != ("item", "title")]
        for side in ("user", "item")
    )
    named = {ACTIVITY.name, POPULARITY.name}
    found: list[Attribute] = []
    for side, keys in (("user", users), ("item", items)):
        for key in keys:
            name = "genre" if (side, key) == ("item", "genres") else key
            name = f"{side}:{name}" if name in named else name
            named.add(name)
            found.append(Attribute(name, "user" if side == "user" else "item", key))
        found.append(ACTIVITY if side == "user" else POPULARITY)
    return found


def _usable(browse: Browse, side: str) -> list[str]:
    rows = browse.query(_USABLE.format(side=side))
    return [
        str(key)
        for key, lists, numbers, known, distinct in rows
        if lists or numbers or distinct <= max(MOST_TEXTS, known / 2)
    ]


def read_grouping(browse: Browse, attribute: Attribute) -> Grouping:
    """Cut the users or the items of a set by an attribute, but not items by popularity."""
    if attribute == ACTIVITY:
        rows = browse.query("SELECT user, events FROM users ORDER BY user")
        return _by_number(attribute, [row[0] for row in rows], [row[1] for row in rows], 0)
    side = attribute.side
    rows = browse.query(_VALUES.format(side=side), (attribute.key,))
    total = int(browse.query(f"SELECT count(*) FROM {side}s")[0][0])  # noqa: S608
    with browse.damage_told():
        if rows and all(kind in ("integer", "real") for _, _, kind in rows):
            numbers = [float(value) for _, value, _ in rows]
            return _by_number(attribute, [row[0] for row in rows], numbers, total)
        return _by_text(attribute, rows, total)


def _by_number(
    attribute: Attribute, who: Sequence[int], values: Sequence[float], total: int
) -> Grouping:
    """Make a group of each number, or of each quarter where there are many.

    Equal numbers are in one group, so that quarters may differ in size.
    """
    import numpy as np

    number, value = np.array(who, dtype=np.int64), np.array(values, dtype=np.float64)
    edges = np.unique(value)
    note = ""
    if len(edges) > MOST_NUMBERS:
        edges = np.unique(np.quantile(value, [*_QUARTERS, 1]))
        kind = "users" if attribute.side == "user" else "items"
        note = f"cut at the quartiles of the data set's {kind}; equal numbers stay together"
    code = np.searchsorted(edges, value)
    groups, members = [], []
    for place in range(len(edges)):
        mine = code == place
        if mine.any():
            low, high = value[mine].min(), value[mine].max()
            groups.append(_range(attribute, float(low), float(high), int(mine.sum())))
            members.append(number[mine])
    return _with_unknown(attribute, groups, members, total, False, note)


def _range(attribute: Attribute, low: float, high: float, size: int) -> Group:
    name = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
    if attribute == ACTIVITY:
        search = f"min-history={low:.0f} max-history={high:.0f}"
    else:
        search = _conditions(attribute, (">=", f"{low!r}"), ("<=", f"{high!r}"))
    return Group(name, "value" if low == high else "range", size, search)


def _conditions(attribute: Attribute, *conditions: tuple[str, str]) -> str:
    """Write what finds these users; nothing finds items, or a name that is a word of its own."""
    key = attribute.key
    if attribute.side == "item" or key in _TAKEN or re.search("[<>=@]", key):
        return ""
    return " ".join(shlex.quote(f"{key}{sign}{value}") for sign, value in conditions)


def _by_text(attribute: Attribute, rows: Sequence[tuple[Any, ...]], total: int) -> Grouping:
    import numpy as np

    lists: dict[str, list[str]] = {}
    by_value: dict[str, list[int]] = {}
    overlapping = False
    for number, value, kind in rows:
        if kind == "array":
            if value not in lists:
                lists[value] = list(dict.fromkeys(map(str, parse_json(value))))
            values = lists[value]
            overlapping = overlapping or len(values) > 1
        else:
            values = [str(value)]
        for one in values:
            by_value.setdefault(one, []).append(number)
    sizes = Counter({name: len(who) for name, who in by_value.items()})
    shown = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_TEXTS]
    left = sorted(sizes.keys() - set(shown))
    if all(map(_NUMBER.search, shown)):
        shown.sort(key=_by_its_number)
    groups = [
        Group(name, "value", sizes[name], _conditions(attribute, ("=", name))) for name in shown
    ]
    members = [np.array(by_value[name], dtype=np.int64) for name in shown]
    notes = []
    if left:
        rest = np.unique(np.concatenate([np.array(by_value[name]) for name in left]))
        groups.append(Group(f"{counted(len(left), 'other value')}", "rest", len(rest)))
        members.append(rest)
        notes.append(f"the {len(shown)} most frequent values; the others together")
    if overlapping:
        kind = "a user" if attribute.side == "user" else "an item"
        notes.append(f"{kind} with several values counts in each of them")
    return _with_unknown(attribute, groups, members, total, overlapping, "; ".join(notes))


def _by_its_number(name: str) -> tuple[int, bool, str]:
    """Sort ``under 18`` before ``18-24``."""
    found = _NUMBER.search(name)
    return int(found[0]) if found else 0, name[:1].isdigit(), name


def _with_unknown(
    attribute: Attribute,
    groups: Iterable[Group],
    members: Sequence[NDArray[np.int64]],
    total: int,
    overlapping: bool,
    note: str,
) -> Grouping:
    """Add those without a value, if there are any."""
    import numpy as np

    known = np.zeros(total, dtype=bool)
    for who in members if total else ():
        known[who] = True
    unknown = np.flatnonzero(~known)
    found = tuple(groups)
    if len(unknown):
        found = (
            *found,
            Group("unknown", "unknown", len(unknown), _conditions(attribute, ("=", ""))),
        )
        members = (*members, unknown)
    return Grouping(attribute, found, tuple(members), overlapping, note)


def popularity_grouping(strata: NDArray[np.integer], names: Sequence[str]) -> Grouping:
    """Group items by popularity, each a number of `names`."""
    import numpy as np

    members = tuple(np.flatnonzero(strata == place) for place in range(len(names)))
    groups = tuple(Group(name, "value", len(who)) for name, who in zip(names, members, strict=True))
    note = "by train rows: the most popular items with a third of them, the next third, the rest"
    return Grouping(POPULARITY, groups, members, note=note)
