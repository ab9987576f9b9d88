"""Popular, medium and rare items; NumPy alone, which the interactive session can afford."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STRATA = ("head", "mid", "tail")


def cut_by_popularity(rows: NDArray[np.integer], tie_rank: NDArray[np.integer]) -> NDArray[np.int8]:
    """Cut the items, most popular first, where a third and two thirds of the train rows are passed.

    Parameters
    ----------
    rows, tie_rank
        Shape (n_items,): train rows of each item, and the order of equally popular ones.

    Returns
    -------
    Shape (n_items,): place in STRATA; items without a train row are tail.
    """
    order = np.lexsort((tie_rank, -rows))
    before = np.cumsum(rows[order]) - rows[order]
    stratum = np.full(len(rows), len(STRATA) - 1, dtype=np.int8)
    stratum[order] = np.minimum(len(STRATA) * before // max(rows.sum(), 1), len(STRATA) - 1)
    return stratum
