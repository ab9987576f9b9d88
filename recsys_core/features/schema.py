"""What a model sees, declared in YAML: one entry per feature, no code."""

from __future__ import annotations

import json
from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from recsys_core.config import Config, parse_config, parse_mapping, read_text
from recsys_core.data.dataset import Categorical, Column, Dataset, MultiCategorical, Numeric
from recsys_core.errors import InputError
from recsys_core.features.columns import ID_COLUMNS, check_feature
from recsys_core.features.declared_transforms import Quantile, Vocabulary
from recsys_core.features.feature import HISTORIES, Feature
from recsys_core.features.known import Owner
from recsys_core.features.schema_files import (
    put_after,
    read_features,
    schema_path,
)
from recsys_core.features.tower_schema import check_tower_feature, event_sequence
from recsys_core.reading import entry_lines

#: an attribute with fewer users or items per value than this (zip codes) is left out by default
MIN_OWNERS_PER_VALUE = 4
#: by default a value of a further column of events needs so many train rows
LEAST_ROWS = 5
#: a numeric attribute with more distinct values than this is cut into quantiles by default
MOST_NUMBERS = 256


class FeatureSchema(Config):
    """The features that a model reads.

    Examples
    --------
    >>> ids = [
    ...     {"name": "user_id", "source": "user", "kind": "categorical"},
    ...     {"name": "item_id", "source": "item", "kind": "categorical"},
    ... ]
    >>> [feature.name for feature in FeatureSchema(name="ids", features=ids).features]
    ['user_id', 'item_id']
    """

    name: str = Field(description="Name to give to `features`.")
    title: str = Field("", description="One-line description.")
    extends: str = Field(
        "",
        description="A packaged schema, or a path relative to this file, whose features come "
        "first; a feature with the same name replaces the inherited one.",
    )
    scope: Literal["earlier", "others"] = Field(
        "earlier",
        description="Scope of sequences without one of their own. earlier: events before the row; "
        "others: all permitted events except the row itself, which gives training rows longer "
        "histories than they really had.",
    )
    features: tuple[Feature, ...] = Field(min_length=1, description="The features, in order.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [feature.name for feature in self.features]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"feature '{name}' occurs twice")
        return self

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        by_name = {feature.name: feature for feature in self.features}
        for feature in self.features:
            if feature.source == "difference":
                _check_difference(feature, by_name)
            else:
                _check_cross(feature, by_name)
            _check_shares(feature, by_name)
        return self

    def scoped(self) -> tuple[Feature, ...]:
        """Fill in the scope of every sequence."""
        return tuple(
            feature.model_copy(update={"scope": feature.scope or self.scope})
            if feature.kind == "sequence"
            else feature
            for feature in self.features
        )

    def fitting(self, dataset: Dataset) -> FeatureSchema | None:
        """Keep the features of candidates that `dataset` has columns for; None: there are none."""
        kept: dict[str, Feature] = {}
        for feature in self.features:
            try:
                check_feature(feature, dataset, feature.name, requested=True)
            except InputError:
                continue
            if feature.source != "difference" or set(feature.of) <= set(kept):
                kept[feature.name] = feature
        return self.model_copy(update={"features": tuple(kept.values())}) if kept else None

    @property
    def digest(self) -> str:
        """Hash of all features; the name and the title are no part of it."""
        text = json.dumps([feature.model_dump(mode="json") for feature in self.scoped()])
        return blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def for_requests(self) -> bool:
        """Whether it asks about candidates alone, not about events that are known themselves."""
        return any(feature.scope == "known" for feature in self.features)

    @property
    def scopes(self) -> list[str]:
        """The scopes of the histories that models see, `earlier` first; empty without histories."""
        histories = [feature for feature in self.scoped() if feature.source in HISTORIES]
        return sorted({feature.scope or "earlier" for feature in histories})


def _check_cross(feature: Feature, by_name: dict[str, Feature]) -> None:
    parents = []
    for name in feature.of:
        parent = by_name.get(name)
        if parent is None:
            raise ValueError(f"feature '{feature.name}' crosses '{name}', which does not exist")
        if parent.source == "cross" or parent.kind not in ("categorical", "multi"):
            raise ValueError(
                f"feature '{feature.name}' crosses '{name}': only categorical and multi features, "
                "not crosses themselves, can be crossed"
            )
        parents.append(parent.kind)
    if feature.of and feature.kind != max(parents):  # "multi" > "categorical"
        raise ValueError(f"feature '{feature.name}': set kind: {max(parents)}")


def _check_difference(feature: Feature, by_name: dict[str, Feature]) -> None:
    for name in feature.of:
        other = by_name.get(name)
        if other is None or other.kind != "numeric" or other.source == "difference":
            raise ValueError(
                f"feature '{feature.name}' is a difference of '{name}', which is not a numeric "
                "feature of this schema, or is itself a difference"
            )


def _check_shares(feature: Feature, by_name: dict[str, Feature]) -> None:
    if not feature.share_embedding:
        return
    side: Owner = "item" if feature.source == "user-history" else "user"
    other = by_name.get(feature.share_embedding)
    if other is None or (other.source, other.reads) != (side, ID_COLUMNS[side]):
        raise ValueError(
            f"feature '{feature.name}' shares '{feature.share_embedding}', which is not a feature "
            f"of {ID_COLUMNS[side]} in this schema"
        )


def packaged_schema(name: str) -> FeatureSchema:
    """Read one of `schema_names`, whatever data set it is for."""
    return read_schema(schema_path(name, Path()))[0]


def load_schema(
    name_or_path: str | None,
    dataset: Dataset,
    *,
    histories: bool = False,
    requested: bool = False,
    towers: bool | None = False,
) -> FeatureSchema:
    """Load a packaged schema or a YAML file and check that `dataset` has its columns.

    Parameters
    ----------
    name_or_path
        A packaged name, or a path ending in .yaml or .yml; None: `default_schema`.
    histories
        Whether the default has the users' histories, for models that attend to them.
    requested
        Whether candidates at a request are asked about, not events that are known themselves.
    towers
        Whether the towers of a recall model read it, not a ranking model; None: either may.

    Raises
    ------
    InputError
        No such schema, a malformed file (feature and line named), a column that the data set does
        not have, or a feature that those who read it cannot use.
    """
    if name_or_path is None:
        if towers:
            return tower_schema(dataset)
        context = not requested or towers is None
        return default_schema(dataset, histories=histories, context=context)
    schema, places = read_schema(schema_path(name_or_path, Path()))
    by_name = {feature.name: feature for feature in schema.features}
    for feature in schema.scoped():
        where = f"feature '{feature.name}' ({places[feature.name]})"
        asked = requested or towers is True
        if towers is None and feature.source == "interaction":
            asked = False  # events have what requests lack
        check_feature(feature, dataset, where, requested=asked)
        if towers:
            check_tower_feature(feature, by_name, where)
            _check_timed(feature, dataset, where)
        elif towers is False:
            _check_ranking(feature, where)
    if towers:
        _check_towers(schema)
    return schema


def _check_ranking(feature: Feature, where: str) -> None:
    if feature.event_fields:
        raise InputError(
            f"{where}: event_fields are read by recall models; a ranking model pools items",
            "remove them; make liked and disliked events two sequences, or set weight: rating",
        )


def _check_timed(feature: Feature, dataset: Dataset, where: str) -> None:
    timed = [name for name in feature.event_fields if name != "rating"]
    if timed and not dataset.timed:
        raise InputError(
            f"{where}: {dataset.name} has no timestamps, so events have no {timed[0]}",
            f"remove {' and '.join(timed)} from event_fields",
        )


def _check_towers(schema: FeatureSchema) -> None:
    """Check what no single feature shows: one sequence at most, and something of items."""
    try:
        event_sequence(schema.features)
    except ValueError as error:
        raise InputError(f"schema {schema.name}: {error}", "keep one of them") from None
    if not any(feature.source == "item" for feature in schema.features):
        raise InputError(
            f"schema {schema.name} has no feature of items: to a tower they would all be the same",
            "add {name: item_id, source: item, kind: categorical}",
        )


def read_schema(
    path: Path, extended: tuple[Path, ...] = ()
) -> tuple[FeatureSchema, dict[str, str]]:
    """Read and validate a schema file and what it extends.

    Parameters
    ----------
    extended
        The files that led here.

    Returns
    -------
    The schema, and file and line of each feature by name.
    """
    text = read_text(path)
    content = parse_mapping(text, path)
    features: dict[str, Feature] = {}
    places: dict[str, str] = {}
    base = content.get("extends")
    if isinstance(base, str) and base:
        origin = schema_path(base, path.parent)
        if origin.resolve() in {led.resolve() for led in (path, *extended)}:
            raise InputError(f"{path}: extends {base}, which extends it", "remove one 'extends'")
        schema, places = read_schema(origin, (path, *extended))
        features = {feature.name: feature for feature in schema.features}
        content = {"scope": schema.scope, **content}
    own, own_places = read_features(content, path, entry_lines(text, "features"))
    values = {**content, "features": put_after(features, own)}
    schema = parse_config(FeatureSchema, values, f"schema {path.name}")
    return schema, {**places, **own_places}


def joined(base: FeatureSchema, own: FeatureSchema) -> FeatureSchema:
    """Put the features of `own` after those of `base`; one of the same name takes its place."""
    before = {feature.name: feature for feature in base.features}
    features = put_after(before, own.features)
    return FeatureSchema(name=own.name, title=own.title, scope=own.scope, features=features)


def default_schema(
    dataset: Dataset, *, histories: bool = False, context: bool = True
) -> FeatureSchema:
    """Declare ids, shared attributes, and the further columns of events; no timestamps.

    Attributes are shared when enough users or items have each value.

    Parameters
    ----------
    histories
        Whether to add what the user liked and disliked earlier (of any set, without times: others).
    context
        Whether rows are events, which have further columns, not candidates at a request.
    """
    features = [
        Feature(name="user_id", source="user", kind="categorical"),
        Feature(name="item_id", source="item", kind="categorical"),
    ]
    sides: tuple[tuple[Owner, dict[str, Any]], ...] = (
        ("user", dataset.user_columns),
        ("item", dataset.item_columns),
    )
    for source, columns in sides:
        for name, column in columns.items():
            if name not in ID_COLUMNS.values():
                features += _default_feature(name, source, column)
    if context:
        taken = {feature.name for feature in features}
        features += [
            _context_feature(name, column, taken) for name, column in dataset.context.items()
        ]
    if not histories:
        return FeatureSchema(name="default", title="Ids and attributes.", features=tuple(features))
    features += [
        Feature(name=name, source="user-history", kind="sequence", share_embedding="item_id")
        for name in ("liked", "disliked")
    ]
    return FeatureSchema(
        name="default",
        title="Ids, attributes and what users liked and disliked.",
        scope="earlier" if dataset.timed else "others",
        features=tuple(features),
    )


def tower_schema(dataset: Dataset) -> FeatureSchema:
    """Declare what towers read by default: items, every shared attribute, and rated histories."""
    features = [
        each for each in default_schema(dataset, context=False).features if each.name != "user_id"
    ]
    history = Feature(
        name="history",
        source="user-history",
        kind="sequence",
        column="all",
        share_embedding="item_id",
        event_fields=("rating",),
    )
    return FeatureSchema(
        name="default",
        title="Items, attributes, and the history with ratings.",
        features=(*features, history),
    )


def _context_feature(name: str, column: Column, taken: Collection[str]) -> Feature:
    """Declare a further column of events: a value in few rows is no value of its own."""
    named = f"event_{name}" if name in taken else name
    about: dict[str, Any] = {"name": named, "source": "interaction", "column": name}
    if isinstance(column, Numeric) and len(np.unique(column.values)) > MOST_NUMBERS:
        transform: Quantile | Vocabulary = Quantile(name="quantile", buckets=50)
    else:
        transform = Vocabulary(min_count=LEAST_ROWS)
    return Feature(**about, kind="categorical", transform=transform)


def _default_feature(name: str, source: Owner, column: Any) -> list[Feature]:
    if isinstance(column, MultiCategorical):
        return [Feature(name=name, source=source, kind="multi")]
    if isinstance(column, Numeric):
        few = len(np.unique(column.values)) <= MOST_NUMBERS
        transform = Vocabulary() if few else Quantile(name="quantile", buckets=50)
        return [Feature(name=name, source=source, kind="categorical", transform=transform)]
    if not isinstance(column, Categorical):
        return []
    shared = len(column.vocabulary) * MIN_OWNERS_PER_VALUE <= len(column.codes)
    return [Feature(name=name, source=source, kind="categorical")] if shared else []
