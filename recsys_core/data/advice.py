"""Command lines that import a table: what to do about columns that nobody can guess."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from recsys_core.data.dialect import plain_name
from recsys_core.data.times import is_date, is_number

ROLES = ("user", "item", "rating", "label", "timestamp", "type")
#: smaller numbers are ratings, larger ones times
_LEAST_TIME = 100_000_000
#: words in names of columns that are probably the user or the item
_LIKELY = {
    "user": ("user", "visitor", "customer", "client", "member", "listener", "reader", "person"),
    "item": ("item", "product", "sku", "article", "movie", "film", "track", "song", "book"),
}
#: names of columns that say what kind of event it is
_TYPES = ("event", "eventtype", "type", "action", "behavior", "behaviour")


def slug(path: Path) -> str:
    """Make a registered name from that of a file or folder.

    Examples
    --------
    >>> slug(Path("/tmp/My Ratings.csv"))
    'my-ratings'
    """
    stem = path.resolve().name.removesuffix(".gz")
    stem = stem.rsplit(".", 1)[0] if "." in stem[1:] else stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:64] or "data"


def import_advice(where: str, cells: Sequence[str], known: Mapping[str, int]) -> str:
    """Write the command that imports a table, with a guess of its columns.

    If no column is left for the user or the item, no command would do: the advice is to add it.

    Parameters
    ----------
    where
        The table; in a zip, the path of the zip and that inside it.
    cells
        Its first line.
    known
        Role -> position, of the columns that have a usual name.

    Examples
    --------
    >>> import_advice("my.csv", ["1", "a", "5"], {}).partition("data import ")[2]
    'my.csv --columns user=1,item=2,rating=3 --name my, then use --dataset my'
    >>> names = ["ts", "visitor", "event", "sku", "price"]
    >>> import_advice("shop.tsv", names, {"timestamp": 0}).split()[9]
    'user=visitor,item=sku,timestamp=ts,type=event'
    """
    places = dict(known)
    numbers = _numbers(cells)
    rest = [place for place in range(len(cells)) if place not in places.values()]
    for role in ("user", "item"):
        if role not in places and not rest:
            return f"every event needs a user and an item: add a column with the {role}"
        if role not in places:
            places[role] = _likeliest(role, cells, rest)
            rest.remove(places[role])
    for place in rest:
        if plain_name(cells[place]) in _TYPES:
            places.setdefault("type", place)
        if place in numbers:
            is_time = numbers[place] >= _LEAST_TIME
            if is_time or "label" not in places:
                places.setdefault("timestamp" if is_time else "rating", place)
    named = not numbers and len(set(cells)) == len(cells) and not any("," in x for x in cells)
    columns = ",".join(
        f"{role}={cells[places[role]] if named else places[role] + 1}"
        for role in ROLES
        if role in places
    )
    path = next((p for p in (Path(where), *Path(where).parents) if p.is_file()), Path(where))
    words = ["data", "import", str(path), "--columns", columns, "--name", slug(path)]
    command = f"recsys-workbench {shlex.join(words)}"
    return f"say which is which: {command}, then use --dataset {slug(path)}"


def _likeliest(role: str, cells: Sequence[str], places: Sequence[int]) -> int:
    """Choose a column with a likely name, else the first that is not likely something else."""
    names = {place: plain_name(cells[place]) for place in places}

    def named(words: Sequence[str]) -> list[int]:
        return [place for place in places if any(word in names[place] for word in words)]

    elsewhere = named([w for other, words in _LIKELY.items() if other != role for w in words])
    elsewhere += [place for place in places if names[place] in (*_TYPES, "price", "quantity")]
    left = [place for place in places if place not in elsewhere]
    return (named(_LIKELY[role]) or left or list(places))[0]


def _numbers(cells: Sequence[str]) -> dict[int, float]:
    """Find the cells that are numbers or dates, by place; a line with such cells is no header."""
    dates = {place: math.inf for place, cell in enumerate(cells) if is_date(cell)}
    return {p: float(cell) for p, cell in enumerate(cells) if is_number(cell)} | dates
