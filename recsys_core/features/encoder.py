"""Rows become indices into one embedding table: learned from train rows, once per user or item.

Every feature is a field of one or more *slots*, a slot being an index into the table and a weight.
Categorical features have one slot of weight 1, numeric ones a slot weighted by the value,
multi-valued ones a slot per value, weighted by the pooling, sequences a slot per event. Row 0 of
the table is padding.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np
from pydantic import PrivateAttr, model_validator

from recsys_core.config import Config
from recsys_core.data.dataset import IntArray
from recsys_core.features.coder import Coder, FittedFeature, Fitter, SideCodes, kept_parents
from recsys_core.features.columns import SIDES, Side, side_of, side_owners
from recsys_core.features.feature import Feature
from recsys_core.features.grown import kept_codes
from recsys_core.features.known import Known, Requests
from recsys_core.features.layout import (
    EmbeddingLayout,
    EncodedRows,
    History,
    Slots,
    Table,
    VectorField,
)
from recsys_core.features.past import Views
from recsys_core.features.queries import Queries
from recsys_core.features.schema import FeatureSchema
from recsys_core.features.transforms import EventLookup, VectorScale

__all__ = ["EmbeddingLayout", "EncodedRows", "FeatureEncoder"]


class FeatureEncoder(Config):
    """A fitted schema.

    Examples
    --------
    >>> train = Queries.of_events(split.train)  # doctest: +SKIP
    >>> encoder = FeatureEncoder.fit(schema, train, Known.of(split.train))  # doctest: +SKIP
    >>> test = Queries.of_events(split.test)  # doctest: +SKIP
    >>> encoder.encode(test, Known.of(split.known)).widths  # doctest: +SKIP
    """

    features: tuple[FittedFeature, ...]

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        names = {each.feature.name for each in self.features}
        for each in self.features:
            of = each.fitted.of if isinstance(each.fitted, EventLookup) else ""
            for other in (*each.feature.of, *filter(None, [of])):
                if other not in names:
                    raise ValueError(f"feature '{each.feature.name}' needs '{other}'")
        return self

    _sides: SideCodes | None = PrivateAttr(default=None)

    @classmethod
    def fit(
        cls,
        schema: FeatureSchema,
        queries: Queries,
        known: Known | Requests,
        earlier: FeatureEncoder | None = None,
    ) -> Self:
        """Learn vocabularies, edges and scales from train rows alone.

        Parameters
        ----------
        queries
            The train rows.
        known
            The events they may see.
        earlier
            A fit of the same schema on earlier rows, which grows: what it has learned stays.
        """
        features = schema.scoped()
        fitter = Fitter(features, Views(queries, known), earlier.features if earlier else ())
        return cls(features=tuple(fitter.fit(feature.name) for feature in in_order(features)))

    @cached_property
    def layout(self) -> EmbeddingLayout:
        """Where each field lies in the embedding table."""
        sizes = [each.fitted.size for each in self.features]
        starts = (1 + np.cumsum([0, *sizes])).tolist()
        names = [each.feature.name for each in self.features]
        place = dict(zip(names, starts, strict=False))
        shared = {
            each.feature.name: each.fitted.of
            for each in self.features
            if isinstance(each.fitted, EventLookup) and each.fitted.of
        }
        return EmbeddingLayout(
            names=tuple(names),
            sizes=tuple(
                self._named(shared.get(each.feature.name, each.feature.name)).feature.embedding_size
                for each in self.features
            ),
            offsets=tuple(place[shared.get(name, name)] for name in names),
            unknown=tuple(
                place[each.feature.name]
                for each in self.features
                if each.feature.kind != "numeric" and each.fitted.size
            ),
            n_rows=starts[-1],
            histories=tuple(
                History(number, names.index(shared[name]) if name in shared else None)
                for number, name in enumerate(names)
                if self.features[number].feature.kind == "sequence"
            ),
            vectors=tuple(
                VectorField(number, starts[number], each.fitted.numbers)
                for number, each in enumerate(self.features)
                if isinstance(each.fitted, VectorScale)
            ),
        )

    def kept_rows(self, earlier: FeatureEncoder) -> tuple[IntArray, IntArray]:
        """Tell which rows of the embedding table were rows of an earlier encoder that has grown.

        Returns
        -------
        Shapes (n,): the rows here, and what they were there; the padding row is one of them.
        """
        before, after = ({each.feature.name: each for each in x.features} for x in (earlier, self))
        here, there = [np.zeros(1, np.int32)], [np.zeros(1, np.int32)]
        for name, each in before.items():
            if each.fitted.size == 0:  # it shares the rows of another
                continue
            parents = kept_parents(each.feature, before, after)
            codes = kept_codes(each.fitted, after[name].fitted, parents)
            kept = np.flatnonzero(codes >= 0)
            here.append((self._offsets[name] + codes[kept]).astype(np.int32))
            there.append((earlier._offsets[name] + kept).astype(np.int32))
        return np.concatenate(here), np.concatenate(there)

    def encode(self, queries: Queries, known: Known | Requests) -> EncodedRows:
        """Encode rows; users, items and values that fit did not see are unknown.

        Parameters
        ----------
        known
            The events that may be seen; each row sees of them what its features' scopes allow.

        Raises
        ------
        InputError
            The data set lacks a column, or the rows come without a given one.
        """
        coder, offsets = self._coder(queries, known), self._offsets
        owners = side_owners(queries)
        used = [side for side in SIDES if self._of(side)]
        return EncodedRows(
            tables=tuple(coder.table(side, self._of(side), offsets) for side in used),
            owners=tuple(owners[side] for side in used),
            sequences=tuple(
                coder.sequence(each, offsets[each.feature.name])
                for each in self.features
                if each.feature.kind == "sequence"
            ),
            n_rows=len(queries),
        )

    def table(self, side: Side, queries: Queries, known: Known | Requests) -> Table:
        """Encode the fields of one side: a row for each user or item and one for those unknown.

        Of the side of rows: one for each of `queries`.
        """
        features = self._of(side)
        if features:
            return self._coder(queries, known).table(side, features, self._offsets)
        data = queries.dataset
        rows = {"user": data.n_users + 1, "item": data.n_items + 1, "row": len(queries)}[side]
        return Table.empty(rows)

    @property
    def _offsets(self) -> dict[str, int]:
        return dict(zip(self.layout.names, self.layout.offsets, strict=True))

    def slots(self, queries: Queries, known: Known | Requests, name: str) -> Slots:
        """Encode one feature that is no sequence; one entry per row of `queries`."""
        each = self._named(name)
        slots = self._coder(queries, known).slots(each)
        return slots.take(side_owners(queries)[side_of(each.feature)])

    def _coder(self, queries: Queries, known: Known | Requests) -> Coder:
        """Encode from codes of users and items that are kept for the data set asked about last."""
        sides = self._sides
        if sides is None or sides.dataset is not queries.dataset:
            sides = self._sides = SideCodes(queries.dataset)
        return Coder(self.features, Views(queries, known), sides)

    def _of(self, side: Side) -> list[FittedFeature]:
        return [
            each
            for each in self.features
            if side_of(each.feature) == side and each.feature.kind != "sequence"
        ]

    def _named(self, name: str) -> FittedFeature:
        return next(each for each in self.features if each.feature.name == name)


def in_order(features: tuple[Feature, ...]) -> list[Feature]:
    """Categorical fields first, sequences last, by side: the order a batch is put together in."""

    def place(feature: Feature) -> tuple[int, int]:
        kinds = {"categorical": 0, "sequence": 2}
        return kinds.get(feature.kind, 1), SIDES.index(side_of(feature))

    return sorted(features, key=place)
