"""How many threads a job may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_budget: ContextVar[int | None] = ContextVar("threads", default=None)


def default_threads() -> int:
    """Count the cores this process may use; OMP_NUM_THREADS, where it is set, may lower that."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores or 1, int(wanted)) if wanted.isdigit() and int(wanted) else cores or 1


def thread_budget() -> int:
    """Return how many threads the job that calls this may use."""
    return _budget.get() or default_threads()


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch, where it is loaded, compute in the calling thread inside: quick to enter."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 1
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let a job, the BLAS libraries, and torch where it is loaded, use `threads` threads inside.

    A model that needs torch has loaded it by now; the others are spared its seconds of import.
    """
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(threads)
    token = _budget.set(threads)
    try:
        with threadpool_limits(limits=threads):
            yield
    finally:
        _budget.reset(token)
        if torch:
            torch.set_num_threads(before)
