"""Files that are replaced as a whole: what stands under a name is complete."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: suffix of a file that is still being written
PARTIAL = ".partial"
#: characters of a name that are kept in that of the file being written: 160 bytes at most
_BEGINNING = 40


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `path` when the block ends well.

    The content is on the disk before the rename, so a crash at any moment leaves the old file
    or the new one. The path is a new file of nobody else: others may write to `path` meanwhile, the
    last one wins, and a link that lies in wait under its name is not followed.

    Raises
    ------
    OSError
        The disk is full, the folder cannot be written, and the like; it names `path`.
    """
    # cut, so that there is room for it wherever there is room for the name
    partial = path.with_name(f"{path.name[:_BEGINNING]}.{secrets.token_hex(6)}{PARTIAL}")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_WRONLY, 0o666))
        yield partial
        _sync(partial)
        partial.replace(path)
    except OSError as error:
        if error.filename is not None and Path(error.filename) == partial:
            error.filename = str(path)  # not a name that nobody gave
        raise
    finally:
        with suppress(OSError):
            partial.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
