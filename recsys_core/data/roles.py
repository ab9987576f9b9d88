"""Which column of a table is what: said with --columns, or recognised by the usual names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from recsys_core.data.advice import ROLES, import_advice
from recsys_core.data.dataset import OUTCOME_COLUMNS, PART
from recsys_core.data.dialect import plain_name
from recsys_core.data.file_layout import ContextColumn, ContextKind
from recsys_core.errors import DataError, InputError, shorten, unknown_name

#: role -> names of columns, as `plain_name` writes them, the likeliest first; a type is only said
USUAL_NAMES = {
    "user": ("user", "userid", "uid", "reviewerid", "customerid"),
    "item": ("item", "itemid", "iid", "movieid", "productid", "asin", "bookid", "isbn"),
    "rating": ("rating", "score", "stars", "overall"),
    "label": ("label", "click", "clicked", "isclick"),
    "timestamp": ("timestamp", "time", "ts", "unixreviewtime", "unixtime"),
}
#: attribute that has one name in every set -> names of its column, as `plain_name` writes them
USUAL_ATTRIBUTES = {
    "title": ("title", "name", "booktitle", "movietitle", "itemname", "productname"),
    "genres": ("genres", "genre", "categories", "category", "tags"),
    "year": ("year", "releaseyear", "yearofpublication", "originalpublicationyear"),
}
MAPPING_HINT = (
    "say which is which: --columns user=NAME,item=NAME,rating=NAME,timestamp=NAME"
    " (names, or numbers from 1; rating or label=, timestamp and type= may be left out;"
    " part= is the part of a published split; any other NAME=COLUMN is a further column of the"
    " events)"
)
#: so like that of a role is a name that is mistyped
_NEARLY = 0.8
#: a column by number; with + also all after it
_NUMBER = re.compile(r"([0-9]+)\+?")


def is_by_number(columns: Mapping[str, str]) -> bool:
    """Whether columns are given by number."""
    return bool(columns) and all(_NUMBER.fullmatch(value) for value in columns.values())


def is_list(columns: Mapping[str, str]) -> bool:
    """Whether the lines of the file are lists: ``user=1,item=2+``.

    Raises
    ------
    InputError
        There is a ``+`` elsewhere.
    """
    if not (is_by_number(columns) and any(value.endswith("+") for value in columns.values())):
        return False
    if dict(columns) != {"user": "1", "item": "2+"}:
        raise InputError(
            "--columns: a + stands for all further columns and is only possible for items",
            "lines of a user and its items are read with --columns user=1,item=2+",
        )
    return True


def check_roles(columns: Mapping[str, str], where: str) -> None:
    """Refuse a mapping that cannot be right for any table.

    Raises
    ------
    InputError
        A role does not exist, or one that is needed is missing.
    """
    for role in ("user", "item"):
        if columns and role not in columns:
            problem = f"--columns does not say which column of {where} is the {role}"
            raise InputError(problem, MAPPING_HINT)
    if "rating" in columns and "label" in columns:
        raise InputError(
            f"--columns gives {where} ratings and labels: a data set has one or the other",
            "leave out rating= or label=",
        )


def split_columns(columns: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Tell the roles in --columns from further columns of events.

    Raises
    ------
    InputError
        A further column has nearly the name of a role, or one that means a role.
    """
    roles = {name: column for name, column in columns.items() if name in ROLES}
    more = {name: column for name, column in columns.items() if name not in ROLES}
    if PART in more:
        more[PART] = f"{_kind_said(more[PART])[0]}:category"
    for name in (name for name in more if name != PART):
        meant = next((r for r, usual in USUAL_NAMES.items() if plain_name(name) in usual), None)
        if meant is not None:
            raise InputError(
                f"--columns: '{shorten(name)}' is a usual name of the {meant}",
                f"say {meant}={name}, or give the further column another name: context_{name}=…",
            )
        if get_close_matches(name, ROLES, n=1, cutoff=_NEARLY) or name in OUTCOME_COLUMNS:
            raise unknown_name("role in --columns", name, ROLES)
    return roles, more


def find_context(
    names: Sequence[str],
    columns: Mapping[str, str],
    places: Mapping[str, int],
    where: str,
    *,
    by_number: bool,
) -> tuple[ContextColumn, ...]:
    """Find further columns of events.

    Parameters
    ----------
    names
        Of the columns of the file.
    columns
        Name in the data set -> column name, or number, with ``:number`` or ``:category`` perhaps.
    places
        Role -> position, of the columns that have one.

    Raises
    ------
    InputError
        A column is not there, is there twice, or has a role.
    """
    valid = [str(number) for number in range(1, len(names) + 1)] if by_number else list(names)
    found = []
    for name, text in columns.items():
        column, kind = _kind_said(text)
        if column not in valid:
            raise unknown_name(f"column in {where}:", column, valid)
        if valid.count(column) > 1:
            raise _twice(where, valid.count(column), column)
        place = valid.index(column)
        if place in places.values():
            role = next(role for role, taken in places.items() if taken == place)
            raise InputError(
                f"--columns: column '{shorten(column)}' of {where} is the {role} already",
                f"leave {name}= out, or say which column is the {role}",
            )
        found.append(ContextColumn(safe_name(name), place, kind))
    chosen = [column.name for column in found]
    for name in chosen:
        if chosen.count(name) > 1:
            raise InputError(f"--columns: two further columns are called {name}", "rename one")
    return tuple(found)


def _kind_said(text: str) -> tuple[str, ContextKind]:
    """Take ``:number`` or ``:category`` (``:one-of``, as in tables of items) off a column."""
    column, _, kind = text.rpartition(":")
    if column and kind in ("number", "category", "one-of"):
        return column, "number" if kind == "number" else "category"
    return text, "guess"


def safe_name(name: str) -> str:
    """Write the name of a column so that it can be part of an array's name."""
    return re.sub(r"[\s./\\]+", "_", name.strip()) or "column"


def find_roles(names: Sequence[str], columns: Mapping[str, str], where: str) -> dict[str, int]:
    """Find the position of each role's column.

    Parameters
    ----------
    names
        Of the columns, or the cells of the first row.
    columns
        Role -> column name, or number for all; empty: the usual names are looked for.

    Raises
    ------
    InputError
        A column is not there or could be either of two, or none can be guessed.
    """
    if not columns:
        return _guess(names, where)
    numbers = [str(number) for number in range(1, len(names) + 1)]
    valid = numbers if is_by_number(columns) else list(names)
    for column in columns.values():
        if column not in valid:
            raise unknown_name(f"column in {where}:", column, valid)
        if valid.count(column) > 1:
            raise _twice(where, valid.count(column), column)
    places = {role: valid.index(column) for role, column in columns.items()}
    if len(set(places.values())) < len(places):
        raise InputError(f"--columns gives one column of {where} two roles", MAPPING_HINT)
    return places


def _guess(names: Sequence[str], where: str) -> dict[str, int]:
    known = [plain_name(name) for name in names]
    found = {
        role: next(name for name in usual if name in known)
        for role, usual in USUAL_NAMES.items()
        if any(name in known for name in usual)
    }
    if "rating" in found:
        found.pop("label", None)
    places = {role: known.index(name) for role, name in found.items()}
    if "user" not in places or "item" not in places:
        raise InputError(
            f"{where}: no column is recognised as the user or the item;"
            f" the first line is: {', '.join(names)[:200]}",
            import_advice(where, names, places),
        )
    for name in found.values():
        if known.count(name) > 1:
            raise _twice(where, known.count(name), names[known.index(name)])
    return places


def check_keys(places: Mapping[str, int], fields: int, names: Sequence[str], where: str) -> None:
    """Refuse what a folder (``dt=2024-01-01``) says of its files for other roles than the type.

    Parameters
    ----------
    fields
        Number of columns that the file itself has; those of the folders follow.
    """
    for role, place in places.items():
        if place >= fields and role != "type":
            raise InputError(
                f"{where}: '{shorten(names[place])}' is the name of a folder, and cannot be"
                f" the {role}",
                "a folder can be the type or a further column: --columns type=NAME or NAME",
            )


def check_same_columns(
    first: Iterable[str], where_first: str, others: Iterable[str], where: str
) -> None:
    """Refuse files of one set of which one has a column that another has not.

    Raises
    ------
    DataError
        They do not have the same columns.
    """
    here, there = set(others), set(first)
    for name in sorted(here ^ there):
        has, lacks = (where, where_first) if name in here else (where_first, where)
        raise DataError(
            f"{has} has a column '{shorten(name)}', {lacks} has none",
            "files that are read as one need the same columns; import others one by one",
        )


def _twice(where: str, count: int, name: str) -> InputError:
    return InputError(
        f"{where}: there are {count} columns '{shorten(name)}'",
        "rename or leave out the others, or give all columns by number",
    )
