"""Checks of recommendations and predictions, before metrics are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import IntArray
from recsys_core.errors import InputError
from recsys_core.protocols.split import Split


def check_lists(users: NDArray[np.integer], items: IntArray, split: Split, k: int) -> None:
    """Refuse lists that no recommender may give, of which the first `k` places are judged.

    Raises
    ------
    InputError
        A user or item that the data set does not have, a user with two lists, or an item twice in
        one; the message names them.
    """
    if items.ndim != 2 or users.shape != items.shape[:1]:
        raise InputError(f"lists of shape {items.shape} do not belong to {users.shape} users")
    _check_numbers(users, "user", 0, split.dataset.n_users)
    if len(np.unique(users)) < len(users):
        twice = np.flatnonzero(np.bincount(users) > 1)[0]
        user = split.dataset.user_ids[twice]
        raise InputError(f"user {user} has several lists", "give one list per user")
    _check_numbers(items, "item", -1, split.dataset.n_items)
    ordered = np.sort(items[:, :k], axis=1)
    again = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if again.any():
        row, place = np.argwhere(again)[0]
        user, item = split.dataset.user_ids[users[row]], split.dataset.item_ids[ordered[row, place]]
        raise InputError(
            f"the list of user {user} holds item {item} twice", "leave out all but the first"
        )


def check_rows(
    users: NDArray[np.integer],
    items: NDArray[np.integer],
    labels: NDArray[np.floating],
    scores: NDArray[np.floating],
    split: Split,
) -> None:
    """Refuse predicted rows that no metric is defined for.

    Raises
    ------
    InputError
        There are none, columns differ in length, a user or item that the data set does not have, a
        label that is neither 0 nor 1, or a score that is no finite number.
    """
    shapes = {column.shape for column in (users, items, labels, scores)}
    if len(shapes) > 1 or users.ndim != 1:
        raise InputError(f"the columns of the rows differ in shape: {sorted(shapes)}")
    if len(labels) == 0:
        raise InputError("there are no rows to judge predictions on")
    _check_numbers(users, "user", 0, split.dataset.n_users)
    _check_numbers(items, "item", 0, split.dataset.n_items)
    wrong = (labels != 0) & (labels != 1)
    if wrong.any():
        raise InputError(f"label {labels[wrong][0]:g} of row {np.argmax(wrong)} is not 0 or 1")
    check_finite(scores)


def check_finite(scores: NDArray[np.floating]) -> None:
    """Refuse scores that are no finite numbers."""
    if not np.isfinite(scores).all():
        raise InputError(
            "the model's predictions are not numbers: it diverged", "lower its learning_rate"
        )


def _check_numbers(values: NDArray[Any], kind: str, least: int, end: int) -> None:
    if values.dtype.kind not in "iu":
        raise InputError(f"{kind} numbers are {values.dtype}, not integers")
    outside = (values < least) | (values >= end)
    if outside.any():
        raise InputError(
            f"{kind} number {values[outside][0]} is not in the data set",
            f"it has {end:,} {kind}s, numbered from 0",
        )
