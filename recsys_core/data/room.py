"""Whether a set can fit on the disk, before it is read."""

from __future__ import annotations

import shutil
from pathlib import Path

from recsys_core.data.archive import GZ, RawFile, RawFiles
from recsys_core.data.formats import is_parquet
from recsys_core.data.parquet import count_rows
from recsys_core.errors import InputError

#: bytes of a row of a prepared set at least: user, item, rating, time, timeline, browse.sqlite
PREPARED = 44
#: bytes of a row that an import below a limit of memory writes beside it, at least
STAGED = 36
GB, MB = 10**9, 10**6


def check_room(files: RawFiles, where: str, data_dir: Path, *, limited: bool) -> None:
    """Refuse what cannot fit on the disk of the data folder.

    Parameters
    ----------
    where
        What the files are together, for the message.
    limited
        Whether rows are kept on disk while they are read.

    Raises
    ------
    InputError
        It cannot.
    """
    rows = sum(_rows(files[name]) for name in files.rows or files.parts.values() or (files.main,))
    needed = rows * (PREPARED + STAGED * limited)
    free = shutil.disk_usage(_existing(data_dir)).free
    if needed > free:
        raise InputError(
            f"{where}: to prepare its rows, about {rows:,}, takes {_said(needed)} in {data_dir},"
            f" {_said(free)} are free there",
            "free some space there or choose another folder with --data-dir",
        )


def _rows(file: RawFile) -> int:
    """Count the rows of a file, or about those that it has at least; 0: nobody knows."""
    if is_parquet(file.member):
        return count_rows(file) if file.is_plain else 0
    if file.member.lower().endswith(GZ):
        return 0
    # numbers grow along a file, and lines with them
    lengths = [len(text) / lines for text in file.ends() if (lines := text.count(b"\n"))]
    return int(file.size / max(lengths)) if lengths else 0


def _said(size: int) -> str:
    return f"{size / GB:,.1f} GB" if size >= 10 * GB else f"{size / MB:,.0f} MB"


def _existing(folder: Path) -> Path:
    """Give the folder, or the one in which it will be made."""
    folder = folder.absolute()
    return next(each for each in (folder, *folder.parents) if each.exists())
