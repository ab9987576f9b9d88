"""Refuse what cannot fit into memory before an hour is lost on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recsys_core.compute.rehearsal import rehearsal
from recsys_core.errors import CapacityError

#: where Linux states the limit of a container (version 2 and 1 of control groups)
LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
USED = (
    Path("/sys/fs/cgroup/memory.current"),
    Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
GIB = 2**30
#: share of the free memory that a change may need: it is less in a moment
SPARED = 0.9
#: fields of a job to set, or another model: see `CapacityError`
Changes = Mapping[str, Any]


def available_memory() -> int:
    """Bytes that this process may still take: of the machine, or of its container if less."""
    import psutil  # not needed to recommend

    free = psutil.virtual_memory().available
    for limit, used in zip(LIMITS, USED, strict=True):
        try:
            free = min(free, int(limit.read_text()) - int(used.read_text()))
        except (OSError, ValueError):  # not there, or "max": no limit
            continue
    return free


def require_memory(
    model: str, needed: int, why: str, remedy: str | Callable[[int], Sequence[Changes]]
) -> None:
    """Check that `needed` bytes are there.

    Parameters
    ----------
    remedy
        What to do instead: in words, or a function that tells, by the bytes that may be used, with
        which changes of the job it would fit, as `CapacityError` has them.

    Raises
    ------
    CapacityError
        They are not; `why` says what takes them.
    """
    free = available_memory()
    if needed > free:
        problem = (
            f"model {model}: {why} needs {needed / GIB:.1f} GiB, {free / GIB:.1f} GiB are free"
        )
        if isinstance(remedy, str):
            raise CapacityError(problem, remedy)
        changes = remedy(int(SPARED * free))
        raise CapacityError(problem, say_changes(changes), changes)
    now = rehearsal()
    if now is not None:
        now.need(needed)


def say_changes(changes: Sequence[Changes]) -> str:
    """Write changes of a job as a person would make them.

    Examples
    --------
    >>> say_changes([{"params": {"dim": 8, "l2": [1, 2]}}, {"model": "mf"}])
    'set dim=8, l2=[1, 2], or use mf'
    """
    return ", or ".join(_say(change) for change in changes)


def _say(change: Changes) -> str:
    if "model" in change:
        return f"use {change['model']}"
    fields = (f"{name}={json.dumps(value)}" for name, value in change["params"].items())
    return f"set {', '.join(fields)}"
