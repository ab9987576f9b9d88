"""stdout and stderr that do not decide over the work: a reader may leave, or never have been."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = range(3)


class Unread(io.FileIO):
    """An open file descriptor; what its reader did not wait for is dropped.

    Training goes on when ``| head`` has seen enough, and its gates are judged.

    Parameters
    ----------
    spared
        Errors of writing that drop the text instead of being raised.
    """

    def __init__(self, descriptor: int, spared: type[OSError] = BrokenPipeError) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._spared = spared

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written."""
        try:
            return super().write(data)
        except self._spared:
            return memoryview(data).nbytes


def open_streams() -> None:
    """Make stdout and stderr of this process such files; those that were closed go nowhere.

    Of stderr, which carries progress and complaints, any error is spared: no job fails since the
    disk of a log is full. A full disk under stdout, which carries results, is raised.
    """
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:  # closed (``2>&-``): the next file to be opened would get its number
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(STDIN, closefd=False)  # noqa: SIM115 - no path, stays open
    sys.stdout = _open_text(Unread(STDOUT), sys.stdout)
    sys.stderr = _open_text(Unread(STDERR, OSError), sys.stderr, line_buffering=True)


def _open_text(raw: io.FileIO, like: TextIO | None, line_buffering: bool = False) -> TextIO:
    """Open a text stream like the one that Python opened, which is None where it was closed.

    Characters that the encoding lacks are written as escapes.
    """
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=like.encoding if like is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=line_buffering or raw.isatty(),
        write_through=getattr(like, "write_through", False),
    )
