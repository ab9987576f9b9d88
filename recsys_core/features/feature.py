"""One feature, declared: where its value comes from and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from recsys_core.config import Config
from recsys_core.features.statistics import STATISTICS
from recsys_core.features.timeline import Scope

Source = Literal[
    "user", "item", "interaction", "user-history", "item-history", "cross", "difference", "given"
]
Kind = Literal["categorical", "multi", "numeric", "vector", "sequence"]
#: what an event of a sequence can have beside its item
EventField = Literal["rating", "pause", "recency"]
HISTORIES: tuple[Source, ...] = ("user-history", "item-history")
#: the several values that a history has
FAVOURITES = "favourites"
#: what a user's history says of the row's item
LIKENESS, GAP, PREDICTED_RATING = "likeness", "gap", "predicted_rating"
COMPARISONS = (LIKENESS, GAP, PREDICTED_RATING)
#: events of a sequence that says nothing of its length
LENGTH = 50
#: the events that a sequence can hold
SEQUENCES = ("all", "liked", "disliked")


class Vocabulary(Config):
    """Every distinct value has its own embedding."""

    name: Literal["vocabulary"] = "vocabulary"
    min_count: int = Field(
        1,
        ge=1,
        le=2**31 - 1,
        description="Values in fewer train rows than this share the unknown embedding.",
    )


class Hash(Config):
    """Values share a fixed number of embeddings, whatever values there are; none is unknown."""

    name: Literal["hash"]
    buckets: int = Field(ge=2, le=100_000_000, description="Number of embeddings.")


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
    Vocabulary | Hash | Bucketize | Quantile | Standardize | Log, Field(discriminator="name")
]
TRANSFORMS: dict[Kind, tuple[str, ...]] = {
    "categorical": ("vocabulary", "hash", "bucketize", "quantile"),
    "multi": ("vocabulary", "hash"),
    "numeric": ("standardize", "log"),
    "vector": ("standardize",),
    "sequence": ("vocabulary",),
}
#: fields that only some sources, or only sequences, have
FIELDS_OF: dict[str, tuple[str, ...]] = {
    "by": HISTORIES,
    "scope": HISTORIES,
    "shrink": HISTORIES,
    "half_life": HISTORIES,
    "missing": HISTORIES,
    "of": ("cross", "difference"),
    "length": ("sequence",),
    "shares": ("sequence",),
    "weight": ("sequence",),
    "event_fields": ("sequence",),
}


class Feature(Config):
    """One field of the model's input."""

    name: str = Field(min_length=1, description="Unique in the schema.")
    source: Source = Field(
        description="Whose value it is: the user's, the item's, the row's own, what the row's user "
        "or item did before, several features together, one numeric feature less another, or a "
        "number given beside the row."
    )
    kind: Kind = Field(
        description="categorical: one embedding per value; multi: several values, pooled; "
        "numeric: one embedding, scaled by the value; vector: numbers, each with an embedding that "
        "it scales; sequence: events, pooled or attended to."
    )
    column: str = Field(
        "",
        description="Column of the data set, user_id, item_id; interaction: timestamp, hour, "
        "weekday (UTC) or years_since_release; histories: a statistic, favourites, or for "
        "sequences all, liked or disliked; of the user's, likeness, gap and predicted_rating; "
        "given: a given column; empty: the feature's name.",
    )
    transform: Transform | None = Field(
        None, description="null: vocabulary, or standardize for numeric features."
    )
    embedding_size: int | None = Field(
        None, ge=1, le=4096, description="At most the model's; null: the model's."
    )
    pooling: Literal["mean", "sum"] = Field("mean", description="How several values become one.")
    by: str = Field(
        "",
        description="Histories: only events that share the row's value of this attribute (of items "
        "for a user's history, of users for an item's); for favourites the attribute counted, for "
        "likeness and gap the one compared.",
    )
    scope: Scope | None = Field(
        None,
        description="Histories: earlier than the row, or all others that are permitted (sequences "
        "and counts alone), or known: all that is known of an item, whoever asks, for candidates "
        "at a request alone; null: the schema's for sequences, else earlier.",
    )
    shrink: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Means of scope known: pulled to the mean of all events as if a row had so "
        "many events of that mean beside its own.",
    )
    half_life: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="likeness and gap: liked events after which one counts half as much; null: all "
        "count the same.",
    )
    missing: float | None = Field(
        None, description="Statistics: what stands where there is no value; null: unknown."
    )
    of: tuple[str, ...] = Field(
        (),
        max_length=4,
        description="Crosses: the features crossed; differences: the two numeric features.",
    )
    length: int | None = Field(
        None,
        ge=1,
        le=5000,
        description="Sequences: the last events at most; null: 50, for recall models as many as "
        "their field history says.",
    )
    shares: str = Field(
        "",
        description="Sequences: the categorical feature of ids whose embeddings the events use; "
        "empty: their own.",
    )
    weight: Literal["none", "rating"] = Field(
        "none",
        description="Sequences: whether an event counts by its rating less the mean rating.",
    )
    event_fields: tuple[EventField, ...] = Field(
        (),
        max_length=3,
        description="Sequences of recall models: what is read of an event beside its item: the "
        "rating, the pause since the event before it, how long before the request it was "
        "(recency).",
    )

    @field_validator("event_fields")
    @classmethod
    def _once_each(cls, fields: tuple[EventField, ...]) -> tuple[EventField, ...]:
        if len(set(fields)) < len(fields):
            raise ValueError("name each field once")
        return fields

    @property
    def compares_with_item(self) -> bool:
        """Whether it is of a user's history and differs from one item asked about to another."""
        return self.source == "user-history" and (
            self.reads in COMPARISONS or bool(self.by and self.reads != FAVOURITES)
        )

    @property
    def reads(self) -> str:
        """The column it is computed from."""
        return self.column or self.name

    def facts(self) -> dict[str, str | None]:
        """Say as plain values what it is and where its value comes from; None: not so."""
        scope = self.scope or ("earlier" if self.source in HISTORIES else None)
        return {
            "name": self.name,
            "source": self.source,
            "kind": self.kind,
            "reads": (" - " if self.source == "difference" else " x ").join(self.of) or self.reads,
            "by": self.by or None,
            "scope": scope,
            "transform": self.transform.name if self.transform else None,
            "shares": self.shares or None,
        }

    @model_validator(mode="after")
    def _transform_fits_kind(self) -> Self:
        allowed = TRANSFORMS[self.kind]
        if self.transform is not None and self.transform.name not in allowed:
            raise ValueError(
                f"transform '{self.transform.name}' does not fit a {self.kind} feature; "
                f"valid: {', '.join(allowed)}"
            )
        return self

    @model_validator(mode="after")
    def _fields_fit_source(self) -> Self:
        for field, owners in FIELDS_OF.items():
            if field in self.model_fields_set and not {self.source, self.kind} & set(owners):
                given = getattr(self, field)
                if given != type(self).model_fields[field].default:
                    raise ValueError(f"'{field}' is a field of {' and '.join(owners)} alone")
        return self

    @model_validator(mode="after")
    def _kind_fits_source(self) -> Self:
        if self.kind == "vector" and self.source not in ("user", "item"):
            raise ValueError("a vector is of a user or an item")
        if self.source in HISTORIES:
            _check_history(self)
        elif self.kind == "sequence":
            raise ValueError("a sequence is of user-history or item-history")
        elif self.source == "cross":
            _check_cross(self)
        elif self.source == "difference":
            if len(self.of) != 2 or self.kind != "numeric" or self.transform is not None:
                raise ValueError(
                    "a difference is 'of' two numeric features, itself numeric and without a "
                    "transform, e.g. of: [usual_count, history_length]"
                )
        elif self.source == "given" and (self.kind == "multi" or _by_name(self)):
            raise ValueError(
                "a given column holds numbers: set kind: numeric, or categorical with the "
                "transform quantile or bucketize"
            )
        return self


def _by_name(feature: Feature) -> bool:
    """Whether a categorical feature has an embedding for each value, not for ranges of numbers."""
    ranges = isinstance(feature.transform, Quantile | Bucketize)
    return feature.kind == "categorical" and not ranges


def _check_history(feature: Feature) -> None:
    if feature.kind == "sequence":
        _check_sequence(feature)
    elif feature.kind == "multi":
        if feature.reads != FAVOURITES or not feature.by:
            raise ValueError(
                "several values of a history are 'column: favourites, by: ATTRIBUTE', e.g. genres"
            )
    elif feature.reads in COMPARISONS:
        _check_comparison(feature)
    else:
        _check_statistic(feature)
    if feature.scope == "known" or feature.reads == PREDICTED_RATING:
        _check_known(feature)
    elif feature.shrink:
        raise ValueError("'shrink' is for means of scope known")
    if feature.half_life and feature.reads not in (LIKENESS, GAP):
        raise ValueError("'half_life' is for likeness and gap")
    if feature.kind != "sequence" and feature.scope == "others":
        statistic = STATISTICS.get(feature.reads)
        if statistic is None or not statistic.counts or feature.by:
            raise ValueError(
                "scope 'others' is for sequences and counts alone: any other total without the row "
                "itself gives the row's label away; use scope: earlier"
            )


def _check_sequence(feature: Feature) -> None:
    if feature.reads not in SEQUENCES:
        raise ValueError(f"a sequence holds the events {', '.join(SEQUENCES)} (column)")
    if feature.by:
        raise ValueError("'by' is for statistics, not for sequences")
    if feature.shares and (feature.transform is not None or feature.embedding_size is not None):
        raise ValueError("with 'shares', transform and embedding_size are those of that feature")


def _check_statistic(feature: Feature) -> None:
    if feature.reads not in STATISTICS:
        raise ValueError(
            f"unknown statistic '{feature.reads}'; valid: "
            f"{', '.join(sorted((*STATISTICS, *COMPARISONS)))}"
        )
    if STATISTICS[feature.reads].whole and feature.scope != "known":
        raise ValueError(f"{feature.reads} reads timelines to their end: set scope: known")
    _check_ranges(feature)


def _check_comparison(feature: Feature) -> None:
    compared = feature.reads != PREDICTED_RATING
    if feature.source != "user-history" or bool(feature.by) != compared:
        raise ValueError(
            f"{feature.reads} is of a user-history"
            + (
                ", 'by' names the items' attribute that is compared"
                if compared
                else ", without 'by'"
            )
        )
    _check_ranges(feature)


def _check_known(feature: Feature) -> None:
    predicted = feature.reads == PREDICTED_RATING
    of_items = feature.source == "item-history" and feature.reads in STATISTICS and not feature.by
    if feature.scope != "known" or not (predicted or of_items):
        raise ValueError(
            "scope 'known' is for statistics of items without 'by', and for predicted_rating, "
            "which has no other"
        )


def _check_ranges(feature: Feature) -> None:
    if _by_name(feature):
        raise ValueError(
            f"{feature.reads} is a number: set kind: numeric, or the transform quantile or "
            "bucketize"
        )


def _check_cross(feature: Feature) -> None:
    if len(feature.of) < 2 or len(set(feature.of)) < len(feature.of):
        raise ValueError("a cross is 'of' two features or more, e.g. of: [gender, genres]")
    if feature.kind not in ("categorical", "multi"):
        raise ValueError("a cross is categorical, or multi when one of its features is")
