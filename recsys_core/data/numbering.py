"""Rows as read to rows with numbered users and items; one row per user and item stays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.context import Texts, take_rows
from recsys_core.data.dataset import (
    Categorical,
    Column,
    FloatArray,
    IntArray,
    Numeric,
    TextArray,
    TimeArray,
)
from recsys_core.data.import_options import Rule
from recsys_core.errors import DataError
from recsys_core.values import counted

#: gives file and line of a row
Place = Callable[[int], tuple[str, int]]
#: an id of more digits than this is text
MOST_DIGITS = 1_000
#: a table of all pairs of users and items has so many cells per row at most
MOST_CELLS = 32
#: a whole number, perhaps as a column of floats is written
_WHOLE = re.compile(r"[0-9]+([.]0)?")


@dataclass(frozen=True)
class Rows:
    """Rows as read, before users and items are numbered, each column of shape (n,)."""

    user: NDArray[Any] | Texts
    item: NDArray[Any] | Texts
    rating: FloatArray | None
    timestamp: TimeArray | None
    kind: NDArray[Any] | Texts | None = None
    """The type of each event, as text; None where the file has no types."""
    context: tuple[Texts | Numeric, ...] = ()
    """Further columns, in the order of the layout's."""

    def take(self, rows: NDArray[Any]) -> Rows:
        """Pick rows, and of texts those that they have."""

        def pick(column: Any) -> Any:
            if column is None:
                return None
            if isinstance(column, Numeric):
                return Numeric(column.values[rows])
            picked = column[rows]
            return picked.used() if isinstance(picked, Texts) else picked

        return Rows(
            *(pick(self.user), pick(self.item), pick(self.rating), pick(self.timestamp)),
            kind=pick(self.kind),
            context=tuple(map(pick, self.context)),
        )


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
    notes
        What was read otherwise than it stands in the file, or may be wrong.
    kind
        Shape (n,): the type of each event; None where the file has no types.
    context
        Further columns by name, one value per row each.
    labelled
        Whether `rating` holds labels, 0 or 1.
    """

    user: IntArray
    item: IntArray
    rating: FloatArray | None
    timestamp: TimeArray | None
    user_ids: TextArray
    item_ids: TextArray
    bad_rows: Counter[str] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
    kind: Categorical | None = None
    context: dict[str, Column] = field(default_factory=dict)
    labelled: bool = False


def number_rows(rows: Rows) -> Ratings:
    """Give users and items the numbers 0..n-1, in the order of their ids."""
    return number_columns(rows.user, rows.item, rows.rating, rows.timestamp, rows.kind)


def number_columns(
    user: NDArray[Any] | Texts,
    item: NDArray[Any] | Texts,
    rating: FloatArray | None,
    timestamp: TimeArray | None,
    kind: NDArray[Any] | Texts | None,
) -> Ratings:
    """Give users, items and types numbers; the arguments are the columns of `Rows`."""
    users, user_ids, user_written = _number(user)
    items, item_ids, item_written = _number(item)
    times = None if timestamp is None else timestamp.astype(np.int64, copy=False)
    sides = (("user", user_written, user_ids), ("item", item_written, item_ids))
    notes = tuple(note for side in sides if (note := _id_note(*side)))
    numbered = Ratings(users, items, rating, times, user_ids, item_ids, notes=notes)
    if kind is None:
        return numbered
    codes, vocabulary, _ = _number(kind)
    return replace(numbered, kind=Categorical(codes, vocabulary))


def add_items(
    ratings: Ratings,
    ids: Iterable[str],
    look_up: Callable[[IntArray, IntArray], IntArray],
) -> Ratings:
    """Give items without an event a number, too; all stand in the order of their ids then.

    Parameters
    ----------
    look_up
        Makes a column of what its first argument has for each code of the second.
    """
    more = sorted(set(ids).difference(ratings.item_ids.tolist()))
    if not more:
        return ratings
    texts = np.concatenate([ratings.item_ids, np.array(more, dtype=np.str_)])
    order = id_order(texts)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return replace(ratings, item=look_up(rank, ratings.item), item_ids=texts[order])


def _number(values: NDArray[Any] | Texts) -> tuple[IntArray, TextArray, TextArray]:
    """Give each value's place among the ids, the ids, and the ids as they were written."""
    if not isinstance(values, Texts):
        if values.dtype.kind == "i":
            distinct, codes = number_integers(values)
            width = len(str(distinct[-1])) if len(distinct) else 1
            ids: TextArray = distinct.astype(f"U{width}")
            return codes, ids, ids
        values = Texts.of(values)
    values = values.used()
    written: TextArray = np.array(values.values, dtype=np.str_)
    places, texts = _whole_numbers(values.codes, written)
    order = id_order(texts)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank[places], texts[order], written


def id_order(ids: TextArray) -> NDArray[np.intp]:
    """Sort ids: in numeric order where all are numbers, else in text order."""
    return np.argsort(_as_numbers(ids), kind="stable")


def _whole_numbers(
    places: NDArray[np.integer], texts: TextArray
) -> tuple[NDArray[np.integer], TextArray]:
    """Write ids without .0 where all are whole numbers and some have it: 1.0 and 1 are one."""
    if not any(text.endswith(".0") for text in texts.tolist()):
        return places, texts
    if not all(_WHOLE.fullmatch(text) for text in texts.tolist()):
        return places, texts
    import pandas as pd

    merged, found = pd.factorize(np.array([x.removesuffix(".0") for x in texts.tolist()], object))
    return merged[places].astype(np.int32), np.array(found, dtype=np.str_)


def _id_note(side: str, written: TextArray, ids: TextArray) -> str:
    """Say what people should know of ids that look odd; mostly nothing."""
    if ids.dtype.kind == "U" and written is not ids:
        floats = next((text for text in written.tolist() if text.endswith(".0")), "")
        if floats and not any(text.endswith(".0") for text in ids.tolist()):
            return floats_note(side, floats)
        return padded_note(side, sum(text != text.strip() for text in ids.tolist()))
    return ""


def floats_note(side: str, example: str) -> str:
    """Say that ids written as columns of floats are read as whole numbers."""
    return f"{side} ids are whole numbers: {example} is read as {example.removesuffix('.0')}"


def padded_note(side: str, padded: int) -> str:
    """Say how many ids begin or end with a blank; nothing if none does."""
    if not padded:
        return ""
    return f"{side} ids that begin or end with a blank, which is part of them: {padded:,}"


def number_integers(values: NDArray[np.integer]) -> tuple[NDArray[np.integer], IntArray]:
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
    if all(map(_is_whole, ids.tolist())):
        return np.array([int(text) for text in ids.tolist()], dtype=object)
    return ids


def _is_whole(text: str) -> bool:
    """Tell whether it is the only way to write a whole number: 007 is another id than 7."""
    digits = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return digits and (text == "0" or text[0] != "0")


def pairs_of(ratings: Ratings) -> TimeArray:
    """Give user and item of each row as one number."""
    pairs = ratings.user.astype(np.int64)
    pairs *= len(ratings.item_ids)
    pairs += ratings.item
    return pairs


def has_duplicates(ratings: Ratings) -> bool:
    """Whether any user has two rows with the same item; a table of all pairs beats sorting."""
    pairs = pairs_of(ratings)
    cells = len(ratings.user_ids) * len(ratings.item_ids)
    if cells <= MOST_CELLS * len(pairs):
        is_there = np.zeros(cells, np.bool_)
        is_there[pairs] = True
        return int(np.count_nonzero(is_there)) < len(pairs)
    pairs.sort()
    return bool(np.any(pairs[1:] == pairs[:-1]))


def settle_repeats(
    ratings: Ratings,
    place: Place,
    where: str,
    rule: Rule,
    bad: Counter[str],
    unit: str = "line",
) -> Ratings:
    """Make one row of those that repeat a user and item, or refuse them.

    Parameters
    ----------
    place
        Gives file and line of a row, for the message.
    rule
        Which row stays; of ``first`` and ``last`` in time, where there are times, those of equal
        time in the order of the file. Of equal ratings the first in the file is the greatest.
    bad
        Rows left out so far, by reason.
    unit
        What the numbers count.

    Raises
    ------
    DataError
        There are repeats and they are refused, or the rule cannot be applied.
    """
    check_rule(rule, ratings, where)
    if rule == "keep":
        return replace(
            ratings, bad_rows=bad, notes=(*ratings.notes, kept_note(count_repeats(ratings)))
        )
    if rule != "count" and not has_duplicates(ratings):
        return replace(ratings, bad_rows=bad)
    pairs = pairs_of(ratings)
    order = repeats_order(pairs, ratings, rule)
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = pairs[order[1:]] != pairs[order[:-1]]
    starts = np.flatnonzero(is_new)
    sizes = np.diff(np.append(starts, len(order)))
    repeats = len(order) - len(starts)
    if repeats and rule == "error":
        second = int(order[~is_new].min())
        first = int(np.flatnonzero(pairs == pairs[second])[0])
        raise repeated(ratings, first, second, place, unit)
    kept = order[starts + sizes - 1] if rule in ("last", "count") else order[starts]
    notes = ratings.notes
    rating = ratings.rating
    if rule == "count":
        rating = np.empty(len(order), np.float32)
        rating[kept] = sizes
        notes += (counted_note(repeats),)
    elif repeats:
        bad["duplicate"] += repeats
        if rating is not None:
            other = int(np.count_nonzero(rating[order] != np.repeat(rating[kept], sizes)))
            notes += (other_note(other, repeats, ratings.labelled),)
    kind = ratings.kind
    rows = np.sort(kept)  # every id is still used: one row of each pair stays
    return replace(
        ratings,
        user=ratings.user[rows],
        item=ratings.item[rows],
        rating=None if rating is None else rating[rows],
        timestamp=None if ratings.timestamp is None else ratings.timestamp[rows],
        kind=None if kind is None else Categorical(kind.codes[rows], kind.vocabulary),
        context={name: take_rows(column, rows) for name, column in ratings.context.items()},
        bad_rows=bad,
        notes=notes,
    )


def count_repeats(ratings: Ratings) -> int:
    """Count the rows whose user and item stand in another row, too, but for one of each."""
    pairs = pairs_of(ratings)
    pairs.sort()
    return int(np.count_nonzero(pairs[1:] == pairs[:-1]))


def kept_note(repeats: int) -> str:
    """Say how many repeats are kept."""
    return f"events of a user with an item met before, all kept: {repeats:,}"


def counted_note(repeats: int) -> str:
    """Say that rows were counted."""
    return f"the rating is the number of rows of a user and item; repeated rows: {repeats:,}"


def other_note(other: int, repeats: int, labelled: bool) -> str:
    """Say how many repeats that were left out say something else than the row that stays."""
    what = "label" if labelled else "rating"
    return f"{other:,} of {counted(repeats, 'repeat')} left out have another {what}"


def check_rule(rule: Rule, ratings: Ratings, where: str) -> None:
    """Raise a DataError where a rule cannot be applied, whether there are repeats or not."""
    command = "recsys-workbench data import PATH --repeats"
    if rule == "greatest" and ratings.rating is None:
        raise DataError(
            f"{where}: there are no ratings, so the greatest cannot be kept",
            f"{command} first, last or count",
        )
    if rule == "count" and ratings.rating is not None:
        raise DataError(
            f"{where}: it has ratings; repeats can be counted only without ratings",
            f"leave the rating out of --columns, or {command} first, last or greatest",
        )


def repeats_order(pairs: TimeArray, ratings: Ratings, rule: Rule) -> NDArray[np.intp]:
    """Sort rows by pair, those of a pair by what the rule goes by, then as in the file."""
    if rule == "greatest":
        return np.lexsort((-ratings.rating, pairs))  # type: ignore[operator]
    if rule in ("first", "last", "count") and ratings.timestamp is not None:
        return np.lexsort((ratings.timestamp, pairs))
    return np.argsort(pairs, kind="stable")


def repeated(ratings: Ratings, first: int, second: int, place: Place, unit: str) -> DataError:
    """Name a row that repeats another."""
    user, item = ratings.user_ids[ratings.user[second]], ratings.item_ids[ratings.item[second]]
    (file, line), (where, number) = place(first), place(second)
    of = "" if file == where else f" of {file}"
    return DataError(
        f"{where}, {unit} {number}: user {user!s} and item {item!s} were already"
        f" on {unit} {line}{of}",
        "fix the file, or say which row to keep: recsys-workbench data import PATH --repeats last"
        " (or first, greatest, count; keep: all of them); recsys-workbench data import PATH"
        " --on-bad-rows skip keeps the first and leaves out bad rows",
    )
