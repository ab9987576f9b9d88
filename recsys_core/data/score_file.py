"""Files of scores made elsewhere: recommendations, or predictions of rows, with original ids.

A table with a header: ``user,item,score`` or ``user,item,rank`` (or both numbers), and perhaps a
time; csv and its relatives as `text_table` reads them, or parquet, each perhaps gzipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import GZ, RawFile
from recsys_core.data.dataset import IntArray, Numeric, TextArray, TimeArray
from recsys_core.data.dialect import UNQUOTED, find_clock, plain_name, read_dialect
from recsys_core.data.file_layout import ContextColumn, Layout
from recsys_core.data.numbering import Ratings
from recsys_core.data.parquet import read_number_table
from recsys_core.data.ratings import read_ratings
from recsys_core.data.roles import USUAL_NAMES
from recsys_core.errors import DataError, InputError, no_such_file
from recsys_core.reading import is_file

#: role -> names of its column, as `plain_name` writes them
COLUMNS = {
    "user": USUAL_NAMES["user"],
    "item": USUAL_NAMES["item"],
    "score": ("score", "prediction", "probability"),
    "rank": ("rank",),
    "timestamp": USUAL_NAMES["timestamp"],
}
COLUMNS_HINT = (
    "write a header: user,item,score or user,item,rank for recommendations;"
    " user,item,score, perhaps with time, for predictions of rows"
)
NUMBER_HINT = "every row needs a user, an item and a number: mend or leave out the others"
_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Scores:
    """Rows of a score file, with users and items numbered as they come.

    Parameters
    ----------
    name
        The file's name, without its folder.
    digest
        Hash of its content.
    user, item
        Shape (n,): positions in `user_ids` and `item_ids`.
    score, rank
        Shape (n,), finite; None where the file has no such column, which one of both may be.
    timestamp
        Shape (n,): seconds since 1970; None where the file has no times.
    """

    name: str
    digest: str
    user: IntArray
    item: IntArray
    user_ids: TextArray
    item_ids: TextArray
    score: NDArray[np.float64] | None
    rank: NDArray[np.float64] | None
    timestamp: TimeArray | None

    def __len__(self) -> int:
        return len(self.user)


def read_scores(path: Path) -> Scores:
    """Read a file of scores.

    Raises
    ------
    InputError
        There is no such file, or a column is missing.
    DataError
        A row without a user, an item or a number; the first is named and all are counted.
    """
    if not is_file(path):
        raise no_such_file(path, "check the path of the scores")
    file = RawFile(path.parent, path.name, zipped=False)
    digest = hashlib.blake2b(digest_size=16)
    for piece in file.pieces():
        digest.update(piece)
    is_parquet = path.name.lower().removesuffix(GZ).endswith(".parquet")
    rows, score, rank = (_read_parquet if is_parquet else _read_text)(file)
    return Scores(
        path.name,
        digest.hexdigest(),
        rows.user,
        rows.item,
        rows.user_ids,
        rows.item_ids,
        score,
        rank,
        rows.timestamp,
    )


_Read = tuple[Ratings, NDArray[np.float64] | None, NDArray[np.float64] | None]


def choose_columns(names: Sequence[str], where: str) -> dict[str, int]:
    """Find the position of each role's column.

    Raises
    ------
    InputError
        One that is needed is missing, or there twice.
    """
    cells = [plain_name(name) for name in names]
    places: dict[str, int] = {}
    for role, usual in COLUMNS.items():
        name = next((name for name in usual if name in cells), None)
        if name is None:
            continue
        if cells.count(name) > 1:
            raise InputError(f"{where}: there are {cells.count(name)} columns '{name}'", "keep one")
        places[role] = cells.index(name)
    lacking = [role for role in ("user", "item") if role not in places]
    if not {"score", "rank"} & places.keys():
        lacking.append("score or rank")
    if lacking:
        raise InputError(
            f"{where}: no column is the {' or the '.join(lacking)};"
            f" the first line is: {', '.join(names)[:200]}",
            COLUMNS_HINT,
        )
    return places


def _read_parquet(file: RawFile) -> _Read:
    rows, numbers = read_number_table(
        file, lambda names: choose_columns(names, file.where), ("score", "rank"), NUMBER_HINT
    )
    return rows, numbers.get("score"), numbers.get("rank")


def _read_text(file: RawFile) -> _Read:
    where = file.where
    dialect = read_dialect(file.head(), where, None)
    names = tuple(cell.strip() for cell in dialect.rows[0])
    places = choose_columns(names, where)
    number = "score" if "score" in places else "rank"
    beside = number == "score" and "rank" in places
    layout = Layout(
        dialect.separator,
        names,
        places["user"],
        places["item"],
        places[number],
        places.get("timestamp"),
        header_lines=dialect.comments + dialect.first_lines,
        quoted=dialect.separator not in UNQUOTED,
        scale=(-_LARGEST, _LARGEST),
        padded=dialect.padded,
        clock=find_clock(dialect, places.get("timestamp"), header=True, unit=None),
        context=(ContextColumn("rank", places["rank"], "number"),) if beside else (),
        number=number,
        exact=True,
    )
    rows = _read_rows(file, layout)
    assert rows.rating is not None
    found = rows.rating.astype(np.float64, copy=False)
    if number == "rank":
        return rows, None, found
    if not beside:
        return rows, found, None
    column = rows.context["rank"]
    assert isinstance(column, Numeric)
    rank = column.values.astype(np.float64)
    if not np.isfinite(rank).all():
        missing = np.flatnonzero(~np.isfinite(rank))
        raise DataError(
            f"{where}, row {missing[0] + 1}: the rank is missing; such rows in all:"
            f" {len(missing):,}",
            NUMBER_HINT,
        )
    return rows, found, rank


def _read_rows(file: RawFile, layout: Layout) -> Ratings:
    """Read all rows, or say what is wrong with the first bad one and how many there are."""
    try:
        return read_ratings(file.chunks, file.where, layout, "error", "keep")
    except DataError as error:
        problem = error.problem.partition("; if it holds names")[0]
    try:
        found = read_ratings(file.chunks, file.where, layout, "skip", "keep")
    except DataError:  # not one good row
        raise DataError(f"{problem}; no row is good", NUMBER_HINT) from None
    bad = sum(found.bad_rows.values())
    raise DataError(f"{problem}; bad rows in all: {bad:,}" if bad else problem, NUMBER_HINT)
