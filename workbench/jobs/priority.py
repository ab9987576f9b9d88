"""Work in the background leaves the machine to the people at it."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_NICE = 10
#: the weight of this process' session on Linux, see sched(7), "The autogroup feature"
_SESSION = Path("/proc/self/autogroup")
#: the kernel lets users change one of these at a time, so many seconds apart
_APART, _TRIES = 0.11, 10


def step_back() -> None:
    """Make this process, and what it starts, the last to be served.

    Many kernels share a core evenly among sessions first, and nice values count within a session
    only: a worker, which has a session of its own, would take half of a core from the terminal all
    the same. So a session that this process leads becomes nice as well.
    """
    os.nice(_NICE)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # another system, or it may not be changed: nice has to do
            _weaken_session()


def _weaken_session() -> None:
    for _ in range(_TRIES):
        try:
            _SESSION.write_text(str(_NICE))
        except BlockingIOError:
            time.sleep(_APART)
        else:
            return
