"""Dates in the fields of protocols."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator

from recsys_core.data.dataset import TimeArray
from recsys_core.data.times import is_date, read_date
from recsys_core.errors import InputError


def _as_text(value: Any) -> Any:
    """Write a date that YAML has read as people write it."""
    return value.isoformat() if isinstance(value, date) else value


def _checked(text: str) -> str:
    try:
        if is_date(text):
            read_date(text)
            return text
    except (ValueError, OverflowError):
        pass
    raise ValueError("not a date; write it like 2000-12-01 or 2000-12-01T12:30:00")


#: a date or a time, as text
Date = Annotated[str, BeforeValidator(_as_text), AfterValidator(_checked)]


def _as_list(value: Any) -> Any:
    """Split a list written as text: dates are not plain values on a command line."""
    if isinstance(value, str):
        return [each.strip() for each in value.strip("[] ").split(",")]
    return value


#: several of them, also as one text: 2000-09-01,2000-12-01
Dates = Annotated[tuple[Date, ...], BeforeValidator(_as_list)]


def seconds_of(text: str, utc_offset: int) -> int:
    """Give the seconds since 1970 of a time; a date is its midnight, so many hours ahead of UTC.

    Examples
    --------
    >>> seconds_of("1970-01-02", 0), seconds_of("1970-01-02", 8), seconds_of("1970-01-02T00:00Z", 8)
    (86400, 57600, 86400)
    """
    is_day = len(text) <= len("2000-12-01")
    return read_date(text) - 3600 * utc_offset * is_day


def check_date(
    protocol: str, dataset: str, field: str, text: str, seconds: int, times: TimeArray
) -> None:
    """Refuse a date that leaves no row before it, or none from then on."""
    after = int(np.count_nonzero(times >= seconds))
    if after not in (0, len(times)):
        return
    first, last = (
        datetime.fromtimestamp(int(time), UTC).strftime("%Y-%m-%d")
        for time in (times.min(), times.max())
    )
    side = "before" if after else "from then on"
    raise InputError(
        f"protocol {protocol}: {field} = {text}, but data set '{dataset}' has no rows {side}",
        f"choose a date between {first} and {last}, those of the first and the last row (UTC)",
    )
