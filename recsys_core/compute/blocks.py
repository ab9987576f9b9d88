"""Work in blocks side by side: NumPy and SciPy release the interpreter while they compute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import numpy as np

from recsys_core.compute.rehearsal import Rehearsal, rehearsal, rehearsing
from recsys_core.compute.threads import shared_out, thread_budget
from recsys_core.events import Event, OnEvent

ResultT = TypeVar("ResultT")
#: at least this many seconds lie between two reports
REPORT_SECONDS = 0.3
#: bytes from far beyond which joblib's Dask backend sends an argument once
_LARGE = 2**20
#: a rehearsal does this many blocks at least, beside the first and the last
FEWEST = 2

#: does the work for slices in other processes, each with so many threads, and keeps the order
Sender = Callable[[Callable[[slice], Any], Sequence[slice], int], list[Any]]

_sender: ContextVar[Sender | None] = ContextVar("sender", default=None)
_listener: ContextVar[tuple[OnEvent, str] | None] = ContextVar("listener", default=None)


@contextmanager
def telling(on_event: OnEvent, stage: str) -> Iterator[None]:
    """Tell inside how many blocks are done, of work in this process; not of blocks of a block."""
    token = _listener.set((on_event, stage))
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def elsewhere(sender: Sender) -> Iterator[None]:
    """Let another one than joblib do what `map_blocks` is asked for inside."""
    token = _sender.set(sender)
    try:
        yield
    finally:
        _sender.reset(token)


def map_blocks(
    work: Callable[[slice], ResultT],
    size: int,
    block: int,
    *,
    in_place: bool = False,
    in_turn: bool = False,
) -> list[ResultT]:
    """Call `work` for consecutive slices of range(size), at most `block` long, and keep the order.

    As many threads work as the job may use, unless the caller has chosen another backend by
    ``joblib.parallel_config``: then its processes or machines do.

    Parameters
    ----------
    in_place
        Whether `work` changes arrays of the caller, so that it must stay in this process.
    in_turn
        Whether `work` uses the threads of the job itself, so that here one block follows another.
    """
    slices = [slice(start, min(start + block, size)) for start in range(0, size, block)]
    if len(slices) < 2:
        return [work(part) for part in slices]
    sender = None if in_place else _sender.get()
    if sender is not None:
        return sender(work, slices, thread_budget() if in_turn else 1)
    if in_turn:
        return [work(part) for part in slices]
    now = rehearsal()
    if now is not None and len(slices) > FEWEST + 2 and not in_place:
        return _rehearse(work, slices, now)
    return _work_on(work, slices, in_place=in_place)


def _rehearse(
    work: Callable[[slice], ResultT], slices: list[slice], now: Rehearsal
) -> list[ResultT]:
    """Work on some blocks here and there; each of the others gets the result of one of them."""
    # the first fills caches, and the last may be short: neither stands for others
    with rehearsing(None):
        first, last = work(slices[0]), work(slices[-1])
        order = np.random.default_rng(0).permutation(np.arange(1, len(slices) - 1))
        at_once = thread_budget()
        started, done = now.clock(), dict[int, ResultT]()
        for chosen in np.split(order, range(at_once, len(order), at_once)):
            found = _work_on(work, [slices[place] for place in chosen])
            done.update(zip(chosen.tolist(), found, strict=True))
            spent = now.clock() - started
            if len(done) >= FEWEST and now.is_enough(spent):
                break
    now.leave_out(spent, (len(order) - len(done)) / len(done))
    known = list(done.values())
    between = [done.get(place, known[place % len(known)]) for place in range(1, len(slices) - 1)]
    return [first, *between, last]


def _work_on(
    work: Callable[[slice], ResultT], slices: list[slice], *, in_place: bool = False
) -> list[ResultT]:
    from joblib import Parallel, delayed  # slow to import, and one user does without
    from joblib.parallel import get_active_backend

    threads = max(1, min(thread_budget(), len(slices)))
    where = {"require": "sharedmem"} if in_place else {"prefer": "threads"}
    listener = _listener.get()
    shared = getattr(get_active_backend(**where)[0], "supports_sharedmem", False)  # Dask has none
    if listener is not None and shared:
        work = _told(work, len(slices), *listener)
    token = _listener.set(None)
    try:
        with shared_out(threads) if threads > 1 else nullcontext():
            sent = work if shared else _Sent(work)
            jobs = (delayed(_do)(sent, part) for part in slices)
            results: list[ResultT] = Parallel(threads, **where)(jobs)
    finally:
        _listener.reset(token)
    return results


class _Sent(Generic[ResultT]):
    """Work that a cluster is sent once: joblib's Dask backend does so with what says it is large.

    The model and the histories that it holds would travel with every block else.
    """

    def __init__(self, work: Callable[[slice], ResultT]) -> None:
        self._work = work

    def __call__(self, part: slice) -> ResultT:
        """Do it for a block."""
        return self._work(part)

    def __sizeof__(self) -> int:
        return _LARGE


def _do(work: Callable[[slice], ResultT], part: slice) -> ResultT:
    return work(part)


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
