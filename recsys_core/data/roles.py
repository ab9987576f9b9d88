"""Which column of a table is what: said with --columns, or recognised by the usual names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from recsys_core.data.advice import ROLES, import_advice
from recsys_core.data.dialect import plain_name
from recsys_core.errors import InputError, shorten, unknown_name

#: role -> names of columns, as `plain_name` writes them, the likeliest first; a type is only said
USUAL_NAMES = {
    "user": ("user", "userid", "uid", "reviewerid", "customerid"),
    "item": ("item", "itemid", "iid", "movieid", "productid", "asin", "bookid", "isbn"),
    "rating": ("rating", "score", "stars", "overall"),
    "label": ("label", "click", "clicked", "isclick"),
    "timestamp": ("timestamp", "time", "ts", "unixreviewtime", "unixtime"),
}
MAPPING_HINT = (
    "say which is which: --columns user=NAME,item=NAME,rating=NAME,timestamp=NAME"
    " (names, or numbers from 1; rating or label=, timestamp and type= may be left out)"
)
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
            "--columns: a + stands for all further columns and is possible with items only",
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
    for role in columns:
        if role not in ROLES:
            raise unknown_name("role in --columns", role, ROLES)
    for role in ("user", "item"):
        if columns and role not in columns:
            problem = f"--columns does not say which column of {where} is the {role}"
            raise InputError(problem, MAPPING_HINT)
    if "rating" in columns and "label" in columns:
        raise InputError(
            f"--columns gives {where} ratings and labels: a set has one of both",
            "leave out rating= or label=",
        )


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
            raise unknown_name(f"column of {where}", column, valid)
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
            f"{where}: no column is known to be the user or the item;"
            f" the first line is: {', '.join(names)[:200]}",
            import_advice(where, names, places),
        )
    for name in found.values():
        if known.count(name) > 1:
            raise _twice(where, known.count(name), names[known.index(name)])
    return places


def _twice(where: str, count: int, name: str) -> InputError:
    return InputError(
        f"{where}: there are {count} columns '{shorten(name)}'",
        "rename or leave out the others, or give all columns by number",
    )
