"""Events of single users, read from the columns of a data set when somebody asks for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, Dataset, TimeArray, event_counts
from recsys_core.data.interactions import Histories


class Timelines:
    """What is known of each user of a data set, in memory only as long as it is looked at.

    Parameters
    ----------
    rows
        Shape (n,): row numbers of what is known; None: every row.
    """

    def __init__(self, dataset: Dataset, rows: TimeArray | None = None) -> None:
        self._dataset = dataset
        counts = event_counts(dataset.user, dataset.n_users)
        self._offsets = np.append(0, np.cumsum(counts))
        self._known: BoolArray | None = None
        if rows is not None:
            self._known = np.zeros(dataset.n_interactions, dtype=np.bool_)
            self._known[rows] = True

    def take(self, users: NDArray[np.integer]) -> Histories:
        """Give one row per user, oldest first, then in the order of the file."""
        data, first = self._dataset, self._offsets[users]
        lengths = self._offsets[np.asarray(users) + 1] - first
        offsets = np.append(0, np.cumsum(lengths))
        places = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], lengths)
        rows = data.timeline[places]
        found = Histories(offsets, data.item[rows], data.rating[rows], data.timestamp[rows])
        return found if self._known is None else found.where(self._known[rows])
