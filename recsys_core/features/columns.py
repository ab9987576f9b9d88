"""Raw values of features: columns of the data set, of the rows, and of what happened before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    FloatArray,
    IntArray,
    MultiCategorical,
    Numeric,
    Text,
    Vectors,
)
from recsys_core.data.times import is_number
from recsys_core.errors import InputError, unknown_name
from recsys_core.features.comparisons import gap, predicted_rating, similarity
from recsys_core.features.declared_transforms import Log
from recsys_core.features.feature import (
    COMPARISONS,
    FAVOURITES,
    GAP,
    HISTORIES,
    SIMILARITY,
    Feature,
)
from recsys_core.features.known import Attribute, Known, Owner, Requests, other_side
from recsys_core.features.past import Past, Vector, Views
from recsys_core.features.queries import Queries
from recsys_core.features.statistics import STATISTICS, compute_statistic, favourites

Values = Categorical | MultiCategorical | Numeric | Vectors
#: what a feature has one value for: a user, an item, or a row
Side = Literal["user", "item", "row"]
SIDES: tuple[Side, ...] = ("user", "item", "row")

#: the column of a side's own ids
ID_COLUMNS: dict[Owner, str] = {"user": "user_id", "item": "item_id"}
#: what the time of a row says of it; beside these rows have the further columns of their events,
#: which win where they have one of these names. The rating or label is never a feature
INTERACTION_COLUMNS = ("timestamp", "hour", "weekday", "years_since_release")
SECONDS_A_YEAR = 365.2425 * 86_400
#: values of an attribute that similarity compares at most
MOST_COMPARED = 1_000


def owner_of(feature: Feature) -> Owner:
    """Whose history or attribute a feature reads."""
    return "user" if feature.source in ("user", "user-history") else "item"


def side_of(feature: Feature) -> Side:
    """Tell whether a feature's values are stored per user, per item or per row."""
    if feature.source == "user":
        return "user"
    return "item" if feature.source == "item" else "row"


def of_user_alone(feature: Feature) -> bool:
    """Tell whether a feature is the same for all candidates that a user is asked about at once."""
    return feature.source == "user-history" and not feature.compares_with_item


def side_owners(queries: Queries) -> dict[Side, IntArray]:
    """Shape (n,) each: which entry of a side's values belongs to each row."""
    return {
        "user": np.minimum(queries.user, np.int32(queries.dataset.n_users)),
        "item": queries.item,
        "row": np.arange(len(queries), dtype=np.int32),
    }


def check_feature(
    feature: Feature, dataset: Dataset, where: str, *, requested: bool = False
) -> None:
    """Raise InputError unless `dataset` has what the feature reads.

    Parameters
    ----------
    where
        File, line and feature, for the message.
    requested
        Whether candidates at a request are asked about: all that is known is earlier.
    """
    if feature.scope == "known" and not requested:
        raise InputError(
            f"{where}: scope 'known' is for candidates at a request; a row of a ranking run is an "
            "event, which would see its own label",
            "set scope: earlier, or use the schema for the ranker of two-stage",
        )
    if feature.source == "interaction" and feature.reads in dataset.context:
        _check_context(feature, where, requested=requested)
    elif feature.source == "interaction":
        _check_interaction(feature, dataset, where)
    elif feature.source in HISTORIES:
        if not (dataset.timed or requested or feature.scope == "others"):
            raise InputError(
                f"{where}: {dataset.name} has no timestamps, so nothing is earlier",
                "remove the feature; a sequence or count can have scope: others",
            )
        if feature.by:
            _check_shared(feature.by, other_side(owner_of(feature)), dataset, where)
        if feature.reads in (SIMILARITY, GAP):
            _check_compared(feature, dataset, where)
    elif feature.source in ("user", "item"):
        _check_attribute(feature, dataset, where)


def _check_context(feature: Feature, where: str, *, requested: bool) -> None:
    if requested:
        raise InputError(
            f"{where}: {feature.reads} is known of events; a request for recommendations has none",
            "remove the feature, or use the schema for a ranking model",
        )
    if feature.kind == "multi":
        raise InputError(
            f"{where}: {feature.reads} has one value per row", "set kind: categorical or numeric"
        )


def _check_interaction(feature: Feature, dataset: Dataset, where: str) -> None:
    column = feature.reads
    if column in ("rating", "label"):
        raise InputError(
            f"{where}: the {column} is what is predicted", "remove the feature from the schema"
        )
    if column in dataset.event_columns:
        raise InputError(f"{where}: the {column} says what came of the event", "remove the feature")
    if column not in INTERACTION_COLUMNS:
        valid = (*dataset.context, *INTERACTION_COLUMNS)
        raise unknown_name(f"column of {where}", column, valid)
    if not dataset.timed:
        raise InputError(f"{where}: {dataset.name} has no timestamps", "remove the feature")
    if feature.kind == "multi":
        raise InputError(f"{where}: {column} has one value per row", "set kind: categorical")
    if column == "years_since_release" and "year" not in dataset.item_columns:
        raise InputError(f"{where}: items of {dataset.name} have no year", "remove the feature")


def _check_attribute(feature: Feature, dataset: Dataset, where: str) -> None:
    side, column, multi = owner_of(feature), feature.reads, feature.kind == "multi"
    columns = _columns(side, dataset)
    if column not in columns and column != ID_COLUMNS[side]:
        raise _unknown_column(column, [ID_COLUMNS[side], *_usable(columns)], dataset, where)
    values = columns.get(column)
    if isinstance(values, Vectors) != (feature.kind == "vector"):
        remedy = "set kind: vector" if isinstance(values, Vectors) else "set another kind"
        what = "a vector" if isinstance(values, Vectors) else "no vector"
        raise InputError(f"{where}: {column} is {what}", remedy)
    if isinstance(values, Text):
        raise InputError(f"{where}: {column} is free text", "remove the feature from the schema")
    if isinstance(values, MultiCategorical) != multi:
        remedy = "set kind: categorical" if multi else "set kind: multi"
        several = "one value" if multi else "several values"
        raise InputError(f"{where}: {column} has {several} a row", remedy)


def _check_shared(column: str, side: Owner, dataset: Dataset, where: str) -> None:
    columns = _columns(side, dataset)
    shared = [name for name in _usable(columns) if not isinstance(columns[name], Vectors)]
    if column not in shared:
        raise _unknown_column(column, shared, dataset, f"{where}, by {side}")


def _check_compared(feature: Feature, dataset: Dataset, where: str) -> None:
    values = dataset.item_columns[feature.by]
    if feature.reads == GAP:
        names = values.vocabulary.tolist() if isinstance(values, Categorical) else []
        if not isinstance(values, Numeric) and not (names and all(map(is_number, names))):
            raise InputError(f"{where}: {feature.by} is not a number", f"set column: {SIMILARITY}")
    elif isinstance(values, Numeric):
        raise InputError(f"{where}: {feature.by} is a number", f"set column: {GAP}")
    elif (
        isinstance(values, Categorical | MultiCategorical)
        and len(values.vocabulary) > MOST_COMPARED
    ):
        raise InputError(
            f"{where}: {feature.by} has {len(values.vocabulary):,} values, similarity compares "
            f"{MOST_COMPARED:,} at most",
            "compare another attribute",
        )


def _unknown_column(column: str, usable: Sequence[str], dataset: Dataset, where: str) -> InputError:
    if not usable:
        return InputError(f"{where}: {dataset.name} has no attribute '{column}'", "remove it")
    return unknown_name(f"column of {where} ({dataset.name})", column, usable)


def _usable(columns: dict[str, Column]) -> list[str]:
    return [name for name, values in columns.items() if not isinstance(values, Text)]


def _columns(side: Owner, dataset: Dataset) -> dict[str, Column]:
    return dataset.user_columns if side == "user" else dataset.item_columns


def raw_values(
    feature: Feature, views: Views, others: Mapping[str, Feature] = MappingProxyType({})
) -> Values:
    """Compute a feature that is neither a cross nor a sequence.

    Parameters
    ----------
    others
        By name, the features that a difference is of.

    Returns
    -------
    One entry per user or item of the data set and one for those outside it; else one per row.
    """
    where = f"feature '{feature.name}'"
    queries = views.queries
    requested = queries.request is not None or queries.last is not None
    check_feature(feature, queries.dataset, where, requested=requested)
    if feature.source == "difference":
        return Numeric(row_numbers(feature, views, others).astype(np.float32))
    if feature.source in ("user", "item"):
        return side_values(owner_of(feature), feature.reads, views.queries.dataset)
    if feature.source == "interaction":
        return row_values(feature.reads, views.queries)
    if feature.source == "given":
        return _given(feature.reads, views.queries, where)
    return _history_values(feature, views)


def _history_values(feature: Feature, views: Views) -> Values:
    if feature.reads == FAVOURITES:
        owner = owner_of(feature)
        by = shared_attribute(other_side(owner), feature.by, views.queries.dataset)
        return favourites(views, owner, feature.by, by)
    if feature.reads in COMPARISONS:
        values = _compare(feature, views)
    else:
        values = _statistic(feature, views)
    if feature.missing is not None:
        values = np.where(np.isnan(values), feature.missing, values)
    return Numeric(values.astype(np.float32))


def _statistic(feature: Feature, views: Views) -> Vector:
    if feature.scope != "known" or not STATISTICS[feature.reads].timeless:
        return compute_statistic(feature.reads, _past(feature, views))
    every: Vector = views.everybody.kept(
        ("items", feature.reads, f"{feature.shrink}"),
        lambda: compute_statistic(feature.reads, _past(feature, views.per_item)),
    )
    return every[views.queries.item]


def _compare(feature: Feature, views: Views) -> Vector:
    column, dataset = feature.by, views.queries.dataset
    if feature.reads == SIMILARITY:
        by = shared_attribute("item", column, dataset)
        return similarity(views, column, by, feature.half_life)
    if feature.reads == GAP:
        where = f"feature '{feature.name}'"
        numbers = views.everybody.kept(
            ("numbers", column), lambda: as_numbers(dataset.item_columns[column], where).values
        )
        return gap(views, column, numbers, feature.half_life)
    return predicted_rating(views)


def row_numbers(feature: Feature, views: Views, others: Mapping[str, Feature]) -> Vector:
    """Compute a numeric feature for every row, shape (n,); NaN is missing.

    For models that scale their inputs themselves: raw numbers, logarithms for the transform log.
    """
    if feature.source == "difference":
        one, other = (row_numbers(others[name], views, others) for name in feature.of)
        return one - other
    side = side_of(feature)
    owner = None if side == "row" else side_owners(views.queries)[side]
    if of_user_alone(feature) and views.queries.request is not None:
        views, owner = views.per_request
    values = as_numbers(raw_values(feature, views), f"feature '{feature.name}'").values
    numbers: Vector = values.astype(np.float64)
    if isinstance(feature.transform, Log):
        numbers = np.log1p(np.maximum(numbers, 0))
    return numbers if owner is None else numbers[owner]


def requested_numbers(
    features: Sequence[Feature], queries: Queries, known: Known | Requests
) -> FloatArray:
    """Compute numeric features of a schema side by side, shape (n, features), NaN is missing."""
    views, others = Views(queries, known), {feature.name: feature for feature in features}
    return np.stack(
        [row_numbers(feature, views, others) for feature in features], axis=1, dtype=np.float32
    )


def _past(feature: Feature, views: Views) -> Past:
    owner = owner_of(feature)
    if not feature.by:
        return views.past(owner, feature.scope or "earlier", feature.shrink)
    by = shared_attribute(other_side(owner), feature.by, views.queries.dataset)
    return views.sharing(owner, feature.by, by)


def side_values(side: Owner, column: str, dataset: Dataset) -> Values:
    """Read a column of all users or items; one entry each, and a last one that is missing."""
    values = _columns(side, dataset).get(column)
    assert not isinstance(values, Text)
    if values is None:
        ids = dataset.user_ids if side == "user" else dataset.item_ids
        values = Categorical(np.arange(len(ids), dtype=np.int32), ids)
    if isinstance(values, Categorical):
        return Categorical(np.append(values.codes, np.int32(-1)), values.vocabulary)
    if isinstance(values, MultiCategorical):
        offsets = np.append(values.offsets, values.offsets[-1])
        return MultiCategorical(offsets, values.codes, values.vocabulary)
    if isinstance(values, Vectors):
        return Vectors(np.pad(values.values, ((0, 1), (0, 0)), constant_values=np.nan))
    return Numeric(np.append(values.values, np.float32(np.nan)))


def shared_attribute(side: Owner, column: str, dataset: Dataset) -> Attribute:
    """Read an attribute as categories."""
    values = _columns(side, dataset)[column]
    assert not isinstance(values, Text | Vectors)
    return values if isinstance(values, MultiCategorical) else as_categories(values)


def row_values(column: str, queries: Queries) -> Categorical | Numeric:
    """Compute a column of the rows themselves; hours 0 to 23 and weekdays (0 is Monday) in UTC."""
    time = queries.timestamp
    values = queries.dataset.context.get(column)
    if isinstance(values, Categorical):  # number -1, no event, picks what is put behind: missing
        return Categorical(np.append(values.codes, np.int32(-1))[queries.event], values.vocabulary)
    if isinstance(values, Numeric):
        return Numeric(np.append(values.values, np.float32(np.nan))[queries.event])
    if column == "years_since_release":
        released = side_values("item", "year", queries.dataset)
        year = 1970 + time / SECONDS_A_YEAR
        age = year - as_numbers(released, "years_since_release").values[queries.item]
        return Numeric(age.astype(np.float32))
    if column == "hour":
        time = time // 3600 % 24
    elif column == "weekday":
        time = (time // 86_400 + 3) % 7  # 1970-01-01 was a Thursday
    return Numeric(time.astype(np.float32))


def _given(column: str, queries: Queries, where: str) -> Numeric:
    if column not in queries.given:
        raise InputError(
            f"{where}: the rows come without the column '{column}'",
            f"give it with the rows; given: {', '.join(queries.given) or 'none'}",
        )
    return Numeric(queries.given[column].astype(np.float32))


def as_categories(values: Categorical | Numeric) -> Categorical:
    """Make every distinct number a category, written as text; NaN is missing."""
    if isinstance(values, Categorical):
        return values
    numbers, codes = np.unique(values.values, return_inverse=True)
    known = ~np.isnan(numbers)
    text = np.array([f"{number:g}" for number in numbers[known].tolist()], dtype=np.str_)
    codes = np.where(np.isnan(values.values), -1, codes)
    return Categorical(codes.astype(np.int32), text)


def as_numbers(values: Any, where: str) -> Numeric:
    """Read categories whose names are numbers as numbers.

    Raises
    ------
    InputError
        A category's name is not a number.
    """
    if isinstance(values, Numeric):
        return values
    try:
        numbers = values.vocabulary.astype(np.float32)
    except ValueError:
        example = next(name for name in values.vocabulary.tolist() if not is_number(name))
        raise InputError(
            f"{where}: '{example}' is not a number", "use the transform vocabulary"
        ) from None
    numbers = np.append(numbers, np.float32(np.nan))  # code -1 is missing
    return Numeric(numbers[values.codes])
