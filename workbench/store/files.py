"""Files that are there in full or not at all, and file errors that a person can act on."""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

from recsys_core import reading
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.reading import DamagedError

#: suffix of a file that is still being written
PARTIAL = ".partial"
#: characters of a name that are kept in that of the file being written: 160 bytes at most
_BEGINNING = 40

#: what to do about a file of a run or a report that does not say what it should
DAMAGED_HINT = f"restore it from a copy, or {TRAIN_AGAIN}"


_ELSEWHERE = "choose another place"
_REMEDIES = {
    errno.ENOSPC: f"free some space, or {_ELSEWHERE}",
    errno.EDQUOT: f"free some space, or {_ELSEWHERE}",
    errno.EFBIG: "raise the file size limit (ulimit -f)",
    errno.EACCES: f"change the permissions, or {_ELSEWHERE}",
    errno.EPERM: f"change the permissions, or {_ELSEWHERE}",
}


class StoreError(InputError):
    """The run store cannot be read or written: disk full, no permission, damaged file."""


class DamagedFileError(StoreError, DamagedError):
    """A file of the store does not hold what it should; to try again does not help."""


def explain(error: OSError, path: Path, option: str = "") -> StoreError:
    """Turn an error of the operating system into a sentence and a remedy.

    Parameters
    ----------
    option
        The option of the command line that chooses the place, if there is one.
    """
    reason = error.strerror or str(error)
    remedy = _REMEDIES.get(error.errno or 0, _ELSEWHERE)
    return StoreError(
        f"{error.filename or path}: cannot be written: {reason}",
        f"{remedy} with {option}" if option else remedy,
    )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to; it takes the place of `path` when the block ends well.

    The content is on the disk before the rename, so a crash at any moment leaves the old file
    or the new one. The path is a new file of nobody else: others may write to `path` meanwhile, the
    last one wins, and a link that lies in wait under its name is not followed.

    Raises
    ------
    StoreError
        The disk is full, the folder cannot be written, and the like.
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
            error.filename = None  # a name that nobody gave
        raise explain(error, path) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` (UTF-8)."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as JSON; `value` must not hold NaN or infinities."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def without_nan(value: Any) -> Any:
    """Prepare for JSON, at any depth: NaN and infinities become None, array scalars numbers."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    if hasattr(value, "item"):
        return without_nan(value.item())
    return value


def read_json(path: Path, remedy: str = DAMAGED_HINT) -> dict[str, Any]:
    """Read a JSON object that may be foreign.

    Parameters
    ----------
    remedy
        What to do about a file that is missing or damaged.

    Raises
    ------
    StoreError
        The file is missing, cannot be read, or is not a JSON object.
    """
    try:
        return reading.read_json(path, remedy=remedy)
    except DamagedError as error:
        raise DamagedFileError(error.problem, remedy) from None
    except InputError as error:
        raise StoreError(error.problem, remedy) from None


def damaged(path: Path, why: str, remedy: str = DAMAGED_HINT) -> DamagedFileError:
    """Say what is wrong with a file that does not hold what it should."""
    return DamagedFileError(f"{path}: damaged: {why}", remedy)


def open_regular(path: Path, mode: Literal["rb", "ab", "a+b"]) -> BinaryIO:
    """Open a file, unbuffered, that something else may stand in the place of.

    Raises
    ------
    OSError
        It cannot be opened, or is no regular file.
    """
    try:
        return reading.open_regular(path, mode, 0)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from None


def remove(path: Path) -> None:
    """Delete what may be a file, a link or a folder, as far as it is there and can be."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
