"""Times as files write them, numbers since 1970 in some unit or ISO 8601 text, and numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import TimeArray

#: the last second of the year 9999; larger numbers are of a smaller unit or not times at all
LATEST = 253_402_300_799

#: unit of --time-unit -> a time is its number * the first // the second, in seconds
UNITS = {
    "s": (1, 1),
    "ms": (1, 10**3),
    "us": (1, 10**6),
    "ns": (1, 10**9),
    "min": (60, 1),
    "h": (3_600, 1),
    "d": (86_400, 1),
}
_LEAST_DATE, _LAST_DATE = 19_700_101, 20_991_231
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATES_HINT = (
    "write them like 2020-01-05; if they are numbers since 1970:"
    " recsys-workbench data import PATH --time-unit s"
)
_NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}([T ]|$)")


@dataclass(frozen=True)
class Clock:
    """How a file writes its times.

    Parameters
    ----------
    unit
        Of times that are numbers: a key of `UNITS`.
    said
        Whether the unit was given; otherwise numbers that are dates (20200105) are refused.
    text
        Whether times are ISO 8601 text; without a zone it is UTC.
    """

    unit: str = "s"
    said: bool = False
    text: bool = False

    def seconds(self, number: Any) -> Any:
        """Turn numbers (or an array of them) into seconds since 1970."""
        times, per = UNITS[self.unit]
        scaled = number if times == 1 else number * times
        return scaled // per if per > 1 else scaled

    @property
    def name(self) -> str:
        """The unit in words."""
        return _NAMES[self.unit]

    @property
    def exact(self) -> bool:
        """Whether a float cannot hold these numbers to the second."""
        return UNITS[self.unit][1] > 10**3

    def problem(self, seconds: float) -> str:
        """Say that a time is not between 1970 and 9999, and what its unit may be."""
        said = f"is not in {self.name} since 1970"
        if self.unit != "s" or not LATEST < seconds < math.inf:
            return said
        if re.fullmatch(r"(19|20)\d{12}", f"{seconds:.0f}"):
            return f"{said}; write it like 2020-01-05T10:51:09"
        unit = "ms" if seconds < 10**14 else "us" if seconds < 10**17 else "ns"
        option = f"recsys-workbench data import PATH --time-unit {unit}"
        return f"{said}; if it is in {_NAMES[unit]}: {option}"


_NAMES = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
}


SECONDS = Clock()


def is_date(text: str) -> bool:
    """Whether a cell begins like an ISO date, and is no number.

    Examples
    --------
    >>> is_date("2014-04-07T10:51:09.277Z"), is_date("2020-01-05 UTC"), is_date("1396867869")
    (True, True, False)
    """
    return not text.isdecimal() and _DATE.match(text.strip()) is not None


def is_number(text: str) -> bool:
    """Whether a cell is a number as files write them; `1_000`, `nan` and `inf` are not.

    Examples
    --------
    >>> is_number("-7.8"), is_number("1e9"), is_number("1_000"), is_number("nan")
    (True, True, False, False)
    """
    return _NUMBER.fullmatch(text.strip()) is not None


def read_date(text: str) -> int:
    """Read ISO 8601 as seconds since 1970; a ValueError for anything else.

    Examples
    --------
    >>> read_date("1970-01-02"), read_date("1970-01-01T02:00:00.9+01:00")
    (86400, 3600)
    >>> read_date("1970-01-01 00:00:05 UTC")
    5
    """
    moment = datetime.fromisoformat(text.strip().removesuffix("UTC").rstrip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return math.floor((moment - _EPOCH).total_seconds())


def read_dates(texts: NDArray[Any]) -> TimeArray | None:
    """Read many at once, as `read_date` does; None where any is not plainly a date."""
    import pandas as pd

    column = pd.Series(texts, dtype="str").str.strip().str.removesuffix("UTC").str.rstrip()
    if not column.str.fullmatch(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.*)?").all():
        return None
    try:
        moments = pd.to_datetime(column, format="ISO8601", utc=True)
        seconds = (moments - pd.Timestamp(_EPOCH)) // pd.Timedelta(1, "s")
    except (ValueError, OverflowError):
        return None
    return None if seconds.isna().any() else np.asarray(seconds, np.int64)


def are_dates(times: NDArray[Any]) -> bool:
    """Whether all numbers are dates without dashes, such as 20200105."""
    if not len(times) or times.min() < _LEAST_DATE or times.max() > _LAST_DATE:
        return False
    month, day = times // 100 % 100, times % 100
    return bool(np.all((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)))
