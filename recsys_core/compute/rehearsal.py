"""Rehearse a job: do a little of what it does over and over, and count what is left out.

Loops that take most of a job's time (`some`, `passes`, blocks, `cubic`, `by_rows`) do all of their
work unless a rehearsal is under way. Then they do some of it, on the real data, and tell the
rehearsal how long the rest would have taken. What such a job learns is worth nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
#: the first steps of a loop are slower: memory is asked for, caches are filled
WARMING = 2
#: by the clock a loop takes at most so many times as long as it may take of the processor
BUSY = 8
#: steps that are timed at least
LEAST_STEPS = 3
#: rows and columns of the matrix by which a larger one is judged, and of one before it
CORNER, FIRST = 1024, 64
#: of rows one in so many is tried, then more, until that takes long
SHARES = (64, 32, 16, 8, 4, 2, 1)


@dataclass
class Rehearsal:
    """What was left out of a job so far.

    Parameters
    ----------
    patience
        Seconds of the processor that a loop may take.
    left_out
        Shape (2, 2): seconds at most and at least (of a model that may stop early), each by the
        clock and of the processor.
    needed
        Bytes of memory that the job would hold at its peak, where a model has said so.
    """

    patience: float = 1.0
    left_out: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 2)))
    needed: int = 0

    def clock(self) -> NDArray[np.float64]:
        """Tell the time that it would be had nothing been left out, shaped as `left_out`."""
        return np.array([time.perf_counter(), time.process_time()]) + self.left_out

    def is_enough(self, spent: NDArray[np.float64]) -> bool:
        """Tell whether a loop has taken its time; on a busy machine, a few times as much."""
        by_clock, processor = spent[0] / max(self.patience, 1e-9)
        return bool(processor >= 1 or by_clock >= BUSY)

    def leave_out(
        self, spent: NDArray[np.float64], times: float, least: float | None = None
    ) -> None:
        """Count work that is not done: so many times what was `spent`, a difference of clocks."""
        counts = np.array([[times], [times if least is None else least]])
        self.left_out = self.left_out + spent * counts

    def need(self, more: int) -> None:
        """Note that the job will hold so many bytes beside what the process holds now."""
        self.needed = max(self.needed, resident_memory() + more)


_rehearsal: ContextVar[Rehearsal | None] = ContextVar("rehearsal", default=None)


def rehearsal() -> Rehearsal | None:
    """Give the rehearsal that is under way in this thread; None: the job is done in earnest."""
    return _rehearsal.get()


@contextmanager
def rehearsing(one: Rehearsal | None) -> Iterator[None]:
    """Rehearse inside; None: do in earnest what a loop of a rehearsal has chosen to do."""
    token = _rehearsal.set(one)
    try:
        yield
    finally:
        _rehearsal.reset(token)


def some(steps: Iterable[T], count: int) -> Iterator[T]:
    """Go through the steps of a loop; in a rehearsal through the first, which stand for all.

    Parameters
    ----------
    count
        How many there are.
    """
    now = rehearsal()
    return iter(steps) if now is None else _first(now, steps, count)


def _first(now: Rehearsal, steps: Iterable[T], count: int) -> Iterator[T]:
    started = now.clock()
    begun, warm = started, min(WARMING, count // 2)
    for done, step in enumerate(steps, start=1):
        yield step
        here = now.clock()
        if done == warm:
            started = here
        elif done >= warm + LEAST_STEPS and now.is_enough(here - begun):
            now.leave_out(here - started, (count - done) / (done - warm))
            return


def passes(count: int, least: int | None = None) -> Iterator[int]:
    """Count passes from 1 on; in a rehearsal there is one, which stands for all.

    Parameters
    ----------
    least
        So many there are if training stops early; None: as many as `count`.
    """
    now = rehearsal()
    if now is None:
        yield from range(1, count + 1)
        return
    started = now.clock()
    yield 1
    now.leave_out(now.clock() - started, count - 1, None if least is None else least - 1)


def cubic(work: Callable[[NDArray[Any]], NDArray[Any]], matrix: NDArray[Any]) -> NDArray[Any]:
    """Call `work` on a square matrix, where its cost grows with the cube of the size.

    In a rehearsal it works on the identity, of the same size only if that is quick, and what it
    gives back, in the place of `matrix`, is random.
    """
    now = rehearsal()
    if now is None:
        return work(matrix)
    size = min(CORNER, len(matrix))
    started = now.clock()
    work(np.eye(min(FIRST, size), dtype=matrix.dtype))  # loads what it needs
    now.leave_out(started - now.clock(), 1)
    started = now.clock()
    work(np.eye(size, dtype=matrix.dtype))
    spent = now.clock() - started
    times = (len(matrix) / size) ** 3
    if times > 1 and not now.is_enough(spent * times):
        now.leave_out(-spent, 1)  # what the small one took does not count
        work(np.eye(len(matrix), dtype=matrix.dtype))
    else:
        now.leave_out(spent, times - 1)
    # of the identity nothing is told apart, and lists of equal scores take longer
    matrix[:] = np.random.default_rng(0).random(matrix.shape[1], dtype=np.float32)
    return np.ascontiguousarray(matrix)


def by_rows(work: Callable[[Any], T], matrix: Any) -> T:
    """Call `work` on the rows of a matrix, where each row costs as much, and all of them something.

    In a rehearsal it works on more and more of them, spread over all, until that takes long.
    """
    now = rehearsal()
    if now is None:
        return work(matrix)
    total, before = matrix.shape[0], None
    for step in SHARES:
        rows = matrix[::step]
        started = now.clock()
        result = work(rows)
        spent, count = now.clock() - started, rows.shape[0]
        if step == 1:
            break
        if before is not None and spent[0, 1] >= now.patience / 2:  # less tells little
            each = np.maximum(spent - before[0], 0) / max(count - before[1], 1)
            now.leave_out(each, total - count)
            break
        now.leave_out(-spent, 1)  # what is done once more does not count
        before = spent, count
    return result


def resident_memory() -> int:
    """Bytes of memory that the process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):  # not Linux
        return 0
    import resource

    return pages * resource.getpagesize()
