"""Cuts that leave events of equal time together: a moment belongs to one part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, IntArray, TimeArray


def cut_between_moments(times: TimeArray, valid: int, test: int) -> tuple[int, int]:
    """Move the starts of validation and test back to the first row of the moment they fall into.

    Where both fall into one moment, validation is the moment before. The first moment is train; of
    two moments it is split, in the order given, so that there are validation rows.

    Parameters
    ----------
    times
        Shape (n,), ascending.
    valid, test
        Where the parts start.

    Examples
    --------
    >>> cut_between_moments(np.array([1, 1, 2, 2, 3, 3, 3, 3]), 5, 7)
    (2, 4)
    >>> cut_between_moments(np.array([1, 1, 2, 2]), 2, 3)
    (1, 2)
    """

    def start(place: int) -> int:
        return int(np.searchsorted(times, times[place])) if place < len(times) else place

    rows = test - valid
    valid, test = start(valid), start(test)
    if valid == test > 0:
        valid = start(test - 1)
    first_end = int(np.searchsorted(times, times[0], side="right"))
    valid = max(valid, first_end)
    return valid if valid < test else max(test - rows, min(test, 1)), test


def cut_users_between_moments(
    user: IntArray,
    times: TimeArray,
    from_end: TimeArray,
    held_out: TimeArray,
) -> tuple[BoolArray, BoolArray]:
    """Find each user's validation and test rows, whole moments of at least `held_out` rows.

    Validation has at least one moment, and train at least the first; a user with fewer than three
    such moments has neither validation nor test rows.

    Parameters
    ----------
    user, times, from_end
        Shape (n,): who, when, and the place from the end of the user's timeline.
    held_out
        Shape (n,): rows that the user is to give to either part.

    Returns
    -------
    Shape (n,) each: the rows of validation and test, the rows of test.
    """
    order = np.lexsort((-from_end, user))
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = (np.diff(user[order]) != 0) | (np.diff(times[order]) != 0)
    moment = np.empty(len(order), dtype=np.int64)
    moment[order] = np.cumsum(is_new) - 1
    last_of_moment = np.full(int(is_new.sum()), len(order), dtype=np.int64)
    np.minimum.at(last_of_moment, moment, from_end)
    nearest = last_of_moment[moment]
    first, test_start = (_of_users(user, moment, mask) for mask in (None, nearest < held_out))
    is_test = moment >= test_start[user]
    is_valid = (nearest < 2 * held_out) | (moment == test_start[user] - 1)
    is_valid &= moment > first[user]
    enough = test_start[user] - first[user] >= 2
    return enough & (is_valid | is_test), enough & is_test


def _of_users(user: IntArray, moment: TimeArray, mask: NDArray[np.bool_] | None) -> TimeArray:
    """Shape (n_users,): the number of each user's first moment, of the rows of `mask`."""
    rows = slice(None) if mask is None else mask
    found = np.full(int(user.max(initial=-1)) + 1, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(found, user[rows], moment[rows])
    return found
