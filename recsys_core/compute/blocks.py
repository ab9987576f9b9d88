"""Work in blocks side by side: NumPy and SciPy release the interpreter while they compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TypeVar

from recsys_core.compute.threads import shared_out, thread_budget
from recsys_core.events import Event, OnEvent

ResultT = TypeVar("ResultT")
#: at least this many seconds lie between two reports
REPORT_SECONDS = 0.3

_listener: ContextVar[tuple[OnEvent, str] | None] = ContextVar("listener", default=None)


@contextmanager
def telling(on_event: OnEvent, stage: str) -> Iterator[None]:
    """Tell inside how many blocks are done, of work in this process; not of blocks of a block."""
    token = _listener.set((on_event, stage))
    try:
        yield
    finally:
        _listener.reset(token)


def map_blocks(
    work: Callable[[slice], ResultT], size: int, block: int, *, in_place: bool = False
) -> list[ResultT]:
    """Call `work` for consecutive slices of range(size), at most `block` long, and keep the order.

    As many threads work as the job may use, unless the caller has chosen another backend by
    ``joblib.parallel_config``: then its processes or machines do.

    Parameters
    ----------
    in_place
        Whether `work` changes arrays of the caller, so that it must stay in this process.
    """
    slices = [slice(start, min(start + block, size)) for start in range(0, size, block)]
    if len(slices) < 2:
        return [work(part) for part in slices]
    from joblib import Parallel, delayed  # slow to import, and one user does without
    from joblib.parallel import get_active_backend

    threads = max(1, min(thread_budget(), len(slices)))
    where = {"require": "sharedmem"} if in_place else {"prefer": "threads"}
    listener = _listener.get()
    if listener is not None and get_active_backend(**where)[0].supports_sharedmem:
        work = _told(work, len(slices), *listener)
    token = _listener.set(None)
    try:
        with shared_out(threads) if threads > 1 else nullcontext():
            jobs = (delayed(work)(part) for part in slices)
            results: list[ResultT] = Parallel(threads, **where)(jobs)
    finally:
        _listener.reset(token)
    return results


def _told(
    work: Callable[[slice], ResultT], total: int, on_event: OnEvent, stage: str
) -> Callable[[slice], ResultT]:
    """Tell after a block how many are done, now and then, from one thread at a time."""
    lock = threading.Lock()
    done, reported = 0, time.monotonic()

    def work_and_tell(part: slice) -> ResultT:
        nonlocal done, reported
        result = work(part)
        with lock:
            done += 1
            if time.monotonic() - reported >= REPORT_SECONDS:
                on_event(Event(stage, done, total))
                reported = time.monotonic()
        return result

    return work_and_tell
