"""Values as people write them, without the typed configurations that check them."""

from __future__ import annotations

import math
import sys
from typing import Any, TypeGuard

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
        number = parse_number(value)  # YAML 1.1 reads 1e-3 as text
        return value if number is None else number
    return value


def parse_number(text: str) -> float | None:
    """Read a finite number; None for any other text.

    Examples
    --------
    >>> parse_number(" 1e-3 "), parse_number("nan"), parse_number("1_000"), parse_number("")
    (0.001, None, None, None)
    """
    try:
        number = math.nan if "_" in text else float(text)  # Python alone reads 1_000
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def sentence(text: str) -> str:
    """Write a remark as a sentence.

    Examples
    --------
    >>> sentence("the set has no times")
    'The set has no times.'
    """
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


def counted(count: int, noun: str) -> str:
    """Write how many there are of something whose plural ends in s.

    Examples
    --------
    >>> counted(1, "row"), counted(0, "test item"), counted(2000, "row")
    ('1 row', '0 test items', '2,000 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def is_finite_number(value: Any) -> TypeGuard[int | float]:
    """Tell whether a value as JSON and YAML give it is a finite number; true and false are not.

    Examples
    --------
    >>> is_finite_number(3), is_finite_number(float("nan")), is_finite_number(True)
    (True, False, False)
    """
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    return value is None or isinstance(value, str | int | float)


def p_value_text(p_value: float) -> str:
    """Write a p-value; none is 0.

    Examples
    --------
    >>> p_value_text(0.0312), p_value_text(1e-9)
    ('0.031', '<0.001')
    """
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"
