"""Predictions of a file to the test rows of a split; what does not fit is counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.score_file import Scores
from recsys_core.errors import InputError
from recsys_core.pipeline.result import ScoredRows
from recsys_core.pipeline.score_lists import numbered
from recsys_core.protocols.split import Split
from recsys_core.ranking.labels import LABELS, without_ratings
from recsys_core.ranking.rows import ranking_rows


def rows_of(scores: Scores, split: Split) -> tuple[ScoredRows, dict[str, int]]:
    """Give every test row, those drawn beside events too, its prediction.

    A prediction is of a user and an item, and of a time where the file has times and the data set
    too. Of rows of the file that are about the same the first counts.

    Returns
    -------
    The rows with label and score, and what was counted.

    Raises
    ------
    InputError
        The file has no scores, no user or item of the data set, or lacks a test row; or the test
        rows have one label only.
    """
    dataset = split.dataset
    if scores.score is None:
        raise InputError(
            f"{scores.name}: predictions of rows need a score, it has ranks",
            "write user,item,score, perhaps with time",
        )
    if not (dataset.explicit or split.negatives):
        raise without_ratings(dataset.name)
    users, items, counts = numbered(scores, dataset)
    rows = ranking_rows(split, "test")
    asked = rows.queries
    is_known = (users >= 0) & (items >= 0)
    counts["unknown_item_rows"] = int(((users >= 0) & (items < 0)).sum())
    timed = scores.timestamp is not None and dataset.timed
    given: list[NDArray[np.integer]] = [users[is_known], items[is_known]]
    wanted: list[NDArray[np.integer]] = [asked.user, asked.item]
    if timed:
        assert scores.timestamp is not None
        given.append(scores.timestamp[is_known])
        wanted.append(asked.timestamp)
    keys, places = _keys(given, wanted)
    first = np.full(int(max(keys.max(initial=-1), places.max(initial=-1))) + 1, -1, dtype=np.int64)
    first[keys[::-1]] = np.arange(len(keys))[::-1]  # the first row of a key is written last
    found = first[places]
    _check_complete(scores.name, found, asked.user, asked.item, asked.timestamp, split, timed=timed)
    is_asked = np.zeros(len(first), dtype=np.bool_)
    is_asked[places] = True
    counts["other_rows"] = int((~is_asked[keys]).sum())
    counts["duplicate_rows"] = int(is_asked[keys].sum()) - len(np.unique(found))
    labels = np.asarray(LABELS["like"](rows.events), dtype=np.float32)[:, None]
    values = scores.score[np.flatnonzero(is_known)[found]]
    scored = ScoredRows(asked.user, asked.item, rows.labels(labels)[:, 0], _narrow(values))
    return scored, counts


def _keys(
    given: list[NDArray[np.integer]], wanted: list[NDArray[np.integer]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the rows of file and split numbers that are equal where they are about the same."""
    n = len(given[0])
    keys = np.zeros(n + len(wanted[0]), dtype=np.int64)
    for mine, theirs in zip(given, wanted, strict=True):
        column = np.unique(np.concatenate([mine, theirs]), return_inverse=True)[1]
        keys = keys * (int(column.max(initial=0)) + 1) + column
        keys = np.unique(keys, return_inverse=True)[1]
    return keys[:n], keys[n:]


def _narrow(values: NDArray[np.float64]) -> NDArray[np.floating]:
    """Take scores that float32 holds exactly for such, as those of the models here are."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values) else values


def _check_complete(
    name: str,
    found: NDArray[np.int64],
    users: NDArray[np.integer],
    items: NDArray[np.integer],
    times: NDArray[np.integer],
    split: Split,
    *,
    timed: bool,
) -> None:
    """Raise InputError where a test row has no prediction; the first is named."""
    missing = np.flatnonzero(found < 0)
    if not len(missing):
        return
    row = missing[0]
    user, item = split.dataset.user_ids[users[row]], split.dataset.item_ids[items[row]]
    at = f", time {times[row]}" if timed else ""
    raise InputError(
        f"{name}: {len(missing):,} of {len(found):,} rows of the test part have no prediction;"
        f" the first is user {user}, item {item}{at}",
        "predict every row of the test part"
        + ("; a column of times has to have those of the data set" if timed else ""),
    )
