"""Limits of a job as people write them: ``30m``, ``4G``, ``none``."""

from __future__ import annotations

import math
import re

from recsys_core.errors import InputError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"": 1.0, "m": 1.0, "mb": 1.0, "mib": 1.0, "g": 1024.0, "gb": 1024.0, "gib": 1024.0}


def read_time(text: str) -> float:
    """Read a duration in seconds; ``none`` is infinity.

    Raises
    ------
    InputError
        It is none.

    Examples
    --------
    >>> read_time("30m"), read_time("1.5 h"), read_time("none")
    (1800.0, 5400.0, inf)
    """
    return _read(text, _UNITS, "duration", "90s, 30m or 2h")


def read_memory(text: str) -> float:
    """Read a size in MiB; ``none`` is infinity.

    Raises
    ------
    InputError
        It is none.

    Examples
    --------
    >>> read_memory("500M"), read_memory("4G")
    (500.0, 4096.0)
    """
    return _read(text, _SIZES, "size", "500M or 4G")


def _read(text: str, units: dict[str, float], kind: str, example: str) -> float:
    if text == "none":
        return math.inf
    found = re.fullmatch(r"(\d+(?:\.\d+)?) *([a-z]*)", text.lower())
    if found is None or found[2] not in units or not float(found[1]):
        raise InputError(f"'{text}' is not a {kind}", f"write e.g. {example}")
    return float(found[1]) * units[found[2]]


def write_time(seconds: float) -> str:
    """Write a duration so that `read_time` reads it back.

    Examples
    --------
    >>> write_time(1800), write_time(90), write_time(7200), write_time(0.5)
    ('30m', '90s', '2h', '0.5s')
    """
    for unit, size in (("h", 3600.0), ("m", 60.0)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.10g}{unit}"
    return f"{seconds:.10g}s"


def write_memory(megabytes: float) -> str:
    """Write a size so that `read_memory` reads it back.

    Examples
    --------
    >>> write_memory(4096), write_memory(512)
    ('4G', '512M')
    """
    whole = megabytes >= 1024 and megabytes % 1024 == 0
    return f"{megabytes / 1024:.10g}G" if whole else f"{megabytes:.10g}M"


def in_words(seconds: float) -> str:
    """Write a duration for a sentence.

    Examples
    --------
    >>> in_words(1800), in_words(90), in_words(7200)
    ('30 min', '90 s', '2 h')
    """
    text = write_time(seconds)
    return f"{text[:-1]} {({'m': 'min'}).get(text[-1], text[-1])}"
