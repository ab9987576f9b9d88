"""What a process and all it started use: processors, memory, a GPU."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

#: seconds between two samples of a job: at first, and of one that has run for hours
_OFTEN, _SELDOM = 2.0, 10.0
#: samples before they become rarer
_MANY = 500
_THREADS = "/proc/{}/task"


@dataclass(frozen=True, slots=True)
class Family:
    """A process and its descendants at one moment.

    Parameters
    ----------
    cpu_seconds
        So far, by process id.
    memory_mb
        Resident memory in MiB; pages that several share count for each.
    """

    cpu_seconds: Mapping[int, float]
    memory_mb: float


def measure_family(pid: int) -> Family:
    """Measure a process and its descendants; those that are gone count for nothing."""
    seconds, memory = {}, 0
    for member in _members(pid):
        with suppress(psutil.Error):
            process = psutil.Process(member)
            with process.oneshot():
                times = process.cpu_times()
                memory += process.memory_info().rss
                seconds[member] = times.user + times.system
    return Family(seconds, memory / 2**20)


def _members(pid: int) -> list[int]:
    """List a process and its descendants."""
    try:
        found, place = [pid], 0
        while place < len(found):
            found += _children(found[place])
            place += 1
    except FileNotFoundError:  # not Linux, or a thread has just ended: all processes are searched
        with suppress(psutil.Error):
            return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
        return [pid]
    return found


def _children(pid: int) -> list[int]:
    """Ask Linux for the children of a process, which takes less than to look at all processes."""
    try:
        threads = list(Path(_THREADS.format(pid)).iterdir())
    except FileNotFoundError:
        if Path(_THREADS.format("self")).is_dir():
            return []  # it is gone
        raise
    found: list[int] = []
    for thread in threads:
        with suppress(ProcessLookupError):
            found += map(int, (thread / "children").read_text().split())
    return found


class Sampler:
    """Says what a process and its descendants used since it was asked before.

    Parameters
    ----------
    measure
        Measures them.
    clock
        Seconds.
    """

    def __init__(
        self,
        measure: Callable[[], Family],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._measure, self._clock = measure, clock
        self._before, self._at = measure(), clock()
        self._tells_use = True

    def __call__(self) -> dict[str, float]:
        """Return percent of one processor, memory in MiB, and the same of a GPU that is in use."""
        family, now = self._measure(), self._clock()
        before = self._before.cpu_seconds
        spent = sum(
            max(0.0, seconds - before.get(pid, 0.0)) for pid, seconds in family.cpu_seconds.items()
        )
        elapsed = now - self._at
        self._before, self._at = family, now
        values = {"memory_mb": round(family.memory_mb, 1)} if family.memory_mb else {}
        if elapsed > 0 and family.cpu_seconds:
            values = {"cpu_percent": round(100 * spent / elapsed, 1), **values}
        return {**values, **self._gpu()}

    def _gpu(self) -> dict[str, float]:
        """Ask PyTorch, if the job has loaded it and works on a GPU."""
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        try:
            if cuda is None or not cuda.is_initialized():
                return {}
            devices = range(cuda.device_count())
            used = sum(cuda.memory_reserved(device) for device in devices)
        except AttributeError:  # it is just being loaded
            return {}
        values = {"gpu_memory_mb": round(used / 2**20, 1)}
        if self._tells_use:
            try:
                values["gpu_percent"] = float(cuda.utilization())
            except Exception:  # noqa: BLE001 - without nvidia-ml-py, on other makes: each its own
                self._tells_use = False
        return values


@contextmanager
def watched(write: Callable[[Mapping[str, float]], None]) -> Iterator[None]:
    """Have what this process and its descendants use written from time to time, meanwhile.

    Parameters
    ----------
    write
        Called in another thread; an OSError is passed over: the job meets a full disk itself.
    """
    pid, over = os.getpid(), threading.Event()

    def work() -> None:
        sample, started = Sampler(lambda: measure_family(pid)), time.monotonic()
        while not over.wait(pause(time.monotonic() - started)):
            with suppress(OSError):
                write(sample())

    thread = threading.Thread(target=work, name="usage", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def pause(elapsed: float) -> float:
    """Return the seconds to the next sample: those of a long job are further apart.

    Examples
    --------
    >>> [pause(seconds) for seconds in (0, 600, 3000, 36_000)]
    [2.0, 2.0, 6.0, 10.0]
    """
    return min(_SELDOM, max(_OFTEN, elapsed / _MANY))
