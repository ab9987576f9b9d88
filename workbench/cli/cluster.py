"""Options that choose where jobs are done: on this machine or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from recsys_core.errors import InputError

#: who trains and who judges, by the value of `--executor`
_LOCAL, _DASK, _JUDGES = "local", "dask", "dask-eval"


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--executor` and `--scheduler`; the command gets an address, or an empty text."""
    executor = click.option(
        "--executor",
        type=click.Choice([_LOCAL, _DASK]),
        default=_LOCAL,
        show_default=True,
        help="Where jobs run: in processes on this machine, or as tasks of a Dask cluster.",
    )

    @wraps(command)
    def packed(*, executor: str, scheduler: str, **values: Any) -> Any:
        _check(executor, scheduler)
        return command(scheduler=scheduler, **values)

    return executor(_SCHEDULER(packed))


def judging_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same with a third way, of which the command gets the address as `judges`."""
    executor = click.option(
        "--executor",
        type=click.Choice([_LOCAL, _DASK, _JUDGES]),
        default=_LOCAL,
        show_default=True,
        help="Where jobs run: on this machine; as tasks of a Dask cluster; or here, while workers "
        "of a Dask cluster recommend to the test users.",
    )

    @wraps(command)
    def packed(*, executor: str, scheduler: str, **values: Any) -> Any:
        _check(executor, scheduler)
        judges = scheduler if executor == _JUDGES else ""
        return command(scheduler="" if judges else scheduler, judges=judges, **values)

    return executor(_SCHEDULER(packed))


_SCHEDULER = click.option(
    "--scheduler", default="", metavar="ADDRESS", help="Of a Dask cluster: tcp://HOST:PORT."
)


def _check(executor: str, scheduler: str) -> None:
    if executor == _LOCAL:
        if scheduler:
            raise InputError("--scheduler is for a Dask cluster", "add --executor dask")
        return
    from workbench.jobs.executors import check_cluster

    if not scheduler:
        raise InputError(
            f"--executor {executor} needs the address of a scheduler",
            "add --scheduler tcp://HOST:PORT; start one with: dask scheduler",
        )
    check_cluster(scheduler)
