"""Work in blocks side by side: NumPy and SciPy release the interpreter while they compute."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from recsys_core.compute.threads import shared_out, thread_budget

ResultT = TypeVar("ResultT")


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

    threads = max(1, min(thread_budget(), len(slices)))
    where = {"require": "sharedmem"} if in_place else {"prefer": "threads"}
    with shared_out(threads) if threads > 1 else nullcontext():
        results: list[ResultT] = Parallel(threads, **where)(delayed(work)(part) for part in slices)
    return results
