"""Ctrl-C and SIGTERM: a job ends in order, and nothing is left half-written.

The request is raised as KeyboardInterrupt where the signal arrives. That can get lost: in a
finalizer, or in a library that catches everything or turns it into an error of its own. So it is
also noted, and raised again at the next event.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked = threading.Event()


def asked_to_end() -> bool:
    """Tell whether a signal arrived inside `interruptible`."""
    return _asked.is_set()


def check() -> None:
    """Raise KeyboardInterrupt when the process was asked to end."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _handle(number: int, frame: FrameType | None) -> None:
    _asked.set()
    raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise SIGINT and SIGTERM as KeyboardInterrupt inside the block."""
    with _handled_by(_handle):
        try:
            yield
        except Exception as error:
            if asked_to_end():
                raise KeyboardInterrupt from error
            raise
        finally:
            _asked.clear()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM inside the block: the last words of a job are being written."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait for the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _handled_by(handler: signal._HANDLER) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    before = [signal.signal(number, handler) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, previous in zip(_SIGNALS, before, strict=True):
            signal.signal(number, previous)
