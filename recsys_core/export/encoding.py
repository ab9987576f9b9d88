"""How inputs are encoded, as plain JSON: fields, vocabularies, edges, statistics, and their arrays.

docs/serving.md describes every key, examples/exported_features.py is an encoder that reads nothing
else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np

from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    MultiCategorical,
    Numeric,
    Vectors,
)
from recsys_core.errors import InputError
from recsys_core.export.part import Arrays
from recsys_core.extensions import is_own
from recsys_core.features.coder import FittedFeature
from recsys_core.features.columns import SECONDS_A_YEAR as YEAR_OF_TIME
from recsys_core.features.columns import Side, owner_of, side_of
from recsys_core.features.declared_transforms import Log
from recsys_core.features.encoder import FeatureEncoder
from recsys_core.features.feature import COMPARISONS, FAVOURITES, HISTORIES, LENGTH, Feature
from recsys_core.features.feature import PREDICTED_RATING as PREDICTED
from recsys_core.features.known import Known, other_side
from recsys_core.features.past import SECONDS_A_DAY, Views
from recsys_core.features.queries import Queries
from recsys_core.features.statistics import FAVOURITES as MOST_FAVOURITES
from recsys_core.features.statistics import SECONDS_A_YEAR, STATISTICS, compute_statistic

#: events: rows that are events, before which events count; requests: the user's last event counts
RowKind = Literal["events", "requests"]
#: what statistics that are told the time gain a second
PER_SECOND = {
    "days_since_first": 1 / SECONDS_A_DAY,
    "days_since_last": 1 / SECONDS_A_DAY,
    "time_gap": -1 / SECONDS_A_YEAR,
}
_KINDS: dict[type[Any], str] = {
    Categorical: "category",
    MultiCategorical: "categories",
    Numeric: "number",
    Vectors: "vector",
}


@dataclass(frozen=True)
class Encoding:
    """Content of features.json, the arrays that it names, and the widths of a graph's inputs.

    Parameters
    ----------
    spec, arrays
        As they are written.
    fields
        Number of slots and kind of each field, in the order of the embedding table.
    """

    spec: dict[str, Any]
    arrays: Arrays
    fields: tuple[tuple[int, str], ...]

    @property
    def singles(self) -> int:
        """Categorical fields, which come first."""
        return sum(kind == "categorical" for _, kind in self.fields)

    @property
    def widths(self) -> tuple[int, ...]:
        """Slots of each of the other fields."""
        return tuple(width for width, kind in self.fields if kind != "categorical")


def encode_fitted(encoder: FeatureEncoder, known: Known, rows: RowKind) -> Encoding:
    """Describe a fitted encoder.

    Parameters
    ----------
    known
        The events that inputs may look at.
    """
    fields: list[dict[str, Any]] = []
    widths = _side_widths(encoder, known.dataset)
    for each, offset in zip(encoder.features, encoder.layout.offsets, strict=True):
        name = each.feature.name
        if name not in widths:
            widths[name] = _row_width(each, widths)
        about = {"offset": offset, "width": widths[name], "transform": each.fitted.model_dump()}
        fields.append({**_about(each.feature), **about})
    features = [each.feature for each in encoder.features]
    sizes = tuple((one["width"], one["kind"]) for one in fields)
    return _encoding(features, fields, known, rows, sizes)


def encode_numbers(features: Sequence[Feature], known: Known) -> Encoding:
    """Describe numeric features that a network standardises itself."""
    fields = [
        {**_about(feature), "log": isinstance(feature.transform, Log)} for feature in features
    ]
    return _encoding(features, fields, known, "requests", ())


def _encoding(
    features: Sequence[Feature],
    fields: list[dict[str, Any]],
    known: Known,
    rows: RowKind,
    sizes: tuple[tuple[int, str], ...],
) -> Encoding:
    arrays: Arrays = {}
    columns, read = {"user": {}, "item": {}}, _columns_read(features)  # type: ignore[var-annotated]
    for side, names in read.items():
        for name in sorted(names):
            column = known.dataset.columns[side].get(name)
            if column is not None:
                columns[side][name] = _KINDS[type(column)]
                arrays |= {f"{side}.{name}.{part}": a for part, a in vars(column).items()}
    for feature in features:
        arrays |= _known_array(feature, known)
    if any(_looks_at_items_events(feature) for feature in features):
        arrays |= _events(known)
    if any(feature.reads == PREDICTED and feature.source in HISTORIES for feature in features):
        arrays |= {"ratings.mean": known.predictions.mean, "ratings.items": known.predictions.items}
    spec = {
        "rows": rows,
        "threshold": known.threshold,
        "mean_rating": known.mean_rating,
        "last_time": known.last_time,
        "year_seconds": {"release": YEAR_OF_TIME, "gap": SECONDS_A_YEAR},
        "columns": columns,
        "context": _context(features, known.dataset),
        "fields": fields,
    }
    return Encoding(spec, arrays, sizes)


def _about(feature: Feature) -> dict[str, Any]:
    """Say what a feature reads; names are those of the schema in docs/features.md."""
    _check(feature)
    about: dict[str, Any] = {
        "name": feature.name,
        "side": side_of(feature),
        "source": feature.source,
        "kind": feature.kind,
        "column": feature.reads,
    }
    if feature.source in HISTORIES:
        about |= {"scope": feature.scope or "earlier", "missing": feature.missing}
        about |= {"by": feature.by, "half_life": feature.half_life}
        if feature.scope == "known" and feature.reads != PREDICTED:
            about["per_second"] = PER_SECOND.get(feature.reads, 0.0)
    if feature.kind == "sequence":
        about |= {"max_len": feature.max_len or LENGTH, "weight": feature.weight}
    if feature.kind in ("sequence", "multi"):
        about["pooling"] = feature.pooling
    if feature.of:
        about["of"] = list(feature.of)
    return about


def _check(feature: Feature) -> None:
    """Refuse a statistic that only this program's plug-in can compute."""
    if feature.source not in HISTORIES or feature.kind == "sequence":
        return
    if feature.reads in (*COMPARISONS, FAVOURITES):
        return
    module = STATISTICS[feature.reads].compute.__module__
    if not is_own(module) and not (feature.scope == "known" and STATISTICS[feature.reads].timeless):
        raise InputError(
            f"feature '{feature.name}' reads the statistic '{feature.reads}' of {module}, which an"
            " export cannot compute",
            "train without it, or with scope: known if it is timeless",
        )


def _side_widths(encoder: FeatureEncoder, dataset: Dataset) -> dict[str, int]:
    """Count the slots of each field of users and items: the most that any has."""
    widths: dict[str, int] = {}
    every, nothing = Queries.of_items(dataset), Known.nothing(dataset)
    sides: tuple[Side, ...] = ("user", "item")
    for side in sides:
        names = [
            each.feature.name
            for each in encoder.features
            if side_of(each.feature) == side
            and each.feature.kind not in ("categorical", "sequence")
        ]
        widths |= dict(zip(names, encoder.table(side, every, nothing).widths, strict=True))
    return widths


def _row_width(each: FittedFeature, widths: dict[str, int]) -> int:
    """Count the slots of a field that differs from row to row: the most that there can be."""
    feature = each.feature
    if feature.kind == "sequence":
        return feature.max_len or LENGTH
    if feature.kind != "multi":
        return 1
    if feature.source == "cross":
        return prod(widths[name] for name in feature.of)
    return MOST_FAVOURITES


def _columns_read(features: Sequence[Feature]) -> dict[str, set[str]]:
    """Name the attributes of users and items that features look at."""
    read: dict[str, set[str]] = {"user": set(), "item": set()}
    for feature in features:
        if feature.source in ("user", "item"):
            read[feature.source].add(feature.reads)
        elif feature.source == "interaction" and feature.reads == "years_since_release":
            read["item"].add("year")
        elif feature.by:
            read[other_side(owner_of(feature))].add(feature.by)
    return read


def _context(features: Sequence[Feature], dataset: Dataset) -> dict[str, str]:
    """Name the columns that come with a row."""
    found: dict[str, str] = {}
    for feature in features:
        column: Column | None = dataset.context.get(feature.reads)
        if feature.source == "interaction" and column is not None:
            found[feature.reads] = _KINDS[type(column)]
    return found


def _known_array(feature: Feature, known: Known) -> Arrays:
    """Compute a statistic of scope known for every item, asked at time 0."""
    if feature.scope != "known" or feature.reads == PREDICTED:
        return {}
    every = Queries.of_items(known.dataset)
    asked = replace(every, request=np.zeros(len(every), dtype=np.int32))
    past = Views(asked, known).past("item", "known", feature.shrink)
    return {f"known.{feature.name}": compute_statistic(feature.reads, past)}


def _looks_at_items_events(feature: Feature) -> bool:
    return feature.source == "item-history" and feature.scope != "known"


def _events(known: Known) -> Arrays:
    """Lay out everybody's events by item, each one's oldest first."""
    event = known.timeline("item").event
    counts = np.bincount(known.item, minlength=known.dataset.n_items)
    before = np.empty(len(known), dtype=np.int64)
    users = known.timeline("user")
    before[users.event] = users.places()[0]
    return {
        "events.offsets": np.append(0, np.cumsum(counts)).astype(np.int64),
        "events.user": known.user[event],
        "events.rating": known.rating[event],
        "events.time": known.timestamp[event],
        "events.before": before[event],
    }
