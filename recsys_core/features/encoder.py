"""Rows become indices into one embedding table: fitted on train rows, computed once a user or item.

Every feature is a field of one or more *slots*, a slot being an index into the table and a weight.
Categorical features have one slot of weight 1, numeric ones a slot weighted by the value,
multi-valued ones a slot a value, weighted by the pooling. Row 0 of the table is padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from pydantic import Field as Described

from recsys_core.config import Config
from recsys_core.data.dataset import Categorical, FloatArray, IntArray, MultiCategorical, TimeArray
from recsys_core.errors import InputError
from recsys_core.features.columns import (
    Source,
    Values,
    as_categories,
    as_numbers,
    check_column,
    row_values,
    side_values,
)
from recsys_core.features.schema import Bucketize, Feature, FeatureSchema, Log, Quantile, Vocabulary
from recsys_core.features.transforms import Buckets, Fitted, Lookup, Scale
from recsys_core.protocols.interactions import Interactions

SOURCES: tuple[Source, ...] = ("user", "item", "interaction")


@dataclass(frozen=True)
class Table:
    """Slots of all users, of all items, or of some rows.

    Parameters
    ----------
    single
        Shape (n, categorical fields), int32: indices of weight 1.
    weighted
        Shape (n, sum(widths)), int32: indices of the other fields' slots, 0 where unused.
    weights
        Shape (n, sum(widths)), float32; 0 where unused.
    widths
        Slots of each of the other fields.
    """

    single: IntArray
    weighted: IntArray
    weights: FloatArray
    widths: tuple[int, ...]


@dataclass(frozen=True)
class EncodedRows:
    """Rows as numbers of table rows; slots are gathered when a batch needs them.

    Parameters
    ----------
    tables
        One per source that has features.
    owners
        Shape (n,) each: which row of the table belongs to each row.
    """

    tables: tuple[Table, ...]
    owners: tuple[IntArray, ...]

    def __len__(self) -> int:
        return len(self.owners[0])

    @property
    def widths(self) -> tuple[int, ...]:
        """Slots of each field that is not categorical, in the order of the layout."""
        return tuple(width for table in self.tables for width in table.widths)


@dataclass(frozen=True)
class Layout:
    """Where fields lie in the embedding table; categorical fields first, by source.

    Parameters
    ----------
    names
        The fields' names.
    sizes
        Embedding size of each field; None: the model's.
    offsets
        First table row of each field: its unknown row, or a numeric field's only row.
    unknown
        The table rows that stand for unknown values.
    n_rows
        Rows of the table, padding included.
    """

    names: tuple[str, ...]
    sizes: tuple[int | None, ...]
    offsets: tuple[int, ...]
    unknown: tuple[int, ...]
    n_rows: int


class FittedFeature(Config):
    """A feature and what its train rows taught."""

    feature: Feature
    fitted: Annotated[Fitted, Described(discriminator="name")]


class FeatureEncoder(Config):
    """A fitted schema.

    Examples
    --------
    >>> encoder = FeatureEncoder.fit(schema, split.train)  # doctest: +SKIP
    >>> encoder.encode(split.test).widths  # doctest: +SKIP
    """

    features: tuple[FittedFeature, ...]

    @classmethod
    def fit(cls, schema: FeatureSchema, train: Interactions) -> Self:
        """Learn vocabularies, edges and scales from train rows alone."""
        sides = {
            "user": np.bincount(train.user, minlength=train.n_users),
            "item": train.item_counts(),
            "interaction": np.ones(len(train), dtype=np.int64),
        }
        fitted = [
            FittedFeature(
                feature=feature,
                fitted=_fit(feature, _values(feature, train), sides[feature.source]),
            )
            for feature in _in_order(schema.features)
        ]
        return cls(features=tuple(fitted))

    @property
    def layout(self) -> Layout:
        """Where each field lies in the embedding table."""
        sizes = [each.fitted.size for each in self.features]
        offsets = (1 + np.concatenate([[0], np.cumsum(sizes)])).tolist()
        unknown = [
            offset
            for each, offset in zip(self.features, offsets, strict=False)
            if each.feature.kind != "numeric"
        ]
        return Layout(
            names=tuple(each.feature.name for each in self.features),
            sizes=tuple(each.feature.embedding_size for each in self.features),
            offsets=tuple(offsets[:-1]),
            unknown=tuple(unknown),
            n_rows=offsets[-1],
        )

    def encode(self, rows: Interactions) -> EncodedRows:
        """Encode `rows`; users, items and values that fit did not see are unknown.

        Raises
        ------
        InputError
            The data set of `rows` lacks a column.
        """
        owners = {
            "user": rows.user,
            "item": rows.item,
            "interaction": np.arange(len(rows), dtype=np.int32),
        }
        used = [source for source in SOURCES if self._of(source)]
        return EncodedRows(
            tables=tuple(self._table(source, rows) for source in used),
            owners=tuple(owners[source] for source in used),
        )

    def _of(self, source: Source) -> list[tuple[FittedFeature, int]]:
        """Pair the features of one source with their offsets."""
        pairs = zip(self.features, self.layout.offsets, strict=True)
        return [(each, offset) for each, offset in pairs if each.feature.source == source]

    def _table(self, source: Source, rows: Interactions) -> Table:
        singles, indices, weights = [], [], []
        for each, offset in self._of(source):
            feature, values = each.feature, _values(each.feature, rows)
            if feature.kind == "categorical":
                singles.append(offset + _codes(each, values))
            elif isinstance(values, MultiCategorical):
                index, weight = _slots(each, values, offset)
                indices.append(index)
                weights.append(weight)
            else:
                assert isinstance(each.fitted, Scale)
                number = each.fitted.encode(as_numbers(values, f"feature '{feature.name}'").values)
                indices.append(np.full((len(number), 1), offset, dtype=np.int32))
                weights.append(number[:, None])
        n = {"user": rows.n_users, "item": rows.n_items, "interaction": len(rows)}[source]
        return Table(
            single=np.stack(singles, axis=1) if singles else np.empty((n, 0), np.int32),
            weighted=np.concatenate([np.empty((n, 0), np.int32), *indices], axis=1),
            weights=np.concatenate([np.empty((n, 0), np.float32), *weights], axis=1),
            widths=tuple(index.shape[1] for index in indices),
        )


def _in_order(features: tuple[Feature, ...]) -> list[Feature]:
    """Categorical fields first, then by source: the order in which a batch is put together."""
    return sorted(features, key=lambda f: (f.kind != "categorical", SOURCES.index(f.source)))


def _values(feature: Feature, rows: Interactions) -> Values:
    where = f"feature '{feature.name}'"
    check_column(feature.source, feature.reads, feature.kind, rows.dataset, where)
    if feature.source == "interaction":
        return row_values(feature.reads, rows)
    return side_values(feature.source, feature.reads, rows.dataset)


def _fit(feature: Feature, values: Values, counts: TimeArray) -> Fitted:
    """Fit one feature; `counts` says in how many train rows each entry of `values` occurs."""
    where, transform = f"feature '{feature.name}'", feature.transform
    if feature.kind == "numeric":
        numbers = as_numbers(values, where).values
        if isinstance(transform, Log):
            _check_log(numbers, where)
        return Scale.fit(numbers, counts, log=isinstance(transform, Log))
    if isinstance(transform, Bucketize):
        return Buckets(edges=transform.edges)
    if isinstance(transform, Quantile):
        return Buckets.fit(as_numbers(values, where).values, counts, transform.buckets)
    least = transform.min_count if isinstance(transform, Vocabulary) else 1
    if isinstance(values, MultiCategorical):
        counts = np.repeat(counts, np.diff(values.offsets))
        return Lookup.fit(values.codes, values.vocabulary, counts, least)
    categories = as_categories(values)
    return Lookup.fit(categories.codes, categories.vocabulary, counts, least)


def _check_log(numbers: FloatArray, where: str) -> None:
    if (numbers < 0).any():
        raise InputError(
            f"{where}: log(1 + x) is for x >= 0, the data have {np.nanmin(numbers):g}",
            "use the transform standardize",
        )


def _codes(each: FittedFeature, values: Values) -> IntArray:
    """Encode a categorical feature, shape (n,)."""
    if isinstance(each.fitted, Buckets):
        return each.fitted.encode(as_numbers(values, f"feature '{each.feature.name}'").values)
    assert isinstance(each.fitted, Lookup)
    assert not isinstance(values, MultiCategorical)
    categories: Categorical = as_categories(values)
    return each.fitted.encode(categories.codes, categories.vocabulary)


def _slots(
    each: FittedFeature, values: MultiCategorical, offset: int
) -> tuple[IntArray, FloatArray]:
    """Encode a multi-valued feature: padded indices and weights, shape (n, most values).

    Unknown values are left out of the pooling; a row with none left is the unknown row.
    """
    assert isinstance(each.fitted, Lookup)
    codes = each.fitted.encode(values.codes, values.vocabulary)
    row = np.repeat(np.arange(len(values.offsets) - 1), np.diff(values.offsets))
    row, codes = row[codes > 0], codes[codes > 0]
    lengths = np.bincount(row, minlength=len(values.offsets) - 1)
    width = max(1, int(lengths.max(initial=0)))
    start = np.cumsum(lengths) - lengths
    place = np.arange(len(row)) - start[row]
    index = np.zeros((len(lengths), width), dtype=np.int32)
    weight = np.zeros((len(lengths), width), dtype=np.float32)
    index[row, place] = offset + codes
    weight[row, place] = 1 / lengths[row] if each.feature.pooling == "mean" else 1.0
    index[lengths == 0, 0] = offset
    weight[lengths == 0, 0] = 1.0
    return index, weight
