"""The arrays of a prepared set as files: one npy file each, mapped when the set is loaded.

Their names, types and shapes stand in meta.json and are checked at every load. What takes reading
the arrays (values within bounds, the fingerprint) is checked once for each state of the files,
which `checked.json` remembers by size, times and inode: changed or copied files are checked anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.npy import map_array
from recsys_core.data.registered import COLUMNS
from recsys_core.errors import InputError
from recsys_core.reading import read_json

CHECKED = "checked.json"
_ODD = re.compile(r"[^A-Za-z0-9_-]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+[.]npy")
#: letters of a file's name at most, without its end
LONGEST = 80


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    """Write each array into a file of its own below `folder`.

    Returns
    -------
    Name -> its ``file``, ``dtype`` and ``shape``, for `map_arrays`.
    """
    (folder / COLUMNS).mkdir()
    index: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for name, array in arrays.items():
        file = _file_name(name, taken)
        with (folder / COLUMNS / file).open("wb") as stream:
            np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
        index[name] = {"file": file, "dtype": array.dtype.str, "shape": list(array.shape)}
    return index


def _file_name(name: str, taken: set[str]) -> str:
    """Name a file after a column, whatever letters and case that has."""
    stem = ".".join(_ODD.sub("_", part) for part in name.split("."))[:LONGEST].strip(".")
    file, number = f"{stem}.npy", 1
    while file.lower() in taken:
        number += 1
        file = f"{stem}-{number}.npy"
    taken.add(file.lower())
    return file


def map_arrays(folder: Path, index: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Map the arrays that `write_arrays` wrote.

    Raises
    ------
    OSError
        A file cannot be read.
    ValueError, KeyError, TypeError
        A file, or what `index` says of it, is not what it should be; the file is named.
    """
    return {name: _map(folder / COLUMNS, entry) for name, entry in index.items()}


def _map(folder: Path, entry: Any) -> NDArray[Any]:
    file = entry["file"]
    if not _PLAIN.fullmatch(file):
        raise ValueError(f"'{file}' is not the name of a column's file")
    try:
        array = map_array(folder / file)
    except (ValueError, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise ValueError(f"{COLUMNS}/{file}: {why}") from error
    found = (array.dtype.str, list(array.shape))
    if found != (entry["dtype"], entry["shape"]):
        raise ValueError(f"{COLUMNS}/{file} holds {found[0]} of shape {found[1]}")
    return array


def stamp_of(folder: Path, files: Iterable[str]) -> dict[str, list[int]]:
    """Tell the state of files below `folder`: size, times of change and inode.

    Raises
    ------
    OSError
        One is missing.
    """
    states = {name: (folder / name).stat() for name in files}
    return {
        name: [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
        for name, state in states.items()
    }


def is_checked(folder: Path, stamp: Mapping[str, list[int]]) -> bool:
    """Whether files in this state were checked before."""
    with suppress(InputError):
        return read_json(folder / CHECKED).get("files") == stamp
    return False


def remember_checked(folder: Path, stamp: Mapping[str, list[int]]) -> None:
    """Remember that files in this state are in order; in a folder that is only read nothing is."""
    partial = folder / f".{CHECKED}.{os.getpid()}"
    with suppress(OSError):
        partial.write_text(json.dumps({"files": stamp}) + "\n", encoding="utf-8")
        partial.replace(folder / CHECKED)
