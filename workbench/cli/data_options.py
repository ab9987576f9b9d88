"""What the commands of `data` share: their progress, and the values of options."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recsys_core.errors import InputError, shorten

if TYPE_CHECKING:
    from recsys_core.events import OnEvent

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
events_option = click.option(
    "--events", is_flag=True, help="Write progress to stderr as JSON lines, one per event."
)


@contextmanager
def following(name: str, as_lines: bool) -> Iterator[OnEvent]:
    """Show progress; ctrl-C and SIGTERM end the work in order."""
    from workbench.cli.progress import open_display
    from workbench.jobs.interrupts import interruptible
    from workbench.jobs.logs import EventLog
    from workbench.store.streams import Unread

    with interruptible():
        if as_lines:
            with Unread(sys.stderr.fileno()) as lines:
                yield EventLog(lines)
            return
        with open_display(quiet=False, plain=False) as display:
            display.begin(name, 0, 0)
            yield display.event


def memory_callback(
    ctx: click.Context, param: click.Parameter, value: float | str | None
) -> int | None:
    """Read a size as bytes; ``none`` is no limit."""
    from workbench.cli.place import limit, read_size

    size = limit(read_size(ctx, param, value if value is None else str(value)))
    return None if size is None else int(size * 2**20)


def read_columns(text: str | None) -> dict[str, str]:
    """Read ``user=a,item=b``; a further column may be named alone: ``device``, ``price:number``."""
    from recsys_core.data.advice import ROLES

    pairs = [pair.partition("=") for pair in text.split(",")] if text else []
    pairs = [
        pair if equals or not name or name in ROLES else (name.partition(":")[0], "=", name)
        for pair in pairs
        for name, equals, _ in (pair,)
    ]
    for role, equals, column in pairs:
        if not (role and equals and column):
            raise InputError(
                f"--columns {text}: '{role}{equals}{column}' is not role=column",
                "e.g. --columns user=user_id,item=book,rating=stars",
            )
    columns: dict[str, str] = {}
    for role, _, column in pairs:
        if role.strip() in columns:
            raise InputError(
                f"--columns {text}: there are two columns for '{role.strip()}'", "leave one out"
            )
        columns[role.strip()] = column.strip()
    return columns


def absolute(table: str | None) -> str | None:
    """Write the path of ``FILE,NAME=COLUMN`` so that it is found from anywhere."""
    if not table:
        return None
    path, comma, columns = table.partition(",")
    return f"{Path(path).resolve()}{comma}{columns}"


def read_range(text: str | None) -> tuple[float, float] | None:
    """Read ``LOW,HIGH``."""
    if text is None:
        return None
    low, _, high = text.partition(",")
    try:
        bounds = float(low), float(high)
    except ValueError:
        bounds = (1.0, 0.0)
    if not -math.inf < bounds[0] < bounds[1] < math.inf:
        raise InputError(
            f"--rating-range {shorten(text)} is not two ascending numbers", "e.g. 0,100"
        )
    return bounds
