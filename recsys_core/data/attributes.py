"""What is known of users and items beside their ratings, and the data set put together from both.

Readers hand over plain lists; here they become columns, one row per rated user or item. The
functions that give MovieLens attributes one form in all its releases stand here too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import PurePath
from typing import Any, Literal

import numpy as np

from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    FloatArray,
    IntArray,
    MultiCategorical,
    Numeric,
    Text,
    TextArray,
    Vectors,
)
from recsys_core.data.import_summary import Summary, as_text
from recsys_core.data.numbering import Ratings, add_items
from recsys_core.data.pieces import Store
from recsys_core.errors import DataError, InputError, shorten, unknown_name
from recsys_core.values import counted

#: models that read what an event weighs by its type
WEIGHING = ("popularity", "item-cf", "mf", "ials", "ease", "lightgcn")

Kind = Literal["categorical", "multi", "numeric", "text"]

#: lower bound and name of MovieLens-1M's age groups
AGE_GROUPS = (
    (56, "56+"),
    (50, "50-55"),
    (45, "45-49"),
    (35, "35-44"),
    (25, "25-34"),
    (18, "18-24"),
    (0, "under 18"),
)
AGE_ORDER = tuple(name for _, name in reversed(AGE_GROUPS))

#: the occupations of MovieLens-1M, by code
OCCUPATIONS = (
    "other",
    "academic/educator",
    "artist",
    "clerical/admin",
    "college/grad student",
    "customer service",
    "doctor/health care",
    "executive/managerial",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales/marketing",
    "scientist",
    "self-employed",
    "technician/engineer",
    "tradesman/craftsman",
    "unemployed",
    "writer",
)

#: what the releases write for an item without genres
NO_GENRE = {"", "unknown", "(no genres listed)"}

NO_TITLE = {"unknown", "unkonwn"}

#: a year in brackets, perhaps the first of several
YEAR = re.compile(r"\((\d{4})(?:\s*[-\u2013]\s*(?:\d{4})?)?\)")


@dataclass(frozen=True)
class RawColumn:
    """One attribute as read: `values` are texts, lists of texts (multi) or numbers (numeric).

    Parameters
    ----------
    order
        The order of the vocabulary; values that are not in it follow in text order.
    """

    kind: Kind
    values: Sequence[str] | Sequence[Sequence[str]] | Sequence[float]
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attributes:
    """A table of attributes: row r of each column belongs to `ids[r]`; `file` is its name.

    Parameters
    ----------
    is_list
        Whether it lists what there is: its ids without an event are numbered, too.
    """

    ids: list[str] = field(default_factory=list)
    columns: dict[str, RawColumn] = field(default_factory=dict)
    file: str = ""
    is_list: bool = False


@dataclass(frozen=True)
class RawVectors:
    """Vectors of users or items: row r of `values`, shape (n, length), belongs to `ids[r]`."""

    side: Literal["user", "item"]
    name: str
    ids: list[str]
    values: FloatArray
    file: str


@dataclass(frozen=True)
class RawData:
    """Everything a reader found."""

    ratings: Ratings
    users: Attributes = field(default_factory=Attributes)
    items: Attributes = field(default_factory=Attributes)
    bad_rows: Counter[str] = field(default_factory=Counter)
    """Lines of attribute files left out, by reason."""
    summary: Summary = field(default_factory=Summary)
    vectors: tuple[RawVectors, ...] = ()


def number_listed(raw: RawData, store: Store) -> RawData:
    """Give the items of a list that have no event a number, too."""
    if not raw.items.is_list:
        return raw
    return replace(raw, ratings=add_items(raw.ratings, raw.items.ids, store.look_up))


def build_dataset(name: str, raw: RawData, store: Store) -> Dataset:
    """Put ratings and attributes together, one row for each numbered user and item."""
    ratings = raw.ratings
    vectors: dict[str, dict[str, Column]] = {"user": {}, "item": {}}
    for each in raw.vectors:
        ids = ratings.user_ids if each.side == "user" else ratings.item_ids
        vectors[each.side][each.name] = align_vectors(each, ids)
    rows = len(ratings.user)
    return Dataset(
        name=name,
        user=ratings.user,
        item=ratings.item,
        rating=store.full(rows, 1, np.float32) if ratings.rating is None else ratings.rating,
        timestamp=store.full(rows, 0, np.int64) if ratings.timestamp is None else ratings.timestamp,
        user_ids=ratings.user_ids,
        item_ids=ratings.item_ids,
        user_columns=align(raw.users, ratings.user_ids) | vectors["user"],
        item_columns=align(raw.items, ratings.item_ids) | vectors["item"],
        explicit=ratings.rating is not None,
        timed=ratings.timestamp is not None,
        event_columns={
            **({} if ratings.kind is None else {"type": ratings.kind}),
            **ratings.context,
        },
        labelled=ratings.labelled,
    )


def weigh_types(raw: RawData, weights: Mapping[str, float], store: Store) -> RawData:
    """Add what each event weighs by its type, where that is said.

    Raises
    ------
    InputError
        A type has no weight, or a weight no type.
    """
    kind = raw.ratings.kind
    if not weights or kind is None:
        return raw
    names = kind.vocabulary.tolist()
    for name in weights:
        if name not in names:
            raise unknown_name("type of events in --type-weights", name, names)
    for name in names:
        if name not in weights:
            raise InputError(
                f"--type-weights says nothing about the type '{shorten(name)}'",
                f"add {name}=1, or leave such events out: --keep {','.join(weights)}",
            )
    table = np.array([weights[name] for name in names], dtype=np.float32)
    each = store.look_up(table, kind.codes)
    context = {**raw.ratings.context, "type_weight": Numeric(each)}
    said = ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
    note = f"what events weigh by type: {said} (read by {', '.join(WEIGHING)})"
    notes = (*raw.ratings.notes, note)
    return replace(raw, ratings=replace(raw.ratings, context=context, notes=notes))


def match_attributes(raw: RawData) -> dict[str, dict[str, Any]]:
    """Count the rows of each table of attributes that belong to a user or item of the set.

    Returns
    -------
    ``user`` and ``item``, where there is such a table -> its ``file``, ``rows``, and how many
    ``matched`` of so many users or items (``of``), those without an event that it lists included.

    Raises
    ------
    DataError
        None has an event: the ids of the two files are not the same.
    """
    found: dict[str, dict[str, Any]] = {}
    sides = (("user", raw.users, raw.ratings.user_ids), ("item", raw.items, raw.ratings.item_ids))
    for side, table, ids in sides:
        if not table.ids:
            continue
        matched = _count_matched(table.ids, ids, table.file, side)
        kinds = {as_text(column): raw_column.kind for column, raw_column in table.columns.items()}
        name = as_text(PurePath(table.file).name)
        listed = len(set(table.ids).difference(ids.tolist())) if table.is_list else 0
        counts = {"rows": len(table.ids), "matched": matched + listed, "of": len(ids) + listed}
        found[side] = {"file": name, **counts, "columns": kinds}
    return found


def match_vectors(raw: RawData) -> list[dict[str, Any]]:
    """Count the vectors that belong to a numbered user or item.

    Returns
    -------
    For each file of vectors its ``side``, ``name``, ``file``, ``rows``, how many ``matched`` of so
    many users or items (``of``), and the ``length`` of the vectors.

    Raises
    ------
    DataError
        None does.
    """
    found = []
    for each in raw.vectors:
        ids = raw.ratings.user_ids if each.side == "user" else raw.ratings.item_ids
        matched = _count_matched(each.ids, ids, each.file, each.side)
        name = as_text(PurePath(each.file).name)
        counts = {"rows": len(each.ids), "matched": matched, "of": len(ids)}
        about = {"side": each.side, "name": as_text(each.name), "file": name}
        found.append({**about, **counts, "length": each.values.shape[1]})
    return found


def _count_matched(given: list[str], ids: TextArray, file: str, side: str) -> int:
    matched = len(set(given).intersection(ids.tolist()))
    if not matched:
        raise DataError(
            f"{file}: none of its {counted(len(given), side)} has an event: its first id"
            f" is '{shorten(given[0], 40)}', that of the events '{shorten(ids[0], 40)}'",
            "write the same ids in both files, or take this file away",
        )
    return matched


def align_vectors(vectors: RawVectors, ids: TextArray) -> Vectors:
    """Lay vectors out with one row per id; an id without one gets NaN, a missing vector."""
    place = {identifier: row for row, identifier in enumerate(vectors.ids)}
    rows = np.array([place.get(identifier, -1) for identifier in ids.tolist()])
    values = vectors.values[rows]
    values[rows < 0] = np.nan
    return Vectors(values)


def align(attributes: Attributes, ids: TextArray) -> dict[str, Column]:
    """Build columns with one row per id; an id without attributes gets missing values."""
    place = {identifier: row for row, identifier in enumerate(attributes.ids)}
    rows = [place.get(identifier, -1) for identifier in ids.tolist()]
    return {name: _build(column, rows) for name, column in attributes.columns.items()}


def _build(column: RawColumn, rows: list[int]) -> Column:
    if column.kind == "numeric":
        numbers: Sequence[float] = column.values  # type: ignore[assignment]
        picked = [numbers[row] if row >= 0 else np.nan for row in rows]
        return Numeric(np.array(picked, dtype=np.float32))
    if column.kind == "multi":
        lists: Sequence[Sequence[str]] = column.values  # type: ignore[assignment]
        return _multi([lists[row] if row >= 0 else () for row in rows], column.order)
    texts: Sequence[str] = column.values  # type: ignore[assignment]
    values = [texts[row] if row >= 0 else "" for row in rows]
    if column.kind == "text":
        return Text(np.array(values, dtype=np.str_))
    vocabulary, code = _vocabulary(values, column.order)
    codes: IntArray = np.array([code.get(value, -1) for value in values], dtype=np.int32)
    return Categorical(codes, vocabulary)


def _multi(lists: list[Sequence[str]], order: tuple[str, ...]) -> MultiCategorical:
    vocabulary, code = _vocabulary((value for values in lists for value in values), order)
    coded = [sorted({code[value] for value in values if value}) for values in lists]
    lengths = [len(codes) for codes in coded]
    return MultiCategorical(
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        codes=np.array([code for codes in coded for code in codes], dtype=np.int32),
        vocabulary=vocabulary,
    )


def _vocabulary(values: Iterable[str], order: tuple[str, ...]) -> tuple[TextArray, dict[str, int]]:
    """List the distinct values, the empty one (missing) left out, and number them."""
    distinct = set(values) - {""}
    listed = [value for value in order if value in distinct]
    listed += sorted(distinct.difference(order))
    return np.array(listed, dtype=np.str_), {value: code for code, value in enumerate(listed)}


@lru_cache
def age_group(text: str) -> str:
    """Put an age in years into MovieLens-1M's group; its own codes fall into their own groups.

    Examples
    --------
    >>> age_group("24"), age_group("56"), age_group("1"), age_group("")
    ('18-24', '56+', 'under 18', '')
    """
    if not text.isdecimal():
        return ""
    age = int(text)
    return next(name for least, name in AGE_GROUPS if age >= least)


def clean_title(title: str) -> str:
    """Strip blanks; what stands for "no title" (RecBole spells it its own way) becomes empty."""
    stripped = title.strip()
    return "" if stripped in NO_TITLE else stripped


def release_year(title: str) -> float:
    """Read the year in the last brackets that hold one; NaN where there is none.

    Examples
    --------
    >>> release_year("Toy Story (1995)"), release_year("Fawlty Towers (1975-1979)")
    (1995.0, 1975.0)
    >>> release_year("The Land Before Time III (1995) (V)"), release_year("1984")
    (1995.0, nan)
    """
    years = YEAR.findall(title)
    return float(years[-1]) if years else float("nan")


def genre_list(names: Iterable[str]) -> list[str]:
    """Leave out what stands for "no genre"."""
    return [name for name in names if name not in NO_GENRE]


def movie_columns(titles: list[str], genres: list[list[str]]) -> dict[str, RawColumn]:
    """Build the columns every MovieLens release has: title, year (from the title) and genres."""
    return {
        "title": RawColumn("text", [clean_title(title) for title in titles]),
        "year": RawColumn("numeric", [release_year(title) for title in titles]),
        "genres": RawColumn("multi", [genre_list(names) for names in genres]),
    }


def person_columns(
    ages: list[str], genders: list[str], occupations: list[str], zips: list[str]
) -> dict[str, RawColumn]:
    """Build the columns of the users of MovieLens 100K and 1M."""
    return {
        "age": RawColumn("categorical", [age_group(age) for age in ages], AGE_ORDER),
        "gender": RawColumn("categorical", genders),
        "occupation": RawColumn("categorical", occupations),
        "zip": RawColumn("categorical", zips),
    }
