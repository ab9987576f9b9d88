"""Prepared data sets on disk: `<data_dir>/<name>/` with columns/, browse.sqlite, meta.json.

A set is written into a folder of its own beside its place and renamed into it, so what stands
under its name is complete. Nothing is pickled. Loading maps the columns: what nobody looks at is
not read, and processes share what they read.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.browse import write_browse
from recsys_core.data.column_files import (
    CHECKED,
    is_checked,
    map_arrays,
    remember_checked,
    stamp_of,
    write_arrays,
)
from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
    event_counts,
)
from recsys_core.data.prepared_checks import check_dataset
from recsys_core.data.registered import (
    BROWSE,
    COLUMNS,
    FORMAT,
    META,
    check_name,
    read_meta,
)
from recsys_core.errors import InputError, shorten
from recsys_core.reading import DamagedError

COLUMN_TYPES: dict[str, type[Column]] = {
    cls.__name__: cls for cls in (Categorical, MultiCategorical, Numeric, Text, Vectors)
}
PLAIN_FIELDS = ("user", "item", "rating", "timestamp", "user_ids", "item_ids", "timeline")
FLAGS = ("explicit", "timed", "synthetic", "labelled")
#: what this version and the one before put into the folder of a set
OURS = {COLUMNS, BROWSE, CHECKED, META, "prepared.npz"}
#: how the name of a folder ends in which an import keeps rows that it does not hold in memory
SCRATCH = ".scratch"
#: what NumPy and we raise for arrays and a meta.json that are not those of a set
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
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

    def load(self, *, without_events: bool = False) -> Dataset:
        """Map the columns.

        Names, types and sizes are checked every time. That values are within bounds and make up
        the fingerprint is checked when the files are not as they were when it was last checked.

        Parameters
        ----------
        without_events
            Whether it is of attributes alone, beside a model; then everything is checked.

        Raises
        ------
        DamagedError
            A file cannot be read, or does not belong to this meta.json.
        """
        try:
            dataset, files = _from_arrays(self.name, self.meta, self.folder)
            stamp = stamp_of(self.folder, [META, *files])
            if without_events or not is_checked(self.folder, stamp):
                check_dataset(dataset, rows_expected=not without_events)
                _check_fingerprint(dataset, self.meta["fingerprint"])
                if not without_events:
                    remember_checked(self.folder, stamp)
        except _UNREADABLE as error:
            raise DamagedError(f"{self.folder} is damaged: {shorten(error)}") from error
        vars(dataset)["fingerprint"] = self.meta["fingerprint"]
        return dataset


def _check_fingerprint(dataset: Dataset, expected: str) -> None:
    if dataset.fingerprint != expected:
        raise ValueError(f"its {COLUMNS} and {META} do not belong together")


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
    embedded: Sequence[Mapping[str, Any]] = (),
    later: Mapping[str, Callable[[], Any]] = MappingProxyType({}),
) -> Prepared:
    """Write a set under its name, replacing what was there.

    Parameters
    ----------
    summary
        How it was read, where it was read from files.
    embedded
        How vectors were made of its texts.
    later
        What of `source` is worked out while the rest is written.

    Raises
    ------
    InputError
        The data folder cannot be written to, or the disk is full.
    """
    check_name(dataset.name)
    partial = data_dir / f".{dataset.name}.{os.getpid()}.partial"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        remove_leftovers(data_dir)
        partial.mkdir()
        # SQLite, hashing, sorting and writing hold no interpreter lock
        with ThreadPoolExecutor(2) as beside:
            written = beside.submit(write_browse, partial / BROWSE, dataset)
            hashed = beside.submit(getattr, dataset, "fingerprint")
            rest = {name: beside.submit(find) for name, find in later.items()}
            arrays = write_arrays(partial, _to_arrays(dataset))
            written.result()
        meta = {
            "format": FORMAT,
            "name": dataset.name,
            "fingerprint": hashed.result(),
            "interactions": dataset.n_interactions,
            "users": dataset.n_users,
            "items": dataset.n_items,
            "items_without_events": _without_events(dataset),
            **{flag: getattr(dataset, flag) for flag in FLAGS},
            "columns": _kinds(dataset),
            "source": {**source, **{name: found.result() for name, found in rest.items()}},
            "bad_rows": bad_rows,
            "summary": summary,
            "embedded": list(embedded),
            "prepared": int(time.time()),
            "arrays": arrays,
        }
        text = json.dumps(meta, indent=2, ensure_ascii=False)
        (partial / META).write_text(f"{text}\n", encoding="utf-8")
        _move_into_place(partial, data_dir / dataset.name)
    except (OSError, sqlite3.OperationalError) as error:
        raise unwritable(data_dir, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Prepared(data_dir / dataset.name, meta)


def _without_events(dataset: Dataset) -> int:
    """Count items that no event is of."""
    return int(np.count_nonzero(event_counts(dataset.item, dataset.n_items) == 0))


def unwritable(data_dir: Path, error: Exception) -> InputError:
    """Say that nothing can be written, and why."""
    reason = getattr(error, "strerror", None) or error
    return InputError(
        f"the data folder {data_dir} cannot be written to: {reason}",
        "free some space there or choose another folder with --data-dir",
    )


def _move_into_place(partial: Path, place: Path) -> None:
    """Rename `partial` to `place`; a set that is there is moved aside first.

    A folder that holds anything else, raw files perhaps, stays: only our files in it are replaced.
    """
    if place.is_dir() and {entry.name for entry in place.iterdir()} - OURS:
        (place / META).unlink(missing_ok=True)  # not registered until all three are there
        if any(path.suffix != ".npy" for path in place.glob(f"{COLUMNS}/*")):
            raise OSError(f"{place / COLUMNS} holds other files")
        shutil.rmtree(place / COLUMNS, ignore_errors=True)
        for name in (BROWSE, COLUMNS, META):
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


def remove_leftovers(data_dir: Path) -> None:
    """Delete what killed processes left half-written."""
    for folder in [*data_dir.glob(".*.*.partial"), *data_dir.glob(".*.*.old")]:
        pid = folder.name.split(".")[-2]
        if pid.isdecimal() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
    for folder in data_dir.glob(f".import.*{SCRATCH}"):
        pid = folder.name.split(".")[2]
        if pid.isdecimal() and int(pid) != os.getpid() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def _kinds(dataset: Dataset) -> dict[str, dict[str, str]]:
    """Side -> name -> class of each attribute."""
    return {
        side: {name: type(column).__name__ for name, column in columns.items()}
        for side, columns in dataset.columns.items()
    }


def _to_arrays(dataset: Dataset) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {name: getattr(dataset, name) for name in PLAIN_FIELDS}
    for side, columns in dataset.columns.items():
        for name, column in columns.items():
            for part, array in vars(column).items():
                arrays[f"{side}.{name}.{part}"] = array
    return arrays


def _from_arrays(name: str, meta: dict[str, Any], folder: Path) -> tuple[Dataset, list[str]]:
    """Map what `meta` lists; tell the files."""
    meta = {"labelled": False, **meta}  # sets of earlier versions have ratings of 0 and 1
    if not all(isinstance(meta[flag], bool) for flag in FLAGS):
        raise ValueError(f"{', '.join(FLAGS)} are not all true or false")
    columns: dict[str, dict[str, Column]] = {"user": {}, "item": {}, "event": {}}
    if set(meta["columns"]) - set(columns):
        raise ValueError(f"columns of {', '.join(meta['columns'])}")
    arrays = map_arrays(folder, meta["arrays"])
    for side, kinds in meta["columns"].items():
        for column, kind in kinds.items():
            prefix = f"{side}.{column}."
            parts = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
            columns[side][column] = COLUMN_TYPES[kind](**parts)
    plain = {field: arrays[field] for field in PLAIN_FIELDS}
    timeline = plain.pop("timeline")
    dataset = Dataset(
        name=name,
        user_columns=columns["user"],
        item_columns=columns["item"],
        event_columns=columns["event"],
        **plain,  # type: ignore[arg-type]
        **{flag: meta[flag] for flag in FLAGS},
    )
    vars(dataset)["timeline"] = timeline
    return dataset, [f"{COLUMNS}/{entry['file']}" for entry in meta["arrays"].values()]
