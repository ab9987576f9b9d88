"""The items of a prepared data set as people know them, from its browse.sqlite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys_core.reading import parse_json, shorten
from workbench.store.database import connect
from workbench.store.files import StoreError, damaged
from workbench.store.kinds import list_of
from workbench.store.kinds import text as is_text

BROWSE = "browse.sqlite"
#: its tables
TABLES = ("meta", "users", "items", "histories", "types")
#: so many items are named when a text fits several
_SHOWN = 3


@dataclass(frozen=True)
class Item:
    """One item: its number, its original id, and what is known of it."""

    number: int
    item_id: str
    title: str
    genres: tuple[str, ...]

    @property
    def name(self) -> str:
        """Title, or the id where there is none."""
        return self.title or self.item_id


class Items:
    """Items of a data set by number.

    Parameters
    ----------
    items
        In the order of their numbers, from 0.
    where
        The data set, for messages.
    """

    def __init__(self, items: Iterable[Item], where: str) -> None:
        self.items = list(items)
        self.where = where

    def __getitem__(self, number: int) -> Item:
        return self.items[number]

    def find(self, text: str) -> Item:
        """Find the one item that `text` means.

        It is, in this order, an original id, a title (with or without its year), a part of a
        title, or words that all occur in a title; case does not matter.

        Raises
        ------
        StoreError
            None or several fit.
        """
        wanted = text.strip().casefold()
        words = set(_words(wanted))
        tiers = (
            lambda item, title: item.item_id == text.strip(),
            lambda item, title: wanted in (title, re.sub(r"\s*\(\d{4}\)$", "", title)),
            lambda item, title: wanted in title,
            lambda item, title: words and words <= set(_words(title)),
        )
        titled = [(item, item.title.casefold()) for item in self.items]
        for fits in tiers if wanted else ():
            found = [item for item, title in titled if fits(item, title)]
            if len(found) == 1:
                return found[0]
            if found:
                shown = ", ".join(f"{item.item_id} {item.title}" for item in found[:_SHOWN])
                more = ", …" if len(found) > _SHOWN else ""
                raise StoreError(
                    f"'{text}' fits {len(found)} items of {self.where}: {shown}{more}",
                    "give the id that stands before the title, or more of the title",
                )
        raise StoreError(
            f"no item '{text}' in {self.where}",
            "give an original id, or a part of a title",
        )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def read_items(data_dir: Path, name: str, fingerprint: str) -> Items:
    """Read the items of a prepared data set.

    Parameters
    ----------
    fingerprint
        What the set must be; the numbers of another one would mean other items.

    Raises
    ------
    StoreError
        The set is not there, is damaged, or is another one by now.
    """
    path = data_dir / name / BROWSE
    again = f"prepare it again: recsys-workbench data fetch {name}, or data import PATH"
    if not path.exists():
        raise StoreError(f"data set '{name}' is not in {data_dir}", again)
    try:
        with closing(connect(path, TABLES, remedy=again)) as database:
            meta = dict(database.execute("SELECT key, value FROM meta"))
            rows = database.execute(
                "SELECT item, item_id, title, attributes FROM items ORDER BY item"
            ).fetchall()
        items = [Item(number, name, title, genres_of(text)) for number, name, title, text in rows]
    except (sqlite3.DatabaseError, ValueError) as error:
        raise damaged(path, shorten(error), again) from error
    if meta.get("fingerprint") != fingerprint:
        raise StoreError(
            f"data set '{name}' in {data_dir} is not the one the run was trained on",
            "choose the run's --data-dir, or train again",
        )
    return Items(items, f"data set '{name}'")


def parse_attributes(text: object) -> dict[str, Any]:
    """Take attributes of a user or an item apart; ValueError where they are no JSON object."""
    found = parse_json(text) if isinstance(text, str) else None
    if not isinstance(found, dict):
        raise ValueError(f"attributes are {text!r}")
    return found


def genres_of(text: object) -> tuple[str, ...]:
    """Read the genres among an item's attributes."""
    genres = parse_attributes(text).get("genres", [])
    if not list_of(is_text)(genres):
        raise ValueError(f"genres are {genres!r}")
    return tuple(genres)
