"""Splits published as files: train, validation and test, or folds, joined to one set of events.

Each event keeps the name of the file it came from in the column `PART`, which protocol `given`
reads.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import GZ
from recsys_core.data.attributes import RawData
from recsys_core.data.dataset import (
    PART,
    Categorical,
    Column,
    IntArray,
    Numeric,
    TextArray,
    TimeArray,
)
from recsys_core.data.import_options import Rule
from recsys_core.data.import_summary import Summary
from recsys_core.data.numbering import Ratings, id_order, pairs_of, settle_repeats
from recsys_core.errors import DataError, InputError

ScalarT = TypeVar("ScalarT", bound=np.generic)

#: beside the files that `data split` wrote: which split they are of
SPLIT_FILE = "split.json"
#: what a file of items drawn beside the events of a part has in its name
DRAWN = "drawn"
#: what a part is called in the names of files -> its name
CALLED = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "query": "query",
    "testing": "test",
}


def recognise_parts(files: Iterable[str]) -> dict[str, str]:
    """Tell the parts of a split by the names of files that differ in nothing else.

    Examples
    --------
    >>> recognise_parts(["shop.test.inter", "shop.train.inter"])
    {'train': 'shop.train.inter', 'test': 'shop.test.inter'}
    >>> recognise_parts(["train.csv", "test.csv", "test.drawn.csv"])
    {'train': 'train.csv', 'test': 'test.csv'}
    >>> recognise_parts(["train.csv", "other.csv"])
    {}
    """
    found: dict[str, str] = {}
    rests: set[str] = set()
    for file in files:
        name = PurePosixPath(file).name.lower().removesuffix(GZ)
        if DRAWN in name.split("."):
            continue  # rows that are no events: the protocol draws them again
        match = re.fullmatch(r"(.*[._-])?([a-z]+)((?:[.][a-z0-9]+)+)", name)
        part = CALLED.get(match[2]) if match else None
        if match is None or part is None or part in found:
            return {}
        found[part] = file
        rests.add(f"{match[1]}|{match[3]}")
    if len(rests) != 1 or not {"train", "test"} <= set(found):
        return {}
    return {part: found[part] for part in ("train", "valid", "test", "query") if part in found}


def join_parts(read: Mapping[str, RawData], where: str, rule: Rule) -> RawData:
    """Put the parts of a split together, each event with the name of its part.

    Parameters
    ----------
    read
        Name of a part -> what its file holds. Tables of users and items are those of the first.
    where
        Where the files lie, for messages.
    rule
        What becomes of events of one user and item that are in several parts.

    Raises
    ------
    DataError
        The parts differ in their columns, or share events and that is refused.
    """
    first = next(iter(read.values()))
    joined = _join({name: raw.ratings for name, raw in read.items()}, where)
    shared = _shared(joined)
    if len(shared) and rule in ("error", "count"):
        raise _shares(joined, shared, where)
    if len(shared) and rule != "keep":
        joined = settle_repeats(joined, lambda row: (where, row), where, rule, joined.bad_rows)
    bad = sum((raw.bad_rows for raw in read.values()), Counter[str]())
    return replace(first, ratings=joined, bad_rows=bad, summary=_summary(read))


def _join(parts: Mapping[str, Ratings], where: str) -> Ratings:
    """Put rows one after the other and number users and items anew."""
    names, each = list(parts), list(parts.values())
    _check_columns(parts, where)
    user_ids, users = _unite([one.user_ids for one in each])
    item_ids, items = _unite([one.item_ids for one in each])
    order = sorted(names)
    codes = [np.full(len(one.user), order.index(name), np.int32) for name, one in parts.items()]
    context = {
        name: _one_column([one.context[name] for one in each], name, where)
        for name in each[0].context
    }
    kinds = [one.kind for one in each if one.kind is not None]
    return Ratings(
        np.concatenate([place[one.user] for place, one in zip(users, each, strict=True)]),
        np.concatenate([place[one.item] for place, one in zip(items, each, strict=True)]),
        _concatenated([one.rating for one in each]),
        _concatenated([one.timestamp for one in each]),
        user_ids,
        item_ids,
        sum((one.bad_rows for one in each), Counter[str]()),
        tuple(f"{name}: {note}" for name, one in parts.items() for note in one.notes),
        _one_categorical(kinds) if kinds else None,
        {**context, PART: Categorical(np.concatenate(codes), np.array(order))},
        each[0].labelled,
    )


def _unite(ids: Sequence[TextArray]) -> tuple[TextArray, list[IntArray]]:
    """Give the ids of all parts in their order, and the place among them of each part's."""
    texts = np.unique(np.concatenate(ids))
    order = id_order(texts)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return texts[order], [rank[np.searchsorted(texts, one)] for one in ids]


def _concatenated(columns: Sequence[NDArray[ScalarT] | None]) -> NDArray[ScalarT] | None:
    there = [column for column in columns if column is not None]
    return np.concatenate(there) if there else None


def _check_columns(parts: Mapping[str, Ratings], where: str) -> None:
    """Refuse parts of which one has a column that another has not."""
    has = {name: _columns(one) for name, one in parts.items()}
    every = sorted(set().union(*has.values()))
    for column in every:
        without = [name for name in parts if column not in has[name]]
        if without:
            having = next(name for name in parts if column in has[name])
            raise DataError(
                f"{where}: part '{having}' has a {column}, part '{without[0]}' has none",
                "all parts need the same columns: --columns says which are read",
            )


def _columns(ratings: Ratings) -> set[str]:
    rating = "label" if ratings.labelled else "rating"
    there = {rating: ratings.rating, "timestamp": ratings.timestamp, "type": ratings.kind}
    return {name for name, column in there.items() if column is not None} | set(ratings.context)


def _one_column(columns: Sequence[Column], name: str, where: str) -> Column:
    """Put a further column of all parts together."""
    if all(isinstance(column, Categorical) for column in columns):
        return _one_categorical(columns)  # type: ignore[arg-type]
    if all(isinstance(column, Numeric) for column in columns):
        return Numeric(np.concatenate([column.values for column in columns]))  # type: ignore[union-attr]
    raise DataError(
        f"{where}: column '{name}' holds numbers in one part and text in another",
        f"say what it holds: --columns …,{name}:category",
    )


def _one_categorical(columns: Sequence[Categorical]) -> Categorical:
    """Put categories together; -1, missing, stays."""
    vocabulary, places = _unite([column.vocabulary for column in columns])
    codes = [
        np.where(column.codes < 0, -1, place[column.codes]) if len(place) else column.codes
        for place, column in zip(places, columns, strict=True)
    ]
    return Categorical(np.concatenate(codes).astype(np.int32), vocabulary)


def _shared(ratings: Ratings) -> TimeArray:
    """Find the pairs of user and item, as numbers, that are in more than one part."""
    pairs, part = pairs_of(ratings), ratings.context[PART].codes  # type: ignore[union-attr]
    each = [np.unique(pairs[part == code]) for code in np.unique(part)]
    found, counts = np.unique(np.concatenate(each), return_counts=True)
    return found[counts > 1]


def _shares(ratings: Ratings, shared: TimeArray, where: str) -> DataError:
    column = ratings.context[PART]
    assert isinstance(column, Categorical)
    rows = np.flatnonzero(pairs_of(ratings) == shared[0])
    one, other = (str(column.vocabulary[code]) for code in np.unique(column.codes[rows])[:2])
    user, item = ratings.user_ids[ratings.user[rows[0]]], ratings.item_ids[ratings.item[rows[0]]]
    more = f", and {len(shared) - 1:,} more pairs are in several parts" if len(shared) > 1 else ""
    return DataError(
        f"{where}: parts '{one}' and '{other}' share rows: user {user} with item {item}{more}",
        "fix the files, or say which row to keep: recsys-workbench data import PATH --repeats first"
        " (or last; keep: all of them, for events that repeat)",
    )


def _summary(read: Mapping[str, RawData]) -> Summary:
    first = next(iter(read.values())).summary
    counts = ", ".join(f"{name} {len(raw.ratings.user):,}" for name, raw in read.items())
    return replace(
        first,
        read_as=f"{len(read)} parts of a split ({counts}): {first.read_as}",
        columns={**first.columns, PART: "the file's"},
    )


def read_option(text: str) -> dict[str, str]:
    """Read ``train=FILE,test=FILE``.

    Raises
    ------
    InputError
        It is not of that form, names a part twice, or has no second one.

    Examples
    --------
    >>> read_option("train=data1.txt,test=test1.txt")
    {'train': 'data1.txt', 'test': 'test1.txt'}
    """
    found: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, file = (word.strip() for word in pair.partition("="))
        if not (name and equals and file) or name in found:
            what = "is there twice" if name in found else "is not PART=FILE"
            raise InputError(
                f"--parts {text}: '{pair.strip()}' {what}",
                "e.g. --parts train=train.csv,test=test.csv, or of folds --parts 1=a.csv,2=b.csv",
            )
        found[name] = file
    if len(found) < 2:
        raise InputError(f"--parts {text}: a split has at least two parts", "name the others, too")
    return found
