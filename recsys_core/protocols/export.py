"""Write the parts of a split as files, with original ids, for programs of other people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from recsys_core.data.advice import slug
from recsys_core.data.dataset import (
    PART,
    Categorical,
    Column,
    Dataset,
    IntArray,
    Numeric,
    TimeArray,
)
from recsys_core.data.parts import DRAWN, SPLIT_FILE
from recsys_core.errors import InputError, shorten
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.protocols.split import Part, Split, require_one_window
from recsys_core.saving.new_folder import new_folder

if TYPE_CHECKING:
    import pandas as pd

#: csv; parquet; inter: RecBole's atomic files
FileFormat = Literal["csv", "parquet", "inter"]
FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
#: columns that say what became of an event
RATED = ("rating", "label")
#: numbers of events, and the items drawn beside them; None: the events themselves
Drawn = tuple[TimeArray, IntArray | None]
#: rows turned into text at a time
CHUNK = 500_000
#: names of columns in atomic files, and what they hold
_ATOMIC = {
    "user": "user_id:token",
    "item": "item_id:token",
    "rating": "rating:float",
    "label": "label:float",
    "timestamp": "timestamp:float",
}


def write_split(
    split: Split,
    folder: Path,
    file_format: FileFormat = "csv",
    on_event: OnEvent = ignore,
    drawn: Mapping[Part, Drawn] | None = None,
) -> dict[str, Any]:
    """Write a file for each part, and `SPLIT_FILE`, into a new folder.

    Rows have the order of the data set; columns are user, item and what there is of rating or
    label, timestamp, type and further columns. A part without rows has no file.

    Parameters
    ----------
    drawn
        Items drawn beside the events of a part, as rows of label 0: they have a file of their own,
        ``test.drawn``, with all columns of the event but its rating.

    Returns
    -------
    What `SPLIT_FILE` holds.

    Raises
    ------
    InputError
        The folder is there already, cannot be made or written, an id cannot be written in this
        format, or pyarrow is missing for parquet.
    """
    require_one_window(split, "a folder holds")
    write = _writer(file_format, split.dataset)
    with new_folder(folder) as partial:
        parts: dict[str, Drawn] = {
            name: (np.sort(rows), None) for name, rows in split.row_parts().items() if len(rows)
        }
        parts |= {f"{part}.{DRAWN}": rows for part, rows in (drawn or {}).items() if len(rows[0])}
        files = {name: _file_name(name, folder.name, file_format) for name in parts}
        for name, rows in parts.items():
            on_event(Event("split", message=f"writing {files[name]}"))
            write(partial / files[name], _frames(split.dataset, *rows))
        about = _describe(split, files, {name: len(rows) for name, (rows, _) in parts.items()})
        text = json.dumps(about, indent=2, ensure_ascii=False)
        (partial / SPLIT_FILE).write_text(f"{text}\n", encoding="utf-8")
    return about


def _file_name(part: str, stem: str, file_format: FileFormat) -> str:
    """Name the file of a part; RecBole's begin with the name of the data set."""
    return f"{slug(Path(stem))}.{part}.inter" if file_format == "inter" else f"{part}.{file_format}"


def _describe(split: Split, files: dict[str, str], rows: dict[str, int]) -> dict[str, Any]:
    dataset = split.dataset
    return {
        "format": 1,
        "fingerprint": split.fingerprint,
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "interactions": dataset.n_interactions,
            "users": dataset.n_users,
            "items": dataset.n_items,
        },
        "protocol": {"name": split.protocol, "parameters": split.parameters},
        "rows": rows,
        "counts": split.counts,
        "leaks": split.leaks,
        "files": files,
        "columns": list(_columns(dataset)),
    }


def _columns(dataset: Dataset) -> dict[str, Any]:
    """Name the columns that there are of events, in order; the part is the file's."""
    more = {name: column for name, column in dataset.event_columns.items() if name != PART}
    return {
        "user": dataset.user,
        "item": dataset.item,
        **({"label" if dataset.labelled else "rating": dataset.rating} if dataset.explicit else {}),
        **({"timestamp": dataset.timestamp} if dataset.timed else {}),
        **more,
    }


def _frames(dataset: Dataset, rows: TimeArray, drawn: IntArray | None) -> Iterator[pd.DataFrame]:
    """Turn rows into tables of original values, some at a time.

    Parameters
    ----------
    drawn
        Shape (len(rows),): the items drawn beside these events; None: the events themselves.
    """
    import pandas as pd

    columns = _columns(dataset)
    if drawn is not None:
        columns = {name: column for name, column in columns.items() if name not in RATED}
    ids = {"user": dataset.user_ids.astype(object), "item": dataset.item_ids.astype(object)}
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        values = {
            name: _values(column, some) if name not in ids else ids[name][column[some]]
            for name, column in columns.items()
        }
        if drawn is not None:
            values["item"] = ids["item"][drawn[start : start + CHUNK]]
        yield pd.DataFrame(values)


def _values(column: Any, rows: TimeArray) -> Any:
    if isinstance(column, Numeric):
        return column.values[rows]
    if isinstance(column, Categorical):
        texts = np.array([*column.vocabulary.tolist(), None], dtype=object)  # -1 is missing
        return texts[column.codes[rows]]
    return column[rows]


def _writer(
    file_format: FileFormat, dataset: Dataset
) -> Callable[[Path, Iterator[pd.DataFrame]], None]:
    """Look up what writes a format, which is all there is to check before anything is written."""
    if file_format == "parquet":
        try:
            import pyarrow as pa  # noqa: F401
        except ImportError:
            raise InputError(
                "parquet needs pyarrow, which is not installed",
                "pip install 'recsys-workbench[parquet]', or write csv",
            ) from None
        return _write_parquet
    if file_format == "inter":
        _check_atomic(dataset)
        return lambda path, frames: _write_text(path, frames, "\t", _atomic_names(dataset))
    return lambda path, frames: _write_text(path, frames, ",", {})


def _write_text(
    path: Path, frames: Iterator[pd.DataFrame], separator: str, names: dict[str, str]
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, frame in enumerate(frames):
            frame.rename(columns=names).to_csv(
                file, sep=separator, index=False, header=not number, lineterminator="\n"
            )


def _write_parquet(path: Path, frames: Iterator[pd.DataFrame]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for frame in frames:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table.cast(writer.schema))
    finally:
        if writer is not None:
            writer.close()


def _atomic_names(dataset: Dataset) -> dict[str, str]:
    kinds = {name: "float" if isinstance(c, Numeric) else "token" for name, c in _more(dataset)}
    return _ATOMIC | {name: f"{name}:{kind}" for name, kind in kinds.items()}


def _more(dataset: Dataset) -> list[tuple[str, Column]]:
    return [(name, column) for name, column in dataset.event_columns.items() if name != PART]


def _check_atomic(dataset: Dataset) -> None:
    """Refuse texts that a file without quotes cannot hold."""
    texts = [dataset.user_ids, dataset.item_ids]
    texts += [column.vocabulary for _, column in _more(dataset) if isinstance(column, Categorical)]
    for values in texts:
        for text in values.tolist():
            if any(mark in text for mark in '\t\n\r"'):
                raise InputError(
                    f"atomic files cannot hold the text {shorten(repr(text))}, which has a tab, a"
                    " quote or a line break",
                    "write csv or parquet: recsys-workbench data split NAME --to DIR --format csv",
                )
