"""Lists of many users to a file, block by block: parquet or CSV, whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recsys_core.errors import InputError
from workbench.store.export import load_pyarrow
from workbench.store.files import replacing

if TYPE_CHECKING:
    from recsys_core.pipeline.recommender import UserLists

COLUMNS = ("user", "item", "rank", "score")
#: takes the lists of some more users
Write = Callable[["UserLists"], None]


def check_lists_path(path: Path) -> None:
    """Check what can be known of a file before minutes of work.

    Raises
    ------
    InputError
        Another extension, parquet without pyarrow, a folder, or no folder to put it in.
    """
    if path.suffix.lower() not in _WRITERS:
        raise InputError(f"--to {path}: unknown extension", f"valid: {', '.join(_WRITERS)}")
    if path.is_dir():
        raise InputError(f"--to {path}: this is a folder", "name a file in it")
    if not path.parent.is_dir():
        raise InputError(f"--to {path}: there is no folder {path.parent}", "make it first")
    if path.suffix.lower() == ".parquet":
        load_pyarrow(path)


@contextmanager
def open_lists(path: Path) -> Iterator[Write]:
    """Give what writes blocks of lists; they take the place of `path` when the block ends well."""
    with replacing(path) as partial, _WRITERS[path.suffix.lower()](partial) as write:
        yield write


@contextmanager
def _csv_writer(path: Path) -> Iterator[Write]:
    """Write ids as they are: what reads the lists looks them up."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)

        def write(lists: UserLists) -> None:
            scores = lists.scores.astype("U")  # the shortest text that gives the float32 again
            columns = (lists.user_ids, lists.item_ids, lists.ranks, scores)
            writer.writerows(zip(*(column.tolist() for column in columns), strict=True))

        yield write


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Write]:
    pyarrow = load_pyarrow(path)
    types = (pyarrow.string(), pyarrow.string(), pyarrow.int32(), pyarrow.float32())
    schema = pyarrow.schema(list(zip(COLUMNS, types, strict=True)))
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:

        def write(lists: UserLists) -> None:
            texts = [column.tolist() for column in (lists.user_ids, lists.item_ids)]
            columns = [*texts, lists.ranks, lists.scores]
            writer.write_table(pyarrow.table(columns, schema=schema))

        yield write


_WRITERS = {".parquet": _parquet_writer, ".csv": _csv_writer}
