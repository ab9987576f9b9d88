"""What the cells of a column are: guessed from its name and values, or said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recsys_core.data.attributes import Kind, RawColumn, clean_title, genre_list
from recsys_core.data.context import LARGEST, PADDED_NUMBER
from recsys_core.data.dialect import is_missing
from recsys_core.data.times import is_number
from recsys_core.errors import DataError, shorten
from recsys_core.reading import parse_json

#: what a kind is called where it is said
SAID: dict[str, Kind] = {
    "text": "text",
    "number": "numeric",
    "one-of": "categorical",
    "any-of": "multi",
}
#: what stands between the values of a cell, the likeliest first
_BETWEEN = ("|", ";", ",")
#: mean number of words from which a column is for people only
_MANY_WORDS = 4


def build_column(name: str, values: Sequence[Any], said: Kind | None, where: str) -> RawColumn:
    """Read the cells of a column: text, numbers, lists, or None.

    Parameters
    ----------
    name
        What it is called in the data set.
    said
        What it holds; None: that is guessed.

    Raises
    ------
    DataError
        A cell of a column of numbers is none.
    """
    values = _with_json_lists(values)
    if said == "multi" or (said is None and any(isinstance(value, list) for value in values)):
        return RawColumn("multi", _lists(values))
    texts = [_text(value) for value in values]
    if said is None:
        said = _guess(name, [text for text in texts if text])
    if said == "multi":
        return RawColumn("multi", _lists(texts, genres=name == "genres"))
    if said == "numeric":
        return RawColumn("numeric", [_number(text, name, where) for text in texts])
    if said == "text":
        # a break would break every list that shows it
        lines = [" ".join(text.split()) for text in texts]
        return RawColumn(
            "text", [clean_title(line) for line in lines] if name == "title" else lines
        )
    return RawColumn("categorical", texts)


def _guess(name: str, present: list[str]) -> Kind:
    """Guess what a column holds from the cells that hold anything."""
    if name == "title":
        return "text"
    if name == "genres" or _between(present) == "|":
        return "multi"
    if present and all(is_number(x) and not PADDED_NUMBER.fullmatch(x) for x in present):
        return "numeric"
    words = sum(len(text.split()) for text in present)
    return "text" if words >= _MANY_WORDS * max(len(present), 1) else "categorical"


def _between(texts: list[str]) -> str | None:
    return next((mark for mark in _BETWEEN if any(mark in text for text in texts)), None)


def _with_json_lists(values: Sequence[Any]) -> Sequence[Any]:
    """Read cells such as ``["a", "b"]`` as lists, where all that hold anything are such."""
    texts = [value for value in values if isinstance(value, str)]
    if not texts or not all(text[:1] + text[-1:] == "[]" for text in texts):
        return values
    try:
        read = [parse_json(value) if isinstance(value, str) else value for value in values]
    except ValueError:
        return values
    nested = any(isinstance(part, list | dict) for each in read for part in each or ())
    return values if nested else read


def _lists(values: Sequence[Any], *, genres: bool = False) -> list[list[str]]:
    """Take lists as they are, and cut other cells where their values are separated."""
    cells = [value if isinstance(value, list) else _text(value) for value in values]
    between = _between([cell for cell in cells if isinstance(cell, str)])
    parts = [
        cell if isinstance(cell, list) else cell.split(between) if between else [cell]
        for cell in cells
    ]
    found = [[str(part).strip() for part in each if part is not None] for each in parts]
    return [genre_list(each) if genres else [part for part in each if part] for each in found]


def _text(value: Any) -> str:
    """Write a cell as text; empty: missing."""
    if isinstance(value, list):
        return ", ".join(str(part) for part in value if part is not None)
    return "" if value is None or is_missing(str(value)) else str(value)


def _number(text: str, name: str, where: str) -> float:
    if text and not is_number(text):
        raise DataError(
            f"{where}: '{shorten(text, 40)}' of the column {name} is not a number",
            f"mend it, or say that the column is something else, e.g. {name}:text",
        )
    number = float(text or "nan")
    return number if abs(number) <= LARGEST else float("nan")
