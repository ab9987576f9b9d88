"""Files that are there in full or not at all, and file errors that a person can act on."""

from __future__ import annotations

import errno
import json
import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

from recsys_core import reading
from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.reading import DamagedError
from recsys_core.saving import replace

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

    See `recsys_core.saving.replace`, whose errors become those of the store.

    Raises
    ------
    StoreError
        The disk is full, the folder cannot be written, and the like.
    """
    try:
        with replace.replacing(path) as partial:
            yield partial
    except OSError as error:
        raise explain(error, path) from error


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
