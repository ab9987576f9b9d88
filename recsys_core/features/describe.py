"""A schema in figures: sizes, missing values, and how well each feature alone predicts.

A feature's single AUC ranks the validation rows by how train rows with the same values were
labelled, and vectors by a regression on their numbers. Honest features are far from perfect alone;
one that knows the label is not, so a leak shows before any model is trained. A schema for
candidates asks about validation rows as candidates, at their users' last train event; each half of
the users is ranked by the labels of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from recsys_core.data.dataset import FloatArray, IntArray
from recsys_core.data.interactions import Interactions
from recsys_core.evaluation.rows import auc
from recsys_core.features.batch import Batch, Rows
from recsys_core.features.columns import row_numbers
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.feature import Feature
from recsys_core.features.known import Known, Requests
from recsys_core.features.past import Vector, Views
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.protocols.split import Split

#: a feature that alone ranks this well probably knows the label
SUSPICIOUS_AUC = 0.95
#: rows looked at once
BLOCK = 65_536
#: a value counts as if it had this many more rows with the usual share of likes
PRIOR_ROWS = 10
#: numbers are compared by the quantile of the train rows that they fall into
QUANTILES = 50


def describe_features(schema: FeatureSchema, split: Split) -> dict[str, Any]:
    """Describe every feature of a schema on the rows of a protocol.

    Returns
    -------
    Plain values that JSON can hold: name and scopes of the schema, protocol, and of each feature
    what it is, its embeddings (`values`), the share of validation rows without a known value
    (`missing`), its single AUC (null where the rows have one label) and whether that is suspicious.
    """
    measure = _of_candidates if schema.for_requests else _of_events
    encoder, scores, shares = measure(schema, split)
    labels = split.valid.relevant.astype(np.int8)
    return {
        "schema": schema.name,
        "title": schema.title,
        "scopes": schema.scopes,
        "protocol": split.protocol,
        "train": len(split.train),
        "valid": len(split.valid),
        "features": [
            _describe(each.feature, each.fitted.size, missing, auc(labels, score))
            for each, missing, score in zip(encoder.features, shares, scores, strict=True)
        ],
    }


#: an encoder, and by feature the scores and the share of missing values of the validation rows
Measured = tuple[FeatureEncoder, list[NDArray[np.float64]], list[float]]


def _of_events(schema: FeatureSchema, split: Split) -> Measured:
    known = Known.of(split.train)
    train = Queries.of_events(split.train)
    valid = Queries.of_events(split.valid)
    encoder = FeatureEncoder.fit(schema, train, known)
    train_rows = _rows(encoder, train, known, split.train)
    valid_rows = _rows(encoder, valid, known, split.valid)
    scores = _scores(encoder, train_rows, valid_rows)
    return encoder, scores, _missing(encoder, valid_rows, Views(valid, known))


def _of_candidates(schema: FeatureSchema, split: Split) -> Measured:
    valid = split.valid
    users, request = np.unique(valid.user, return_inverse=True)
    histories = valid.asked(users, split.train.histories().take(users))
    requests = Known.of(split.train).requests(users, histories)
    queries = Queries.of_requests(requests, request, valid.item)
    encoder = FeatureEncoder.fit(schema, queries, requests)
    even = request % 2 == 0
    halves = [
        _rows(encoder, queries.take(np.flatnonzero(half)), requests, valid.where(half))
        for half in (even, ~even)
    ]
    scores = [np.empty(len(valid)) for _ in encoder.features]
    for half, rows, others in ((even, *halves), (~even, *halves[::-1])):
        for whole, part in zip(scores, _scores(encoder, others, rows), strict=True):
            whole[half] = part
    rows = _rows(encoder, queries, requests, valid)
    return encoder, scores, _missing(encoder, rows, Views(queries, requests))


def _describe(feature: Feature, values: int, missing: float, area: float) -> dict[str, Any]:
    return {
        **feature.facts(),
        "values": values,
        "missing": missing,
        "auc": None if np.isnan(area) else area,
        "suspicious": bool(area >= SUSPICIOUS_AUC),
    }


def _rows(
    encoder: FeatureEncoder, queries: Queries, known: Known | Requests, rows: Interactions
) -> Rows:
    labels = torch.from_numpy(rows.relevant.astype(np.float32)[:, None])
    return Rows(encoder.encode(queries, known), labels, torch.device("cpu"))


def _blocks(rows: Rows) -> Iterator[Batch]:
    return rows.batches(torch.arange(len(rows)), BLOCK)


def _slots(batch: Batch) -> list[tuple[IntArray, FloatArray]]:
    """Index and weight of each field's slots, shape (rows, width) each."""
    single = batch.single.numpy()
    ones = np.ones((len(single), 1), dtype=np.float32)
    fields = [(single[:, [column]], ones) for column in range(single.shape[1])]
    if batch.widths:
        index = torch.split(batch.weighted, list(batch.widths), dim=1)
        weight = torch.split(batch.weights, list(batch.widths), dim=1)
        fields += [(i.numpy(), w.numpy()) for i, w in zip(index, weight, strict=True)]
    return fields


def _scores(encoder: FeatureEncoder, train: Rows, valid: Rows) -> list[NDArray[np.float64]]:
    """Score the validation rows by each feature alone; shape (validation rows,) each."""
    edges = _edges(encoder, train)
    size = max(encoder.layout.n_rows, QUANTILES + 1)
    vectors = [n for n, each in enumerate(encoder.features) if each.feature.kind == "vector"]
    likes, events = np.zeros((2, len(encoder.features), size))
    for batch in _blocks(train):
        labels = batch.labels.numpy()
        for field, slots in enumerate(_slots(batch)):
            index, weight = _coded(*slots, edges[field])
            flat = index.ravel()
            events[field] += np.bincount(flat, weight.ravel(), minlength=size)
            likes[field] += np.bincount(flat, (weight * labels).ravel(), minlength=size)
    share = float(train.labels.mean())
    rates = (likes + PRIOR_ROWS * share) / (events + PRIOR_ROWS)
    directions = {field: _direction(encoder, field, train, share) for field in vectors}
    parts = []
    for batch in _blocks(valid):
        found = []
        for field, slots in enumerate(_slots(batch)):
            if field in directions:
                found.append(_numbers(*slots, encoder.layout.offsets[field]) @ directions[field])
            else:
                index, weight = _coded(*slots, edges[field])
                found.append(_mean(rates[field][index], weight, share))
        parts.append(found)
    return [np.concatenate(scores) for scores in zip(*parts, strict=True)]


def _direction(encoder: FeatureEncoder, field: int, train: Rows, share: float) -> Vector:
    """Find the direction in which a vector says most of the labels, by ridge regression."""
    numbers = encoder.features[field].fitted.size  # a constant in place of the unknown row
    squares: NDArray[np.floating] = PRIOR_ROWS * np.eye(numbers)
    products: NDArray[np.floating] = np.zeros(numbers)
    for batch in _blocks(train):
        x = _numbers(*_slots(batch)[field], encoder.layout.offsets[field])
        labels: Vector = batch.labels[:, 0].double().numpy()
        squares += x.T @ x
        products += x.T @ (labels - share)
    direction: Vector = np.linalg.solve(squares, products)
    return direction


def _numbers(index: IntArray, weight: FloatArray, unknown: int) -> Vector:
    """Give the numbers of vectors and a constant, (rows, width + 1); zeros where there is none."""
    there = index > unknown
    return np.concatenate([np.where(there, weight, 0), there[:, :1]], axis=1, dtype=np.float64)


def _edges(encoder: FeatureEncoder, train: Rows) -> list[NDArray[np.float64] | None]:
    """Quantiles of the numeric features' values; None for other features."""
    numeric = [each.feature.kind == "numeric" for each in encoder.features]
    values: list[list[FloatArray]] = [[] for _ in numeric]
    for batch in _blocks(train) if any(numeric) else ():
        for field, (_, weight) in enumerate(_slots(batch)):
            if numeric[field]:
                values[field].append(weight[:, 0])
    shares = np.arange(1, QUANTILES) / QUANTILES
    return [np.quantile(np.concatenate(parts), shares) if parts else None for parts in values]


def _coded(
    index: IntArray, weight: FloatArray, edges: NDArray[np.float64] | None
) -> tuple[NDArray[np.int64], FloatArray]:
    """Codes and how much each counts; unused slots count nothing, numbers become quantiles."""
    if edges is not None:
        return np.searchsorted(edges, weight, side="right"), np.ones_like(weight)
    return index.astype(np.int64), np.where(index > 0, np.abs(weight), np.float32(0))


def _mean(rates: NDArray[np.float64], weight: FloatArray, otherwise: float) -> NDArray[np.float64]:
    """Average over slots, shape (rows,)."""
    total = weight.sum(axis=1, dtype=np.float64)
    mean: NDArray[np.float64] = np.divide(
        (rates * weight).sum(axis=1), total, out=np.full(len(total), otherwise), where=total > 0
    )
    return mean


def _missing(encoder: FeatureEncoder, valid: Rows, views: Views) -> list[float]:
    """Share of the validation rows that have no known value, or no event, by feature."""
    counts = np.zeros(len(encoder.features))
    for batch in _blocks(valid):
        for field, (index, _) in enumerate(_slots(batch)):
            unknown = (index == 0) | (index == encoder.layout.offsets[field])
            counts[field] += unknown.all(axis=1).sum()
    shares = counts / max(1, len(valid))
    others = {each.feature.name: each.feature for each in encoder.features}
    for field, each in enumerate(encoder.features):
        if each.feature.kind == "numeric":  # a missing number has the weight of the mean, 0
            shares[field] = np.isnan(row_numbers(each.feature, views, others)).mean()
    found: list[float] = shares.tolist()
    return found
