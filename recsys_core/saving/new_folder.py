"""Folders that appear as a whole: what stands under a name is complete."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recsys_core.errors import InputError, shorten
from recsys_core.saving.replace import PARTIAL


def check_new_folder(folder: Path) -> None:
    """Raise InputError where something stands under the name already."""
    if folder.exists() or folder.is_symlink():
        raise InputError(f"{folder} is there already", "give the name of a new folder")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write into; it becomes `folder` when the block ends well.

    Raises
    ------
    InputError
        The folder is there already, or cannot be made or written.
    """
    check_new_folder(folder)
    partial = folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(6)}{PARTIAL}")
    try:
        partial.mkdir()
        yield partial
        _take_place(partial, folder)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {error.strerror or shorten(error)}",
            "give the path of a new folder in one that can be written to",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _take_place(partial: Path, folder: Path) -> None:
    """Rename; a folder that somebody made meanwhile, empty even, is not replaced."""
    folder.mkdir()
    try:
        partial.replace(folder)
    except OSError:
        folder.rmdir()
        raise
