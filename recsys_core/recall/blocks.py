"""Work in blocks over threads: NumPy and SciPy release the interpreter while they compute."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ResultT = TypeVar("ResultT")


def map_blocks(work: Callable[[slice], ResultT], size: int, block: int) -> list[ResultT]:
    """Call `work` for consecutive slices of range(size), at most `block` long, and keep the order.

    As many threads work as torch is allowed to use, which is what a job's `threads` sets.
    """
    import torch

    slices = [slice(start, min(start + block, size)) for start in range(0, size, block)]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(work, slices))
