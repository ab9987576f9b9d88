"""Prepared data sets on disk: `<data_dir>/<name>/` with prepared.npz, browse.sqlite, meta.json.

A set is written into a folder of its own beside its place and renamed into it, so what stands
under its name is complete. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.browse import write_browse
from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
)
from recsys_core.data.prepared_checks import check_archive, check_dataset
from recsys_core.data.registered import (
    ARRAYS,
    BROWSE,
    FORMAT,
    META,
    check_name,
    read_meta,
)
from recsys_core.errors import InputError, shorten
from recsys_core.reading import DamagedError, parse_json

COLUMN_TYPES: dict[str, type[Column]] = {
    cls.__name__: cls for cls in (Categorical, MultiCategorical, Numeric, Text, Vectors)
}
PLAIN_FIELDS = ("user", "item", "rating", "timestamp", "user_ids", "item_ids")
FLAGS = ("explicit", "timed", "synthetic")
#: what NumPy and we raise for arrays and a header that are not those of a set
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True)
class Prepared:
    """What meta.json says of a prepared set.

    Parameters
    ----------
    folder
        Where it lies.
    meta
        The content of meta.json; data/README.md documents it.
    """

    folder: Path
    meta: dict[str, Any]

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self.folder.name

    def load(self, *, rows_expected: bool = True) -> Dataset:
        """Read the arrays.

        Parameters
        ----------
        rows_expected
            Whether a set without rows counts as damaged.

        Raises
        ------
        DamagedError
            They cannot be read, or do not belong to this meta.json.
        """
        path = self.folder / ARRAYS
        try:
            check_archive(path)
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            header = parse_json(str(arrays.pop("header")))
            dataset = _from_arrays(self.name, header, arrays)
            check_dataset(dataset, rows_expected=rows_expected)
        except _UNREADABLE as error:
            raise DamagedError(f"{path} is damaged: {shorten(error)}") from error
        if header["fingerprint"] != self.meta["fingerprint"]:
            raise DamagedError(f"{path} and {META} do not belong together")
        return dataset


def find_prepared(data_dir: Path, name: str) -> Prepared | None:
    """Look up a prepared set by name; None when there is none.

    Raises
    ------
    DamagedError
        There is one, but its meta.json cannot be read or has another format.
    """
    meta = read_meta(data_dir, name)
    return None if meta is None else Prepared(data_dir / name, meta)


def write_prepared(
    data_dir: Path,
    dataset: Dataset,
    source: dict[str, Any],
    bad_rows: dict[str, int],
    summary: dict[str, Any] | None = None,
) -> Prepared:
    """Write a set under its name, replacing what was there.

    Parameters
    ----------
    summary
        How it was read, where it was read from files.

    Raises
    ------
    InputError
        The data folder cannot be written to, or the disk is full.
    """
    check_name(dataset.name)
    meta = {
        "format": FORMAT,
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "interactions": dataset.n_interactions,
        "users": dataset.n_users,
        "items": dataset.n_items,
        **{flag: getattr(dataset, flag) for flag in FLAGS},
        "source": source,
        "bad_rows": bad_rows,
        "summary": summary,
        "prepared": int(time.time()),
    }
    partial = data_dir / f".{dataset.name}.{os.getpid()}.partial"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(data_dir)
        partial.mkdir()
        write_browse(partial / BROWSE, dataset)
        with (partial / ARRAYS).open("wb") as file:
            np.savez(file, allow_pickle=False, **_to_arrays(dataset))
        text = json.dumps(meta, indent=2, ensure_ascii=False)
        (partial / META).write_text(f"{text}\n", encoding="utf-8")
        _move_into_place(partial, data_dir / dataset.name)
    except (OSError, sqlite3.OperationalError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"the data folder {data_dir} cannot be written to: {reason}",
            "free some space there or choose another folder with --data-dir",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Prepared(data_dir / dataset.name, meta)


def _move_into_place(partial: Path, place: Path) -> None:
    """Rename `partial` to `place`; a set that is there is moved aside first.

    A folder that holds anything else, raw files perhaps, stays: only our files in it are replaced.
    """
    if place.is_dir() and {entry.name for entry in place.iterdir()} - {ARRAYS, BROWSE, META}:
        (place / META).unlink(missing_ok=True)  # not registered until all three are there
        for name in (BROWSE, ARRAYS, META):
            (partial / name).replace(place / name)
        return
    aside = partial.with_suffix(".old")
    for _ in range(10):
        try:
            partial.rename(place)
        except OSError:
            if not place.is_dir():
                raise
            place.rename(aside)  # and try again; another process may have been faster
            shutil.rmtree(aside, ignore_errors=True)
        else:
            return
    raise OSError(f"{place} is being written by another process")


def _remove_leftovers(data_dir: Path) -> None:
    """Delete what killed processes left half-written."""
    for folder in [*data_dir.glob(".*.*.partial"), *data_dir.glob(".*.*.old")]:
        pid = folder.name.split(".")[-2]
        if pid.isdecimal() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _to_arrays(dataset: Dataset) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {name: getattr(dataset, name) for name in PLAIN_FIELDS}
    kinds: dict[str, dict[str, str]] = {"user": {}, "item": {}}
    for side, columns in dataset.columns.items():
        for name, column in columns.items():
            kinds.setdefault(side, {})[name] = type(column).__name__
            for part, array in vars(column).items():
                arrays[f"{side}.{name}.{part}"] = array
    header = {
        "fingerprint": dataset.fingerprint,
        "columns": kinds,
        **{flag: getattr(dataset, flag) for flag in FLAGS},
    }
    arrays["header"] = np.array(json.dumps(header))
    return arrays


def _from_arrays(name: str, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Dataset:
    columns: dict[str, dict[str, Column]] = {"user": {}, "item": {}, "event": {}}
    if not all(isinstance(header[flag], bool) for flag in FLAGS):
        raise ValueError(f"{', '.join(FLAGS)} are not all true or false")
    if set(header["columns"]) - set(columns):
        raise ValueError(f"columns of {', '.join(header['columns'])}")
    for side, kinds in header["columns"].items():
        for column, kind in kinds.items():
            prefix = f"{side}.{column}."
            parts = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            columns[side][column] = COLUMN_TYPES[kind](**parts)
    dataset = Dataset(
        name=name,
        user_columns=columns["user"],
        item_columns=columns["item"],
        event_columns=columns["event"],
        **{field: arrays[field] for field in PLAIN_FIELDS},  # type: ignore[arg-type]
        **{flag: header[flag] for flag in FLAGS},
    )
    vars(dataset)["fingerprint"] = header["fingerprint"]  # the hash of what was written
    return dataset
