"""Work in blocks over threads: NumPy and SciPy release the interpreter while they compute."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from recsys_core.threads import thread_budget

ResultT = TypeVar("ResultT")


def map_blocks(work: Callable[[slice], ResultT], size: int, block: int) -> list[ResultT]:
    """Call `work` for consecutive slices of range(size), at most `block` long, and keep the order.

    As many threads work as the job may use.
    """
    slices = [slice(start, min(start + block, size)) for start in range(0, size, block)]
    with ThreadPoolExecutor(thread_budget()) as pool:
        return list(pool.map(work, slices))
