"""Options that choose where jobs are done: on this machine or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from recsys_core.errors import InputError


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--executor` and `--scheduler`; the command gets an address, or an empty text."""

    @click.option(
        "--executor",
        type=click.Choice(["local", "dask"]),
        default="local",
        show_default=True,
        help="Where jobs run: in processes on this machine, or as tasks of a Dask cluster.",
    )
    @click.option(
        "--scheduler", default="", metavar="ADDRESS", help="With --executor dask: tcp://HOST:PORT."
    )
    @wraps(command)
    def packed(*, executor: str, scheduler: str, **values: Any) -> Any:
        if executor == "local" and scheduler:
            raise InputError("--scheduler is for a Dask cluster", "add --executor dask")
        if executor == "dask":
            from workbench.jobs.executors import check_cluster

            if not scheduler:
                raise InputError(
                    "--executor dask needs the address of a scheduler",
                    "add --scheduler tcp://HOST:PORT; start one with: dask scheduler",
                )
            check_cluster(scheduler)
        return command(scheduler=scheduler, **values)

    return packed
