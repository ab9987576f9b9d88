"""What a ranking model sees of a row, declared in YAML: one entry a feature, no code."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import yaml
from pydantic import Field, model_validator

from recsys_core.config import Config, parse_config, read_yaml
from recsys_core.data.dataset import Categorical, Dataset, MultiCategorical, Numeric
from recsys_core.errors import InputError
from recsys_core.features.columns import ID_COLUMNS, Kind, Source, check_column

#: an attribute with fewer users or items a value than this (zip codes) is left out by default
MIN_OWNERS_PER_VALUE = 4
#: a numeric attribute with more distinct values than this is cut into quantiles by default
MOST_NUMBERS = 256


class Vocabulary(Config):
    """Every distinct value has its own embedding."""

    name: Literal["vocabulary"] = "vocabulary"
    min_count: int = Field(
        1, ge=1, description="Values in fewer train rows than this share the unknown embedding."
    )


class Bucketize(Config):
    """Numbers fall into buckets with given edges; a bucket holds its lower edge."""

    name: Literal["bucketize"]
    edges: tuple[float, ...] = Field(min_length=1, description="Ascending edges of the buckets.")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges must ascend")
        return self


class Quantile(Config):
    """Numbers fall into buckets that hold about as many train rows each."""

    name: Literal["quantile"]
    buckets: int = Field(10, ge=2, le=1000, description="Number of buckets at most.")


class Standardize(Config):
    """Numbers are shifted and scaled to mean 0 and deviation 1 over the train rows."""

    name: Literal["standardize"] = "standardize"


class Log(Config):
    """log(1 + x), then standardized; for counts and other long tails."""

    name: Literal["log"]


Transform = Annotated[
    Vocabulary | Bucketize | Quantile | Standardize | Log, Field(discriminator="name")
]
TRANSFORMS: dict[Kind, tuple[str, ...]] = {
    "categorical": ("vocabulary", "bucketize", "quantile"),
    "multi": ("vocabulary",),
    "numeric": ("standardize", "log"),
}


class Feature(Config):
    """One field of the model's input."""

    name: str = Field(min_length=1, description="Unique in the schema.")
    source: Source = Field(description="Whose value it is: the user's, the item's, the row's.")
    kind: Kind = Field(
        description="categorical: one embedding a value; multi: several values, pooled; "
        "numeric: one embedding, scaled by the value."
    )
    column: str = Field(
        "",
        description="Column of the data set, user_id, item_id, or for interactions timestamp, hour "
        "or weekday (UTC); empty: the feature's name.",
    )
    transform: Transform | None = Field(
        None, description="null: vocabulary, or standardize for numeric features."
    )
    embedding_size: int | None = Field(
        None, ge=1, le=4096, description="At most the model's; null: the model's."
    )
    pooling: Literal["mean", "sum"] = Field("mean", description="How several values become one.")

    @property
    def reads(self) -> str:
        """The column it is computed from."""
        return self.column or self.name

    @model_validator(mode="after")
    def _transform_fits_kind(self) -> Self:
        allowed = TRANSFORMS[self.kind]
        if self.transform is not None and self.transform.name not in allowed:
            raise ValueError(
                f"transform '{self.transform.name}' does not fit a {self.kind} feature; "
                f"valid: {', '.join(allowed)}"
            )
        return self


class FeatureSchema(Config):
    """The features of a ranking model.

    Examples
    --------
    >>> ids = [
    ...     {"name": "user_id", "source": "user", "kind": "categorical"},
    ...     {"name": "item_id", "source": "item", "kind": "categorical"},
    ... ]
    >>> [feature.name for feature in FeatureSchema(name="ids", features=ids).features]
    ['user_id', 'item_id']
    """

    name: str = Field(description="What `features` takes.")
    title: str = Field("", description="A sentence for people.")
    features: tuple[Feature, ...] = Field(min_length=1, description="The fields, in order.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [feature.name for feature in self.features]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"feature '{name}' is there twice")
        return self


def schema_names() -> list[str]:
    """List the packaged schemas."""
    folder = resources.files("recsys_core.features") / "schemas"
    return sorted(file.name[:-5] for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_schema(name_or_path: str | None, dataset: Dataset) -> FeatureSchema:
    """Load a packaged schema or a YAML file and check that `dataset` has its columns.

    Parameters
    ----------
    name_or_path
        A packaged name, or a path ending in .yaml or .yml; None: `default_schema`.

    Raises
    ------
    InputError
        No such schema, a malformed file (feature and line named), or a column that the data set
        does not have.
    """
    if name_or_path is None:
        return default_schema(dataset)
    if name_or_path in schema_names():
        folder = resources.files("recsys_core.features") / "schemas"
        with resources.as_file(folder / f"{name_or_path}.yaml") as path:
            schema, lines = read_schema(path)
    elif Path(name_or_path).suffix in (".yaml", ".yml"):
        path = Path(name_or_path)
        schema, lines = read_schema(path)
    else:
        raise InputError(
            f"no feature schema is called '{name_or_path}'",
            f"give a path ending in .yaml, or one of: {', '.join(schema_names())}",
        )
    for feature, line in zip(schema.features, lines, strict=True):
        where = f"feature '{feature.name}' ({path.name}, line {line})"
        check_column(feature.source, feature.reads, feature.kind, dataset, where)
    return schema


def read_schema(path: Path) -> tuple[FeatureSchema, list[int]]:
    """Read and validate a schema file; also return the line of each feature."""
    content = read_yaml(path)
    entries = content.get("features")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path}: 'features' must be a list", "add entries '- {name: …}'")
    features, lines = [], _feature_lines(path)
    for entry, line in zip(entries, lines, strict=True):
        if not isinstance(entry, dict):
            raise InputError(
                f"{path.name}, line {line}: {entry!r} is not a feature",
                "write {name: …, source: …, kind: …}",
            )
        where = f"feature '{entry.get('name', '?')}' ({path.name}, line {line})"
        features.append(parse_config(Feature, entry, where))
    values = {**content, "features": tuple(features)}
    return parse_config(FeatureSchema, values, f"schema {path.name}"), lines


def _feature_lines(path: Path) -> list[int]:
    """Line number of each entry of 'features' in a file that `read_yaml` has read."""
    root: Any = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    entries: list[Any] = next(
        value.value for key, value in root.value if getattr(key, "value", None) == "features"
    )
    return [entry.start_mark.line + 1 for entry in entries]


def default_schema(dataset: Dataset) -> FeatureSchema:
    """Declare ids and every attribute that is shared by enough users or items; no timestamps."""
    features = [
        Feature(name="user_id", source="user", kind="categorical"),
        Feature(name="item_id", source="item", kind="categorical"),
    ]
    sides: tuple[tuple[Source, dict[str, Any]], ...] = (
        ("user", dataset.user_columns),
        ("item", dataset.item_columns),
    )
    for source, columns in sides:
        for name, column in columns.items():
            if name not in ID_COLUMNS.values():
                features += _default_feature(name, source, column)
    return FeatureSchema(name="default", title="Ids and attributes.", features=tuple(features))


def _default_feature(name: str, source: Source, column: Any) -> list[Feature]:
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
