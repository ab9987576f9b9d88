"""Values as people write them, without the typed configurations that check them."""

from __future__ import annotations

from typing import Any

import yaml


def parse_value(text: str) -> Any:
    """Read the value of ``field=value`` the way YAML reads it (numbers, lists, true, null).

    Examples
    --------
    >>> parse_value("1e-3"), parse_value("[64, 32]"), parse_value("cosine")
    (0.001, [64, 32], 'cosine')
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(value, str):
        try:
            return float(value)  # YAML 1.1 reads 1e-3 as text
        except ValueError:
            return value
    return value
