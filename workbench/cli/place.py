"""Options about a job's place in the queue and its limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from recsys_core.errors import InputError
from workbench.jobs.limits import read_memory, read_time


def _measure(
    read: Callable[[str], float],
) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Build the callback that reads a number with a unit; ``none`` becomes infinity."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        try:
            return None if value is None else read(value)
        except InputError as error:
            raise click.BadParameter(f"{error.problem}: {error.remedy}", ctx, param) from None

    return callback


DURATION = _measure(read_time)
read_size = _measure(read_memory)
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
        callback=DURATION,
        metavar="TIME",
        help="Fail the job if it takes longer, e.g. 30m.",
    ),
    click.option(
        "--memory-limit",
        callback=read_size,
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
