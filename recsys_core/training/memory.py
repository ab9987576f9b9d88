"""Memory that training steps reuse."""

from __future__ import annotations

import ctypes
import sys

#: options of glibc's mallopt
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: bytes at the end of the heap that are kept; more than the tensors that a step drops
_KEPT = 256 * 2**20
#: the largest that glibc allows: blocks above it are always mapped anew
_LARGEST_MMAP_THRESHOLD = 32 * 2**20


def keep_freed_memory() -> None:
    """Let the allocator keep what a step frees for the next one, where it is glibc's.

    By itself it returns tensors of some megabytes to the system as soon as they are freed and is
    given zeroed pages for those of the next step, which takes up to a sixth of the time.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_TRIM_THRESHOLD, _KEPT)
