"""Signals that end the session: SIGTERM, and a terminal that goes away."""

from __future__ import annotations

import os
import signal
import sys
import termios
from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import FrameType


def on_terminate(loop: AbstractEventLoop, leave: Callable[[int], object]) -> None:
    """End the session on SIGTERM, however much is on its way to it.

    `loop.add_signal_handler` hears of a signal through a pipe of the loop. While a file is pasted,
    thousands of keys fill that pipe, and the signal would be lost.

    Parameters
    ----------
    leave
        Called in the loop with the exit code.
    """

    def terminate(number: int, _frame: FrameType | None) -> None:
        if loop.is_closed():  # the session has ended: the signal does what it does to any program
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
            return
        loop.call_soon_threadsafe(leave, 128 + number)

    signal.signal(signal.SIGTERM, terminate)


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
