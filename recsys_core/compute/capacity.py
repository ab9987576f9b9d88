"""Refuse what cannot fit into memory before an hour is lost on it."""

from __future__ import annotations

from pathlib import Path

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


def require_memory(model: str, needed: int, why: str, remedy: str) -> None:
    """Check that `needed` bytes are there.

    Raises
    ------
    CapacityError
        They are not; `why` says what takes them, `remedy` what to do instead.
    """
    free = available_memory()
    if needed > free:
        raise CapacityError(
            f"model {model}: {why} needs {needed / GIB:.1f} GiB, {free / GIB:.1f} GiB are free",
            remedy,
        )
    now = rehearsal()
    if now is not None:
        now.need(needed)
