"""Values from files against the kinds that they must be: checked once, where they come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from recsys_core.reading import shorten
from recsys_core.values import is_finite_number
from workbench.store.files import damaged

Kind = Callable[[Any], bool]

#: characters of a wrong value that a message shows
_SHOWN = 30
#: seconds from 1970: the years 69 to 3871, which every clock and calendar can show
_FARTHEST = 6e10
#: SQLite keeps whole numbers up to here
_LARGEST = 2**63


def text(value: Any) -> bool:
    """Tell whether it is text."""
    return isinstance(value, str)


def flag(value: Any) -> bool:
    """Tell whether it is true or false."""
    return isinstance(value, bool)


def whole(value: Any) -> TypeGuard[int]:
    """Tell whether it is a whole number of ordinary size."""
    return type(value) is int and abs(value) < _LARGEST


def number(value: Any) -> bool:
    """Tell whether it is a finite number."""
    return is_finite_number(value)


def moment(value: Any) -> bool:
    """Tell whether it is a time in seconds since 1970."""
    return number(value) and abs(value) <= _FARTHEST


def mapping(value: Any) -> bool:
    """Tell whether it has names and values."""
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def optional(kind: Kind) -> Kind:
    """Allow None, too."""
    return lambda value: value is None or kind(value)


def mapping_of(kind: Kind) -> Kind:
    """Ask for names with values of one kind."""
    return lambda value: mapping(value) and all(map(kind, value.values()))


def list_of(kind: Kind) -> Kind:
    """Ask for a list of values of one kind."""
    return lambda value: isinstance(value, list) and all(map(kind, value))


def interval(value: Any) -> bool:
    """Tell whether it is a list of a lower and an upper bound."""
    return isinstance(value, list) and len(value) == 2 and all(map(_number_or_none, value))


_number_or_none = optional(number)


def check(
    values: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    where: Path,
    *,
    required: bool = True,
    inside: str = "",
) -> None:
    """Compare values with their kinds, by name; names without a kind are those of later versions.

    Parameters
    ----------
    required
        Whether every name must be there.
    inside
        Name of what the values are a part of, for the message.

    Raises
    ------
    DamagedFileError
        One is missing or of another kind; `where` is the file.
    """
    for name, kind in kinds.items():
        if name not in values:
            if required:
                raise damaged(where, f"'{inside}{name}' is missing")
        elif not kind(values[name]):
            raise damaged(where, f"{inside}{name} is {shorten(repr(values[name]), _SHOWN)}")
