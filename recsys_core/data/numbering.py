"""Rows as read to rows with numbered users and items; no user and item may meet twice."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray, TextArray, TimeArray
from recsys_core.data.layout import SKIP_HINT
from recsys_core.data.options import OnBadRows
from recsys_core.errors import DataError

#: an id of more digits than this is text
MOST_DIGITS = 1_000
#: a whole number, perhaps as a column of floats is written
_WHOLE = re.compile(r"[0-9]+([.]0)?")


@dataclass(frozen=True)
class Rows:
    """Rows as read, before users and items are numbered, each column of shape (n,)."""

    user: NDArray[Any]
    item: NDArray[Any]
    rating: FloatArray | None
    timestamp: TimeArray | None


@dataclass(frozen=True)
class Ratings:
    """Rows with users and items numbered; what `Dataset` holds, before attributes.

    Parameters
    ----------
    user, item
        Shape (n,), int32: positions in `user_ids` and `item_ids`.
    rating
        Shape (n,), float32; None where the file has no ratings.
    timestamp
        Shape (n,), int64 seconds since 1970; None where the file has no times.
    user_ids, item_ids
        The distinct ids, in numeric order where all are numbers, else in text order.
    bad_rows
        Rows left out, by reason.
    """

    user: IntArray
    item: IntArray
    rating: FloatArray | None
    timestamp: TimeArray | None
    user_ids: TextArray
    item_ids: TextArray
    bad_rows: Counter[str] = field(default_factory=Counter)


def number_rows(rows: Rows) -> Ratings:
    """Give users and items the numbers 0..n-1, in the order of their ids."""
    user, user_ids = _number(rows.user)
    item, item_ids = _number(rows.item)
    times = None if rows.timestamp is None else rows.timestamp.astype(np.int64)
    return Ratings(user, item, rows.rating, times, user_ids, item_ids)


def _number(values: NDArray[Any]) -> tuple[IntArray, TextArray]:
    if values.dtype.kind == "i":
        distinct, codes = _number_integers(values)
        ids: TextArray = distinct.astype(np.str_)
        return codes, ids
    import pandas as pd

    numbers, found = pd.factorize(values)
    places, texts = _whole_numbers(numbers, np.array(found, dtype=np.str_))
    order = np.argsort(_as_numbers(texts), kind="stable")
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[places], texts[order]


def _whole_numbers(
    places: NDArray[np.intp], texts: TextArray
) -> tuple[NDArray[np.intp], TextArray]:
    """Write ids without .0 where all are whole numbers and some have it: 1.0 and 1 are one."""
    if not any(text.endswith(".0") for text in texts.tolist()):
        return places, texts
    if not all(_WHOLE.fullmatch(text) for text in texts.tolist()):
        return places, texts
    import pandas as pd

    merged, found = pd.factorize(np.array([x.removesuffix(".0") for x in texts.tolist()], object))
    return merged[places], np.array(found, dtype=np.str_)


def _number_integers(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], IntArray]:
    """Find distinct values and each value's place among them; a table beats sorting."""
    top = int(values.max(initial=0))
    if top > 4 * len(values) + 1_000_000:
        distinct, codes = np.unique(values, return_inverse=True)
        return distinct, codes.astype(np.int32)
    present = np.zeros(top + 1, np.bool_)
    present[values] = True
    distinct = np.flatnonzero(present)
    place = np.empty(top + 1, np.int32)
    place[distinct] = np.arange(len(distinct), dtype=np.int32)
    return distinct, place[values]


def _as_numbers(ids: TextArray) -> NDArray[Any]:
    """Turn ids into integers where every one is a plain number, so that 10 comes after 9."""
    if all(map(_is_number, ids.tolist())):
        return np.array([int(text) for text in ids.tolist()], dtype=object)
    return ids


def _is_number(text: str) -> bool:
    digits = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return digits and (text == "0" or text[0] != "0")


def _pairs(ratings: Ratings) -> TimeArray:
    return ratings.user.astype(np.int64) * len(ratings.item_ids) + ratings.item


def has_duplicates(ratings: Ratings) -> bool:
    """Whether any user has two rows with the same item."""
    pairs = np.sort(_pairs(ratings))
    return bool(np.any(pairs[1:] == pairs[:-1]))


def settle_duplicates(
    ratings: Ratings,
    lines: TimeArray,
    where: str,
    on_bad_rows: OnBadRows,
    bad: Counter[str],
    unit: str = "line",
) -> Ratings:
    """Refuse rows that repeat a user and item, or keep the first of each and count the others.

    Parameters
    ----------
    lines
        Shape (n,): line number of each row, for the message.
    unit
        What the numbers count.
    """
    pairs = _pairs(ratings)
    order = np.argsort(pairs, kind="stable")
    repeats = order[1:][pairs[order[1:]] == pairs[order[:-1]]]
    if not len(repeats):
        return Ratings(**{**vars(ratings), "bad_rows": bad})
    if on_bad_rows == "error":
        second = int(repeats.min())
        first = int(np.flatnonzero(pairs == pairs[second])[0])
        user = ratings.user_ids[ratings.user[second]]
        item = ratings.item_ids[ratings.item[second]]
        raise DataError(
            f"{where}, {unit} {lines[second]}: user {user!s} and item {item!s} were already"
            f" on {unit} {lines[first]}",
            f"{SKIP_HINT} (the first one is kept)",
        )
    keep = np.ones(len(pairs), np.bool_)
    keep[repeats] = False
    bad["duplicate"] += len(repeats)
    # every id is still used: the first row of each pair stays
    return Ratings(
        ratings.user[keep],
        ratings.item[keep],
        None if ratings.rating is None else ratings.rating[keep],
        None if ratings.timestamp is None else ratings.timestamp[keep],
        ratings.user_ids,
        ratings.item_ids,
        bad,
    )
