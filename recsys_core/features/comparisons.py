"""What a row's user did, compared with the row's item: similarity, gaps, and predicted ratings.

    {name: genres_recent, source: user-history, kind: numeric, column: similarity, by: genres,
     half_life: 5}
    {name: year_gap, source: user-history, kind: numeric, column: gap, by: year, half_life: 5}
    {name: predicted_rating, source: user-history, kind: numeric, scope: known}

What is known of a request is worked out once, however many candidates there are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recsys_core.data.dataset import Categorical, FloatArray
from recsys_core.features.known import Attribute, Known, Requests, values_of
from recsys_core.features.past import Vector, Views

#: numbers of one kind that are held at once, as far as one value of an attribute allows
BLOCK_NUMBERS = 2**22


def similarity(views: Views, column: str, by: Attribute, half_life: float | None) -> Vector:
    """Cosine of the item's values and those of the user's earlier liked events; 0 without any.

    cos(x_i, sum over liked e of 2^(-age_e / half_life) x_e), x being the unit vector of an item's
    values.

    Parameters
    ----------
    column, by
        An attribute of the items: its name and values.
    """
    once, row = views.per_request
    liked, item = once.liked(), views.queries.item
    unit = views.everybody.kept(("unit", column), lambda: _unit_rows(by))
    dot, square = np.zeros(len(views.queries)), np.zeros(len(once.queries))
    for part in _parts(unit, max(len(item), len(views.everybody) if once is views else 0)):

        def values(known: Known, part: FloatArray = part) -> FloatArray:
            return part.take(known.item, axis=0)

        profile = liked.sum(values, half_life).astype(np.float32)
        square += np.square(profile).sum(axis=1)
        # take: much faster than [] where rows are short
        dot += np.einsum("ij,ij->i", profile.take(row, axis=0), part.take(item, axis=0))
    cosine: Vector = dot / np.maximum(np.sqrt(square), 1e-12)[row]
    return cosine


def hot_rows(by: Attribute) -> FloatArray:
    """Shape (n_items, values): 1 where an item has the value."""
    n = len(by.codes) if isinstance(by, Categorical) else len(by.offsets) - 1
    table = np.zeros((n, len(by.vocabulary)), dtype=np.float32)
    table[values_of(by, np.arange(n, dtype=np.int32))] = 1
    return table


def _unit_rows(by: Attribute) -> FloatArray:
    """Shape (n_items, values): unit vectors; zeros where an item has no value."""
    table = hot_rows(by)
    length = np.linalg.norm(table, axis=1, keepdims=True)
    unit: FloatArray = table / np.maximum(length, np.float32(1e-12))
    return unit


def _parts(unit: FloatArray, rows: int) -> Iterator[FloatArray]:
    """Cut columns so that so many rows of them are not too much at once."""
    width = max(1, BLOCK_NUMBERS // max(rows, 1))
    for first in range(0, unit.shape[1], width):
        yield unit[:, first : first + width]


def gap(views: Views, column: str, numbers: FloatArray, half_life: float | None) -> Vector:
    """Distance of the item's number and the mean of those of the user's earlier liked events.

    An item without a number, and a user without such an event, stand at the mean of all items.

    Parameters
    ----------
    numbers
        Shape (n_items,): an attribute of the items; NaN where unknown.
    """
    once, row = views.per_request
    own = views.everybody.kept(("centred", column), lambda: _centred(numbers))
    unknown = np.isnan(numbers)
    has = Categorical(-unknown.astype(np.int32), np.array(["there"])) if unknown.any() else None

    def sums(known: Known) -> FloatArray:
        return np.stack([own[known.item], np.ones(len(known), np.float32)], axis=1)

    total, weight = once.liked(f"has {column}", has).sum(sums, half_life).T
    mean = np.divide(total, weight, out=np.zeros(len(weight)), where=weight > 0)
    distance: Vector = np.abs(own[views.queries.item] - mean[row])
    return distance


def _centred(numbers: FloatArray) -> FloatArray:
    """Shape (n_items,): distances from the mean; 0 where unknown."""
    there = ~np.isnan(numbers)
    middle = numbers[there].mean(dtype=np.float64) if there.any() else 0.0
    centred: FloatArray = np.where(there, numbers - middle, 0).astype(np.float32)
    return centred


def predicted_rating(views: Views) -> Vector:
    """Predict how the user of the row's request would rate its item, from all that is known."""
    requests, rows = views.known, views.queries
    assert isinstance(requests, Requests)
    assert rows.request is not None
    predicted = np.empty(len(rows))
    for first in range(0, len(rows), BLOCK_NUMBERS // 16):
        some = slice(first, first + BLOCK_NUMBERS // 16)
        tastes = requests.tastes.take(rows.request[some], axis=0)
        predicted[some] = requests.everybody.predictions(tastes, rows.item[some])
    return predicted
