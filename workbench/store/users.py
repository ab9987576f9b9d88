"""The users and items of a prepared data set, from its browse.sqlite (data/README.md)."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from recsys_core.reading import parse_json, shorten
from workbench.store.database import connect
from workbench.store.files import StoreError, damaged
from workbench.store.items import BROWSE, TABLES, Item, genres_of, parse_attributes

#: so many ids are offered for one that does not exist
_NEAR = 4


@dataclass(frozen=True, slots=True)
class User:
    """One user: number, original id, number of events, and what is known."""

    number: int
    user_id: str
    events: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """What a user did: rating None where the set has none, time (seconds since 1970) likewise.

    `type` is what the set calls it, such as ``"buy"``; empty where it has no types.
    """

    item: int
    rating: float | None
    time: int | None
    type: str = ""


@dataclass(frozen=True, slots=True)
class Fan:
    """A user who knows an item, and how it was rated."""

    user: int
    rating: float | None


class Browse:
    """A prepared data set, read as it is asked for; usable from one thread at a time.

    Parameters
    ----------
    fingerprint
        What the set must be; None: whatever is there. The numbers of another set would mean other
        users and items.

    Raises
    ------
    StoreError
        The set is not there, is damaged, or is another one by now.
    """

    def __init__(self, data_dir: Path, name: str, fingerprint: str | None = None) -> None:
        self.path = data_dir / name / BROWSE
        self.name = name
        self._again = f"prepare it again: recsys-workbench data fetch {name}, or data import PATH"
        if not self.path.exists():
            raise StoreError(f"data set '{name}' is not in {data_dir}", self._again)
        self._database = connect(self.path, TABLES, remedy=self._again, any_thread=True)
        meta = dict(self.query("SELECT key, value FROM meta"))
        self.fingerprint = str(meta.get("fingerprint", ""))
        if fingerprint is not None and self.fingerprint != fingerprint:
            self.close()
            raise StoreError(
                f"data set '{name}' in {data_dir} is not the one the run was trained on",
                "choose the run's --data-dir, or train again",
            )
        with self.damage_told():
            self.explicit = bool(parse_json(meta.get("explicit", "true")))
            self.labelled = bool(parse_json(meta.get("labelled", "false")))
            self.timed = bool(parse_json(meta.get("timed", "true")))
            self.synthetic = bool(parse_json(meta.get("synthetic", "false")))
            self.types = [*map(str, parse_json(meta.get("types", "[]")))]
        self._items: dict[int, Item] = {}

    @property
    def rated(self) -> bool:
        """Whether its events have ratings: no labels, and not nothing."""
        return self.explicit and not self.labelled

    def again(self) -> Self:
        """Open the same set once more, for another thread."""
        return type(self)(self.path.parents[1], self.name, self.fingerprint)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a SELECT.

        Raises
        ------
        StoreError
            The file is damaged.
        """
        with self.damage_told(), closing(self._database.execute(sql, values)) as cursor:
            return cursor.fetchall()  # a third of the time of `rows`

    def rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run a SELECT like `query`, a row at a time: thousands of them are never held at once."""
        with self.damage_told(), closing(self._database.execute(sql, values)) as cursor:
            yield from cursor

    @contextmanager
    def damage_told(self) -> Iterator[None]:
        """Name the file where what is read inside the block is not what it should be."""
        try:
            yield
        except (sqlite3.DatabaseError, ValueError, TypeError, IndexError) as error:
            raise damaged(self.path, shorten(error), self._again) from error

    def attributes(self, text: str) -> Mapping[str, Any]:
        """Take attributes of a user or an item apart.

        Raises
        ------
        StoreError
            They are no JSON object.
        """
        with self.damage_told():
            return parse_attributes(text)

    # Users

    def __len__(self) -> int:
        """Count the users."""
        return int(self.query("SELECT count(*) FROM users")[0][0])

    def find_user(self, user_id: str) -> User:
        """Look up a user by original id.

        Raises
        ------
        StoreError
            There is none; the ids near it are named.
        """
        found = self.query("SELECT user FROM users WHERE user_id = ?", (user_id,))
        if found:
            return self.user(found[0][0])
        near = self._near(user_id)
        raise StoreError(
            f"no user '{user_id}' in data set '{self.name}'",
            f"ids near it: {', '.join(near)}; find users with: recsys-workbench user"
            " --find 'min-history=50'",
        )

    def _near(self, user_id: str) -> list[str]:
        """Ids that begin like `user_id`, those first that share more of it."""
        near: dict[str, None] = {}
        for length in range(len(user_id), -1, -1):
            start = user_id[:length]
            rows = self.query(
                "SELECT user_id FROM users WHERE user_id >= ? AND user_id < ?"
                " ORDER BY length(user_id), user_id LIMIT ?",
                (start, start + "\U0010ffff", _NEAR),
            )
            near |= dict.fromkeys(row[0] for row in rows)
            if len(near) >= _NEAR:
                break
        return list(near)[:_NEAR]

    def user(self, number: int) -> User:
        """Read a user by number."""
        return self.users([number])[0]

    def users(self, numbers: Sequence[int]) -> list[User]:
        """Read users by number, in the order asked for."""
        rows = self.query(
            "SELECT user, user_id, events, attributes FROM users"
            " WHERE user IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        found = {
            number: User(number, name, events, self.attributes(text))
            for number, name, events, text in rows
        }
        unknown = next((number for number in numbers if number not in found), None)
        if unknown is not None:
            raise damaged(self.path, f"there is no user number {unknown}", self._again)
        return [found[number] for number in numbers]

    def history(self, user: int) -> list[Event]:
        """Read a user's events, oldest first."""
        rows = self.query(
            "SELECT items, ratings, timestamps FROM histories WHERE user = ?", (user,)
        )
        if not rows:
            return []
        items, ratings, times = rows[0]
        with self.damage_told():
            columns = numbers(items, "i"), numbers(ratings, "f"), numbers(times, "q")
            return [
                Event(item, rating if self.explicit else None, time if self.timed else None, kind)
                for item, rating, time, kind in zip(
                    *columns, self._types_of(user, len(columns[0])), strict=True
                )
            ]

    def _types_of(self, user: int, count: int) -> Sequence[str]:
        """Name the types of a user's `count` events; a type that is missing is empty."""
        if not self.types:
            return [""] * count
        codes = self.query("SELECT types FROM types WHERE user = ?", (user,))[0][0]
        return [self.types[code] if code >= 0 else "" for code in numbers(codes, "i")]

    # Items

    def find_item(self, item_id: str) -> int:
        """Look up an item by original id.

        Raises
        ------
        StoreError
            There is none.
        """
        found = self.query("SELECT item FROM items WHERE item_id = ?", (item_id,))
        if not found:
            raise StoreError(
                f"no item '{item_id}' in data set '{self.name}'", "give an original id"
            )
        return int(found[0][0])

    def item_called(self, text: str) -> int:
        """Look up an item by original id or by title: whole words that one title alone has.

        Raises
        ------
        StoreError
            There is none, or several have the words.
        """
        with suppress(StoreError):
            return self.find_item(text)
        wanted = _words(text)
        titles = {item: self.item(item).name for item in self.search_items(text) if wanted}
        found = [item for item, title in titles.items() if wanted <= _words(title)]
        whole = [item for item in found if titles[item].lower() == text.strip().lower()]
        if len(whole or found) == 1:
            return (whole or found)[0]
        if not found:
            raise StoreError(
                f"no item '{shorten(text)}' in data set '{self.name}'",
                "give an original id, or words of a title in quotes",
            )
        names = ", ".join(f"'{shorten(titles[item])}'" for item in found[:3])
        raise StoreError(f"'{shorten(text)}' is in {len(found)} titles", f"say which: {names}, …")

    def search_items(self, text: str) -> list[int]:
        """Find items whose title has all words of `text`, or whose id it is; best known first."""
        words = [_escaped(word) for word in text.split()]
        likes = " AND ".join(["title LIKE ? ESCAPE '!'"] * len(words)) or "1"
        rows = self.query(
            f"SELECT item FROM items WHERE {likes} OR item_id = ? ORDER BY events DESC, item",  # noqa: S608
            (*(f"%{word}%" for word in words), text.strip()),
        )
        return [row[0] for row in rows]

    def item(self, number: int) -> Item:
        """Read an item by number."""
        return self.items([number])[number]

    def items(self, wanted: Iterable[int]) -> dict[int, Item]:
        """Read items by number; they are kept."""
        missing = [number for number in dict.fromkeys(wanted) if number not in self._items]
        if missing:
            self._keep_items(
                self.query(
                    "SELECT item, item_id, title, attributes FROM items"
                    " WHERE item IN (SELECT value FROM json_each(?))",
                    (json.dumps(missing),),
                )
            )
        return self._items

    def all_items(self) -> dict[int, Item]:
        """Read every item, once."""
        total = self.query("SELECT count(*) FROM items")[0][0]
        if len(self._items) < total:
            self._keep_items(self.query("SELECT item, item_id, title, attributes FROM items"))
        return self._items

    def _keep_items(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for number, item_id, title, text in rows:
            with self.damage_told():
                self._items[number] = Item(number, item_id, title, genres_of(text))

    def popularity(self, wanted: Sequence[int]) -> dict[int, int]:
        """Count the events of items by number."""
        return dict(
            self.query(
                "SELECT item, events FROM items WHERE item IN (SELECT value FROM json_each(?))",
                (json.dumps(list(wanted)),),
            )
        )

    def most_popular(self, k: int, without: Iterable[int] = ()) -> list[tuple[int, int]]:
        """List the items with the most events: (item, events), most first."""
        left_out = set(without)
        rows = self.query(
            "SELECT item, events FROM items ORDER BY events DESC, item LIMIT ?",
            (k + len(left_out),),
        )
        return [(item, events) for item, events in rows if item not in left_out][:k]

    def fans(self, item: int, limit: int) -> list[Fan]:
        """Find users whose history has an item, at most `limit`, in the order of their numbers."""
        found: list[Fan] = []
        for user, ratings in self._events_with(item):
            found.append(Fan(user, ratings[0]))
            if len(found) == limit:
                break
        return found

    def ratings_of(self, item: int) -> list[float | None]:
        """Read the rating of every event with an item; None each where the set has none."""
        return [rating for _, ratings in self._events_with(item) for rating in ratings]

    def _events_with(self, item: int) -> Iterator[tuple[int, list[float | None]]]:
        """Find the users whose history has an item, and how it is rated each time."""
        wanted = item.to_bytes(4, "little")
        # a byte search before any array is made: most histories do not have the item
        for user, items, ratings in self.rows(
            "SELECT user, items, ratings FROM histories ORDER BY user"
        ):
            places = list(_places(items, wanted))
            if places:
                values = numbers(ratings, "f") if self.explicit else None
                yield user, [None if values is None else values[place] for place in places]


def numbers(content: bytes, kind: str) -> array[Any]:
    """Read a little-endian array: ``"i"`` int32, ``"f"`` float32, ``"q"`` int64."""
    values = array(kind)
    values.frombytes(content)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _escaped(word: str) -> str:
    """Make % and _ mean themselves in LIKE."""
    return "".join(f"!{letter}" if letter in "!%_" else letter for letter in word)


def _places(content: bytes, wanted: bytes) -> Iterator[int]:
    """Find the places of a four-byte number in an array of them."""
    at = content.find(wanted)
    while at >= 0:
        if at % 4 == 0:
            yield at // 4
        at = content.find(wanted, at + 1)
