"""Which features move a ranking model's score: each is hidden in turn (occlusion).

Hidden means: a category becomes the unknown one, a number its mean, a sequence empty. The effect of
a feature is p(row) - p(row without it); effects need not add up, as features interact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from recsys_core.data.dataset import FloatArray
from recsys_core.data.interactions import Interactions
from recsys_core.features.batch import Batch
from recsys_core.features.known import Known
from recsys_core.features.layout import EmbeddingLayout
from recsys_core.features.queries import Queries
from recsys_core.ranking.ranker import Ranker


@dataclass(frozen=True)
class FeatureEffects:
    """What each feature does to the score of each row.

    Parameters
    ----------
    names
        The features.
    scores
        Shape (n,): probability that the row is relevant.
    effects
        Shape (n, features): probability lost when the feature is hidden; negative: gained.
    """

    names: tuple[str, ...]
    scores: FloatArray
    effects: FloatArray


def feature_effects(ranker: Ranker, rows: Queries, known: Interactions) -> FeatureEffects:
    """Hide each feature of some rows and see what their scores lose.

    Parameters
    ----------
    known
        What is known when the rows are scored, as for `Ranker.predict`.
    """
    labels = torch.empty((len(rows), len(ranker.module.bias)))
    encoded = ranker.rows(rows, Known.of(known), labels)
    (batch,) = encoded.batches(torch.arange(len(rows), device=ranker.device), max(1, len(rows)))
    ranker.module.eval()
    layout = ranker.encoder.layout
    with torch.inference_mode():
        whole = torch.sigmoid(ranker.module(batch))[:, 0]
        hidden = [
            torch.sigmoid(ranker.module(hide(batch, layout, field)))[:, 0]
            for field in range(len(layout.names))
        ]
        effects = whole[:, None] - torch.stack(hidden, dim=1)
    return FeatureEffects(layout.names, whole.cpu().numpy(), effects.cpu().numpy())


def hide(batch: Batch, layout: EmbeddingLayout, field: int) -> Batch:
    """Make a batch in which nothing is known of one field."""
    categories = batch.single.shape[1]
    offset = layout.offsets[field]
    if field < categories:
        return replace(batch, single=_with(batch.single, slice(field, field + 1), offset))
    first = sum(batch.widths[: field - categories])
    slots = slice(first, first + batch.widths[field - categories])
    hidden = replace(batch, weights=_with(batch.weights, slots, 0))
    if offset not in layout.unknown or field in {history.field for history in layout.histories}:
        return hidden  # a number at its mean, a sequence without events
    one = slice(first, first + 1)  # several values become the unknown one
    return replace(
        hidden,
        weighted=_with(_with(hidden.weighted, slots, 0), one, offset),
        weights=_with(hidden.weights, one, 1),
    )


def _with(values: Tensor, columns: slice, value: int) -> Tensor:
    changed = values.clone()
    changed[:, columns] = value
    return changed
