"""How many threads a job may use."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

#: environment variables by which threads that wait for each other sleep: on a busy machine they
#: would spin for longer than they compute. OpenMP and OpenBLAS read them when they are loaded
ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "10"}

_budget: ContextVar[int | None] = ContextVar("threads", default=None)


def default_threads() -> int:
    """Count the cores this process may use; OMP_NUM_THREADS, where it is set, may lower that."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores or 1, int(wanted)) if wanted.isdigit() and int(wanted) else cores or 1


def wait_asleep() -> None:
    """Let threads sleep while they wait, in this process and its children, unless told otherwise.

    To be called before NumPy and torch are loaded. Results do not depend on it.
    """
    for name, value in ASLEEP.items():
        os.environ.setdefault(name, value)


def thread_budget() -> int:
    """Return how many threads the job that calls this may use."""
    return _budget.get() or default_threads()


class _Limit:
    """A limit of the whole process that several threads may ask for at the same time.

    The first one notes what was before; who comes later would see the limit itself, and leave it
    behind for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: Any = None

    @contextmanager
    def hold(self, note: Callable[[], Any], put_back: Callable[[Any], object]) -> Iterator[None]:
        """Hold it inside.

        Parameters
        ----------
        note
            Called by the first one; gives what was before.
        put_back
            Called with that by the last one.
        """
        with self._lock:
            if self._users == 0:
                self._before = note()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    put_back(self._before)


_torch_limit, _blas_limit = _Limit(), _Limit()


@contextmanager
def one_torch_thread(threads: int = 1) -> Iterator[None]:
    """Let torch, where it is loaded, compute in the calling thread inside: quick to enter."""
    torch: Any = sys.modules.get("torch")
    if not torch:
        yield
        return
    with _torch_limit.hold(torch.get_num_threads, torch.set_num_threads):
        mine = torch.get_num_threads()  # OpenMP keeps a number for each thread
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(mine)


@contextmanager
def shared_out(workers: int) -> Iterator[None]:
    """Let BLAS and torch use so few threads inside that `workers` of them keep to the budget."""
    with _libraries_use(max(1, thread_budget() // workers)):
        yield


@contextmanager
def each_uses(threads: int) -> Iterator[None]:
    """Let what is done inside, beside the same in other threads of this process, use `threads`."""
    token = _budget.set(threads)
    try:
        with _libraries_use(threads):
            yield
    finally:
        _budget.reset(token)


@contextmanager
def _libraries_use(threads: int) -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    def limit() -> threadpool_limits:
        return threadpool_limits(threads, user_api="blas")

    with (
        _blas_limit.hold(limit, threadpool_limits.restore_original_limits),
        one_torch_thread(threads),
    ):
        yield


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
