"""Raw values become codes: fitting one feature, and encoding one feature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Described
from pydantic import model_validator

from recsys_core.config import Config
from recsys_core.data.dataset import (
    BoolArray,
    Categorical,
    Dataset,
    FloatArray,
    IntArray,
    MultiCategorical,
    Numeric,
    TimeArray,
    Vectors,
)
from recsys_core.errors import InputError
from recsys_core.features.columns import (
    ID_COLUMNS,
    Side,
    Values,
    as_categories,
    as_numbers,
    of_user_alone,
    owner_of,
    raw_values,
    side_of,
    side_owners,
    side_values,
)
from recsys_core.features.declared_transforms import (
    Bucketize,
    Hash,
    Log,
    Quantile,
    Vocabulary,
)
from recsys_core.features.feature import (
    LENGTH,
    Feature,
    Kind,
)
from recsys_core.features.grown import grown, kept_codes
from recsys_core.features.known import Owner, Part, other_side
from recsys_core.features.layout import Sequence, Slots, Table
from recsys_core.features.past import Views
from recsys_core.features.transforms import (
    Buckets,
    Crossed,
    EventLookup,
    Fitted,
    Hashed,
    Lookup,
    Scale,
    VectorScale,
)

#: what can be learned of each kind
FITTED: dict[Kind, tuple[type[Config], ...]] = {
    "categorical": (Lookup, Hashed, Buckets, Crossed),
    "multi": (Lookup, Hashed, Crossed),
    "numeric": (Scale,),
    "vector": (VectorScale,),
    "sequence": (EventLookup,),
}


class FittedFeature(Config):
    """A feature and what its train rows taught."""

    feature: Feature
    fitted: Annotated[Fitted, Described(discriminator="name")]

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if not isinstance(self.fitted, FITTED[self.feature.kind]):
            raise ValueError(
                f"feature '{self.feature.name}' is {self.feature.kind}, not {self.fitted.name}"
            )
        return self


@dataclass(frozen=True)
class SideCodes:
    """What does not depend on the rows: codes of all users and items of a data set, made once."""

    dataset: Dataset
    slots: dict[str, Slots] = field(default_factory=dict)
    tables: dict[Side, Table] = field(default_factory=dict)
    ids: dict[str, IntArray] = field(default_factory=dict)


class Coder:
    """Encodes the features of some rows; what several features need is computed once.

    Parameters
    ----------
    features
        Fitted features, those that others refer to among them.
    views
        The rows, and what they may see.
    sides
        Keeps the codes of users and items; None: they are made anew.
    """

    def __init__(
        self, features: Iterable[FittedFeature], views: Views, sides: SideCodes | None = None
    ) -> None:
        self.features = {each.feature.name: each for each in features}
        self.views = views
        self._sides = sides or SideCodes(views.queries.dataset)
        self._slots: dict[str, Slots] = {}

    def slots(self, each: FittedFeature) -> Slots:
        """Encode a feature that is no sequence: one entry per user, item or row."""
        name = each.feature.name
        kept = self._slots if side_of(each.feature) == "row" else self._sides.slots
        if name not in kept:
            kept[name] = self._codes(each)
        return kept[name]

    def _codes(self, each: FittedFeature) -> Slots:
        if isinstance(each.fitted, Crossed):
            return self._cross(each)
        if self.views.queries.request is not None and of_user_alone(each.feature):
            views, row = self.views.per_request
            return self._encode(each, views).take(row)
        return self._encode(each, self.views)

    def table(self, side: Side, features: list[FittedFeature], offsets: dict[str, int]) -> Table:
        """Put the features of one side, at least one, next to each other."""
        if side == "row":
            return self._table(features, offsets)
        if side not in self._sides.tables:
            self._sides.tables[side] = self._table(features, offsets)
        return self._sides.tables[side]

    def _table(self, features: list[FittedFeature], offsets: dict[str, int]) -> Table:
        singles, indices, weights = [], [], []
        for each in features:
            slots, offset = self.slots(each), offsets[each.feature.name]
            if each.feature.kind == "categorical":
                singles.append(slots.index(offset))
            else:
                assert slots.weights is not None
                indices.append(slots.index(offset))
                weights.append(slots.weights)
        n = len((singles or indices)[0])
        return Table(
            single=np.concatenate([np.empty((n, 0), np.int32), *singles], axis=1),
            weighted=np.concatenate([np.empty((n, 0), np.int32), *indices], axis=1),
            weights=np.concatenate([np.empty((n, 0), np.float32), *weights], axis=1),
            widths=tuple(index.shape[1] for index in indices),
        )

    def sequence(self, each: FittedFeature, offset: int) -> Sequence:
        """Encode a sequence: the events of all users or items once, and a slice a row."""
        feature, fitted = each.feature, each.fitted
        assert isinstance(fitted, EventLookup)
        owner, scope = owner_of(feature), feature.scope or "earlier"
        part = cast("Part", feature.reads)
        events = self.views.events(owner, scope, part, feature.max_len or LENGTH)
        codes = self._id_codes(feature.name, fitted, other_side(owner))
        index = codes[np.minimum(events.member, len(codes) - 1)]
        weight = np.ones_like(events.rating)
        if feature.weight == "rating":
            weight = events.rating - fitted.centre
        return Sequence(
            index=np.append(offset + index, 0).astype(np.int32),
            weight=np.append(weight, 0).astype(np.float32),
            start=events.start.astype(np.int32),
            end=events.end.astype(np.int32),
            own=events.own.astype(np.int32),
            length=feature.max_len or LENGTH,
            mean=feature.pooling == "mean",
        )

    def _id_codes(self, name: str, fitted: EventLookup, member: Owner) -> IntArray:
        """Code of every user or item, and of those outside the data set; shape (n + 1,)."""
        if fitted.of:
            return self.slots(self.features[fitted.of]).codes[:, 0]
        if name not in self._sides.ids:
            ids = side_values(member, ID_COLUMNS[member], self.views.queries.dataset)
            assert isinstance(ids, Categorical)
            codes = Lookup(values=fitted.values).encode(ids.codes, ids.vocabulary)
            self._sides.ids[name] = codes
        return self._sides.ids[name]

    def _encode(self, each: FittedFeature, views: Views) -> Slots:
        feature, fitted = each.feature, each.fitted
        others = {name: self.features[name].feature for name in feature.of}
        values = raw_values(feature, views, others)
        where = f"feature '{feature.name}'"
        if isinstance(fitted, VectorScale):
            assert isinstance(values, Vectors)
            return _vectors(values, fitted, where)
        if isinstance(fitted, Scale):
            numbers = fitted.encode(as_numbers(values, where).values)
            return Slots(np.zeros((len(numbers), 1), np.int32), numbers[:, None])
        if isinstance(fitted, Buckets):
            return Slots(fitted.encode(as_numbers(values, where).values)[:, None])
        assert isinstance(fitted, Lookup | Hashed)
        if isinstance(values, MultiCategorical):
            codes = fitted.encode(values.codes, values.vocabulary)
            return _pool(codes, values.offsets, mean=feature.pooling == "mean")
        assert isinstance(values, Categorical | Numeric)
        categories = as_categories(values)
        return Slots(fitted.encode(categories.codes, categories.vocabulary)[:, None])

    def _cross(self, each: FittedFeature) -> Slots:
        assert isinstance(each.fitted, Crossed)
        keys, used = self.keys(each.feature)
        codes = np.where(used, each.fitted.encode(keys), -1).astype(np.int32)
        if each.feature.kind == "categorical":
            return Slots(codes)
        counts = used.sum(axis=1, keepdims=True) if each.feature.pooling == "mean" else 1
        return Slots(codes, (used / counts).astype(np.float32))

    def keys(self, cross: Feature) -> tuple[TimeArray, BoolArray]:
        """Give the combinations of each row a number, shape (n, width); False: there is none."""
        owners = side_owners(self.views.queries)
        keys = np.zeros((len(self.views.queries), 1), dtype=np.int64)
        used = np.ones_like(keys, dtype=np.bool_)
        for name in cross.of:
            parent = self.features[name]
            codes = self.slots(parent).codes[owners[side_of(parent.feature)]][:, None, :]
            width = keys.shape[1] * codes.shape[2]
            keys = (keys[:, :, None] * parent.fitted.size + codes).reshape(len(keys), width)
            used = (used[:, :, None] & (codes >= 0)).reshape(len(keys), width)
        return keys, used


def kept_parents(
    feature: Feature, earlier: Mapping[str, FittedFeature], now: Mapping[str, FittedFeature]
) -> list[NDArray[np.int64]]:
    """Tell what became of the codes of each feature that a cross is of; empty for no cross."""
    return [
        kept_codes(
            earlier[name].fitted,
            now[name].fitted,
            kept_parents(earlier[name].feature, earlier, now),
        )
        for name in (feature.of if feature.source == "cross" else ())
    ]


class Fitter:
    """Fits the features of a schema on its train rows.

    Parameters
    ----------
    features
        All of the schema, scopes filled in.
    views
        The train rows, and what they may see.
    earlier
        What an earlier fit of the same features has taught, which grows.
    """

    def __init__(
        self, features: tuple[Feature, ...], views: Views, earlier: Iterable[FittedFeature]
    ) -> None:
        self._earlier = {each.feature.name: each for each in earlier}
        self._features = {feature.name: feature for feature in features}
        self._coder = Coder((), views)
        queries = views.queries
        self._rows: dict[Side, TimeArray] = {
            side: np.bincount(owner, minlength=size)
            for (side, owner), size in zip(
                side_owners(queries).items(),
                (queries.dataset.n_users + 1, queries.dataset.n_items + 1, len(queries)),
                strict=True,
            )
        }

    def fit(self, name: str) -> FittedFeature:
        """Fit a feature, after those that it refers to."""
        fitted = self._coder.features
        if name not in fitted:
            feature = self._features[name]
            for other in (*feature.of, *filter(None, [feature.share_embedding])):
                self.fit(other)
            found = self._fit(feature)
            if name in self._earlier:
                own = self._earlier[name].fitted
                found = grown(own, found, kept_parents(feature, self._earlier, fitted))
            fitted[name] = FittedFeature(feature=feature, fitted=found)
        return fitted[name]

    def _fit(self, feature: Feature) -> Fitted:
        if feature.kind == "sequence":
            return self._fit_sequence(feature)
        if feature.source == "cross":
            return self._fit_cross(feature)
        values = raw_values(feature, self._coder.views, self._features)
        return _fit_values(feature, values, self._rows[side_of(feature)])

    def _fit_sequence(self, feature: Feature) -> EventLookup:
        views = self._coder.views
        member = other_side(owner_of(feature))
        values: tuple[str, ...] = ()
        if not feature.share_embedding:
            ids = side_values(member, ID_COLUMNS[member], views.queries.dataset)
            assert isinstance(ids, Categorical)
            least = _least(feature)
            values = Lookup.fit(ids.codes, ids.vocabulary, self._rows[member], least).values
        return EventLookup(of=feature.share_embedding, values=values, centre=views.mean_rating)

    def _fit_cross(self, feature: Feature) -> Crossed:
        keys, used = self._coder.keys(feature)
        sizes = tuple(self._coder.features[name].fitted.size for name in feature.of)
        transform = feature.transform
        buckets = transform.buckets if isinstance(transform, Hash) else None
        return Crossed.fit(sizes, keys[used], _least(feature), buckets)


def _least(feature: Feature) -> int:
    return feature.transform.min_count if isinstance(feature.transform, Vocabulary) else 1


def _fit_values(feature: Feature, values: Values, counts: TimeArray) -> Fitted:
    """Fit one feature; `counts` says in how many train rows each entry of `values` occurs."""
    where, transform = f"feature '{feature.name}'", feature.transform
    if isinstance(values, Vectors):
        _check_finite(values.values, where)
        return VectorScale.fit(values.values, counts)
    if feature.kind == "numeric":
        numbers = as_numbers(values, where).values
        _check_finite(numbers, where)
        if isinstance(transform, Log):
            _check_log(numbers, where)
        return Scale.fit(numbers, counts, log=isinstance(transform, Log))
    if isinstance(transform, Hash):
        return Hashed(buckets=transform.buckets)
    if isinstance(transform, Bucketize):
        return Buckets(edges=transform.edges)
    if isinstance(transform, Quantile):
        return Buckets.fit(as_numbers(values, where).values, counts, transform.buckets)
    least = _least(feature)
    if isinstance(values, MultiCategorical):
        counts = np.repeat(counts, np.diff(values.offsets))
        return Lookup.fit(values.codes, values.vocabulary, counts, least)
    assert isinstance(values, Categorical | Numeric)
    categories = as_categories(values)
    return Lookup.fit(categories.codes, categories.vocabulary, counts, least)


def _check_finite(numbers: FloatArray, where: str) -> None:
    if np.isinf(numbers).any():
        raise InputError(f"{where}: there are infinite numbers", "leave them empty: missing")


def _vectors(values: Vectors, fitted: VectorScale, where: str) -> Slots:
    try:
        return Slots(*fitted.encode(values.values))
    except ValueError as error:
        raise InputError(f"{where}: {error}", "give vectors of the same length") from None


def _check_log(numbers: FloatArray, where: str) -> None:
    if (numbers < 0).any():
        raise InputError(
            f"{where}: log(1 + x) is for x >= 0, the data have {np.nanmin(numbers):g}",
            "use the transform standardize",
        )


def _pool(codes: IntArray, offsets: TimeArray, *, mean: bool) -> Slots:
    """Lay out several values per entry, padded to the most; unknown values are left out.

    An entry with none left is the unknown row.
    """
    n = len(offsets) - 1
    row = np.repeat(np.arange(n), np.diff(offsets))
    row, codes = row[codes > 0], codes[codes > 0]
    lengths = np.bincount(row, minlength=n)
    width = max(1, int(lengths.max(initial=0)))
    place = np.arange(len(row)) - (np.cumsum(lengths) - lengths)[row]
    index = np.full((n, width), -1, dtype=np.int32)
    weight = np.zeros((n, width), dtype=np.float32)
    index[row, place] = codes
    weight[row, place] = 1 / lengths[row] if mean else 1.0
    index[lengths == 0, 0] = 0
    weight[lengths == 0, 0] = 1.0
    return Slots(index, weight)
