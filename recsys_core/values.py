"""Values as people write them, without the typed configurations that check them."""

from __future__ import annotations

import math
from typing import Any

from recsys_core.reading import YAMLError, parse_yaml


def parse_value(text: str) -> Any:
    """Read the value of ``field=value`` the way YAML reads it (numbers, lists, true, null).

    What is no YAML, or no plain value (a date), is text: whoever wanted something else says so.

    Examples
    --------
    >>> parse_value("1e-3"), parse_value("[64, 32]"), parse_value("cosine")
    (0.001, [64, 32], 'cosine')
    """
    try:
        value = parse_yaml(text)
    except YAMLError:
        return text
    if not _is_plain(value):
        return text
    if isinstance(value, str):
        try:
            number = float(value)  # YAML 1.1 reads 1e-3 as text
        except ValueError:
            return value
        return number if math.isfinite(number) else value
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    return value is None or isinstance(value, str | int | float)
