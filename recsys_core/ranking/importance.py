"""Permutation importance: what a model loses when a feature is dealt out at random.

Breiman, "Random Forests", Machine Learning 2001, section 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from recsys_core.evaluation.rows import auc
from recsys_core.features.batch import Batch

#: so many rows are enough: the standard error of an AUC is then about .003
ROWS = 10_000


def permutation_importance(
    batch: Batch, names: tuple[str, ...], predict: Callable[[Batch], Tensor]
) -> dict[str, float]:
    """Compute the AUC that is lost when one feature of the rows at a time is permuted.

    Features that say the same stand in for each other, so that each looks less important.

    Parameters
    ----------
    batch
        Rows with labels, the first task's.
    names
        The fields, in the order of the layout.
    predict
        Scores rows, shape (rows,).
    """
    order = torch.randperm(len(batch.labels), generator=torch.Generator().manual_seed(0))
    order = order.to(batch.labels.device)
    labels = batch.labels[:, 0].cpu().numpy()

    def area(some: Batch) -> float:
        return auc(labels, predict(some).cpu().numpy().astype(np.float64))

    whole = area(batch)
    return {name: whole - area(_permuted(batch, f, order)) for f, name in enumerate(names)}


def _permuted(batch: Batch, field: int, order: Tensor) -> Batch:
    """Give every row the values that another row has in `field`."""
    n_single = batch.single.shape[1]
    if field < n_single:
        single = batch.single.clone()
        single[:, field] = single[order, field]
        return replace(batch, single=single)
    ends = list(accumulate(batch.widths, initial=0))
    slots = slice(ends[field - n_single], ends[field - n_single + 1])
    weighted, weights = batch.weighted.clone(), batch.weights.clone()
    weighted[:, slots], weights[:, slots] = weighted[order, slots], weights[order, slots]
    return replace(batch, weighted=weighted, weights=weights)
