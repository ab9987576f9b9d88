"""Why a job failed, in one line."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from recsys_core.errors import InputError
from workbench.store.files import explain

#: what the operating system says of a place that takes nothing
_UNWRITABLE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
    *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENAMETOOLONG),
)
#: a full disk in the words of libraries that raise no OSError with a number: SQLite, Rust's, NumPy
_FULL = re.compile(r"disk is full|No space left on device|os error 28\b|\d requested and \d+ writ")


def reason_of(error: BaseException, folder: Path) -> str:
    """Say in one line why the job in `folder` failed.

    Examples
    --------
    >>> reason_of(ValueError("shapes differ"), Path("runs/a"))
    'ValueError: shapes differ'
    >>> reason_of(SystemExit(0), Path("runs/a"))
    'its code ended the process: SystemExit: 0'
    >>> reason_of(BrokenPipeError(32, "Broken pipe"), Path("runs/a"))
    'BrokenPipeError: Broken pipe'
    """
    if isinstance(error, InputError):
        return _line(error)
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return _line(explain(error, folder))
    if _is_full(error):
        return _line(explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), folder))
    if isinstance(error, MemoryError):
        return "out of memory"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = text.strip().splitlines()
    reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    ended = isinstance(error, SystemExit)
    return f"its code ended the process: {reason}" if ended else reason


def _line(error: InputError) -> str:
    return "; ".join(str(error).splitlines())


def _is_full(error: BaseException) -> bool:
    """Whether a full disk is behind the error: libraries raise their own over it."""
    return any(
        (isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT))
        or _FULL.search(str(each))
        for each in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
