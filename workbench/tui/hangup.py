"""A terminal that goes away: a closed window, a lost connection."""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Callable
from types import FrameType


def on_hangup(keep: Callable[[], None], leave: Callable[[int], object]) -> None:
    """End the program on SIGHUP, at once when its terminal is gone.

    The system sends SIGCONT right after SIGHUP, and Textual then starts its output anew, on a
    terminal that takes none, and waits for it forever. A Python handler of SIGHUP comes first.

    Parameters
    ----------
    keep
        Called before the end without a terminal.
    leave
        Called from the signal handler with the exit code when the terminal is still there: ends
        the session in good order.
    """
    code = 128 + signal.SIGHUP

    def hang_up(_number: int, _frame: FrameType | None) -> None:
        if _terminal_is_there():
            leave(code)
            return
        try:
            keep()
        finally:
            os._exit(code)

    signal.signal(signal.SIGHUP, hang_up)


def _terminal_is_there() -> bool:
    try:
        termios.tcgetattr(sys.__stdin__ or 0)
    except termios.error:
        return False
    return True
