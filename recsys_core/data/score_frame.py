"""Scores made elsewhere that are in a data frame, read as a file of them is."""

from __future__ import annotations

import hashlib
from typing import Any

from recsys_core.data import pandas_columns, parquet
from recsys_core.data.dataset import update_digest
from recsys_core.data.frames import as_table, is_pandas
from recsys_core.data.score_file import NUMBER_HINT, Scores, choose_columns


def read_score_frame(frame: Any) -> Scores:
    """Read a frame of scores: ``user``, ``item``, ``score`` or ``rank``, and perhaps a time.

    Raises
    ------
    InputError
        It is no table, or a column is missing.
    DataError
        A row without a user, an item or a number; the first is named and all are counted.
    """
    where = "scores"

    def choose(names: Any) -> dict[str, int]:
        return choose_columns(names, where)

    table, numbers = as_table(frame, where), ("score", "rank")
    if is_pandas(table):
        rows, found = pandas_columns.number_table(table, choose, numbers, where, NUMBER_HINT)
    else:
        with parquet.arrow_errors(where):
            rows, found = parquet.number_table(table, choose, numbers, where, NUMBER_HINT)
    digest = hashlib.blake2b(digest_size=16)
    for array in (rows.user_ids, rows.item_ids, rows.user, rows.item, rows.timestamp):
        if array is not None:
            update_digest(digest, array)
    for name, values in found.items():
        digest.update(name.encode())
        update_digest(digest, values)
    return Scores(
        where,
        digest.hexdigest(),
        rows.user,
        rows.item,
        rows.user_ids,
        rows.item_ids,
        found.get("score"),
        found.get("rank"),
        rows.timestamp,
    )
