"""The run that a fit updates: where its model lies, and what of it is known here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Earlier:
    """A model that was fitted before, on other events of the same users and items.

    Parameters
    ----------
    folder
        Where the model lies.
    key
        Tells it from every other: its run's reuse key.
    users, items
        Shapes (n_users,) and (n_items,): the number that each user and item of these data has
        there; -1: it is new.
    rows
        Ascending keys (`row_keys`) of the events that it learned from, or that chose its epochs.
    """

    folder: Path
    key: str
    users: NDArray[np.int64]
    items: NDArray[np.int64]
    rows: NDArray[np.uint64]

    def carried(
        self, rows: NDArray[np.float32], own: NDArray[np.float32], there: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Put the rows that it has in place of those here.

        Parameters
        ----------
        rows
            Shape (n, …): a row for each of these users or items.
        own
            Shape (m, …): its rows.
        there
            `users` or `items`.
        """
        carried = rows.copy()
        carried[there >= 0] = own[there[there >= 0]]
        return carried
