"""Options about a job's place in the queue and its limits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import click

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"": 1.0, "m": 1.0, "mb": 1.0, "mib": 1.0, "g": 1024.0, "gb": 1024.0, "gib": 1024.0}


def _measure(
    kind: str, units: dict[str, float], example: str
) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Build the callback that reads a number with a unit; ``none`` becomes infinity."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        if value == "none":
            return math.inf
        found = re.fullmatch(r"(\d+(?:\.\d+)?) *([a-z]*)", value.lower())
        if found is None or found[2] not in units or not float(found[1]):
            problem = f"'{value}' is not a {kind}: write e.g. {example}"
            raise click.BadParameter(problem, ctx, param)
        return float(found[1]) * units[found[2]]

    return read


_PLACE_OPTIONS = [
    click.option(
        "--priority", type=int, help="Jobs with a higher priority run first.  [default: 0]"
    ),
    click.option(
        "--after",
        multiple=True,
        metavar="RUN",
        help="Wait until this run has succeeded. Repeatable.",
    ),
    click.option(
        "--time-limit",
        callback=_measure("duration", _UNITS, "90s, 30m or 2h"),
        metavar="TIME",
        help="Fail the job if it takes longer, e.g. 30m.",
    ),
    click.option(
        "--memory-limit",
        callback=_measure("size", _SIZES, "500M or 4G"),
        metavar="SIZE",
        help="Fail the job if it needs more memory, e.g. 4G.",
    ),
]


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about a job's place in the queue and its limits."""
    for option in reversed(_PLACE_OPTIONS):
        command = option(command)
    return command


def limit(value: float | None) -> float | None:
    """Turn infinity into no limit."""
    return None if value is None or math.isinf(value) else value
