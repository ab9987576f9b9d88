"""Further columns of events: what was known when each happened, as categories or numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import Categorical, Column, IntArray, Numeric
from recsys_core.data.file_layout import ContextKind, is_missing
from recsys_core.data.times import is_number

#: 01234 is a code, not a number
PADDED_NUMBER = re.compile(r"0[0-9]+")
#: a larger number is none that a column can hold
LARGEST = 3e38


def numeric(numbers: NDArray[np.float64]) -> Numeric:
    """Make a column of numbers; one that it cannot hold is missing."""
    return Numeric(np.where(np.abs(numbers) <= LARGEST, numbers, np.nan).astype(np.float32))


@dataclass(frozen=True)
class Texts:
    """A column of text as parsed: row r holds ``values[codes[r]]``; values are distinct."""

    codes: IntArray
    values: NDArray[Any]

    @classmethod
    def of(cls, texts: Any) -> Texts:
        """Take the texts of an array of objects."""
        import pandas as pd

        codes, values = pd.factorize(np.asarray(texts, dtype=object))
        return cls(codes.astype(np.int32), np.asarray(values, dtype=object))

    def __len__(self) -> int:
        return len(self.codes)

    def used(self) -> Texts:
        """Leave out the values that no row has."""
        there = np.bincount(self.codes, minlength=len(self.values)) > 0
        if there.all():
            return self
        place = np.cumsum(there, dtype=np.int32) - np.int32(1)
        return Texts(place[self.codes], self.values[there])

    def __getitem__(self, rows: Any) -> Texts:
        """Pick rows; values that no row has any more stay."""
        return Texts(self.codes[rows], self.values)


def context_column(texts: Texts, kind: ContextKind) -> Column | None:
    """Make a column of what was read; None: it is said to hold numbers, and does not.

    Examples
    --------
    >>> read = Texts(np.array([1, 0, 2]), np.array(["9", "10", "NA"], dtype=object))
    >>> context_column(read, "guess").values.tolist()
    [10.0, 9.0, nan]
    """
    texts = texts.used()
    values = [str(value) for value in texts.values.tolist()]
    present = [value for value in values if not is_missing(value)]
    if kind == "number" and not all(map(is_number, present)):
        return None
    if kind == "number" or (
        kind == "guess" and present and all(is_number(v) and not is_code(v) for v in present)
    ):
        numbers = [number_of(value) if is_number(value) else np.nan for value in values]
        return Numeric(np.array(numbers, dtype=np.float32)[texts.codes])
    order = sorted(present)
    if all(map(is_number, order)):
        order.sort(key=float)
    place = {value: code for code, value in enumerate(order)}
    codes = np.array([place.get(value, -1) for value in values], dtype=np.int32)
    return Categorical(codes[texts.codes], np.array(order, dtype=np.str_))


def is_code(text: str) -> bool:
    """Whether a number is written as codes are, with zeros before it."""
    return PADDED_NUMBER.fullmatch(text) is not None


def number_of(text: str) -> float:
    """Read a number; what is too large for one is missing."""
    number = float(text)
    return number if abs(number) <= LARGEST else float("nan")


def take_rows(column: Column, rows: NDArray[Any]) -> Column:
    """Pick rows of a column that has one value per row."""
    if isinstance(column, Categorical):
        return Categorical(column.codes[rows], column.vocabulary)
    assert isinstance(column, Numeric)
    return Numeric(column.values[rows])


def kinds_of(columns: Mapping[str, Column]) -> dict[str, str]:
    """Say of each column whether it holds categories or numbers."""
    return {
        name: "categorical" if isinstance(column, Categorical) else "numeric"
        for name, column in columns.items()
    }
