"""One feature, declared: where its value comes from and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from recsys_core.config import Config
from recsys_core.features.declared_transforms import Bucketize, Quantile, Transform
from recsys_core.features.statistics import STATISTICS, find_statistic, statistic_names
from recsys_core.features.timeline import Scope

Source = Literal[
    "user", "item", "interaction", "user-history", "item-history", "cross", "difference", "given"
]
Kind = Literal["categorical", "multi", "numeric", "vector", "sequence"]
#: what an event of a sequence can have beside its item
EventField = Literal["rating", "interval", "recency"]
HISTORIES: tuple[Source, ...] = ("user-history", "item-history")
#: the several values that a history has
FAVOURITES = "favourites"
#: what a user's history says of the row's item
SIMILARITY, GAP, PREDICTED_RATING = "similarity", "gap", "predicted_rating"
COMPARISONS = (SIMILARITY, GAP, PREDICTED_RATING)
#: columns and fields of events that earlier versions called otherwise
EARLIER = {
    "likes": "positive_count",
    "like_share": "positive_share",
    "likeness": SIMILARITY,
    "pause": "interval",
}
#: events of a sequence that says nothing of its length
LENGTH = 50
#: the events that a sequence can hold
SEQUENCES = ("all", "liked", "disliked")
#: names of the transforms that fit each kind
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
    "max_len": ("sequence",),
    "share_embedding": ("sequence",),
    "weight": ("sequence",),
    "event_fields": ("sequence",),
}


class Feature(Config):
    """One field of the model's input."""

    replaced: ClassVar[Mapping[str, str]] = {"length": "max_len", "shares": "share_embedding"}

    name: str = Field(min_length=1, description="Name of the feature, unique in the schema.")
    source: Source = Field(
        description="Where the value comes from: the user, the item, the row itself (interaction), "
        "the history of the row's user or item, several features together (cross), the difference "
        "of two numeric features, or a number given with the row."
    )
    kind: Kind = Field(
        description="categorical: one embedding per value; multi: several values, pooled; numeric: "
        "one embedding, scaled by the value; vector: several numbers, each scaling its own "
        "embedding; sequence: events, pooled or attended to."
    )
    column: str = Field(
        "",
        description="What is read. user and item: a column of the data set, user_id or item_id; "
        "interaction: a further column of the events, timestamp, hour, weekday (UTC) or "
        "years_since_release; histories: a statistic, favourites, or for sequences all, liked or "
        "disliked; user-history also: similarity, gap or predicted_rating; given: a given column. "
        "Empty: the feature's name.",
    )
    transform: Transform | None = Field(
        None,
        description="How values are encoded; null: vocabulary, or standardize for numeric "
        "features.",
    )
    embedding_size: int | None = Field(
        None, ge=1, le=4096, description="Embedding size, at most the model's; null: the model's."
    )
    pooling: Literal["mean", "sum"] = Field("mean", description="How several values are combined.")
    by: str = Field(
        "",
        description="Histories: use only events with the row's value of this attribute (an item "
        "attribute for a user's history, a user attribute for an item's). With favourites: the "
        "attribute to count; with similarity and gap: the attribute to compare.",
    )
    scope: Scope | None = Field(
        None,
        description="Histories: which events are used. earlier: those before the row; others: all "
        "permitted events except the row itself (only for sequences and counts); known: everything "
        "known about an item, whichever user asks (only for candidates of a request). null: the "
        "schema's scope for sequences, otherwise earlier.",
    )
    shrink: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="Means with scope known: shrink towards the overall mean, as if there were "
        "this many more events with that mean.",
    )
    half_life: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="similarity and gap: half-life of a liked event's weight, in later liked "
        "events; null: all count equally.",
    )
    missing: float | None = Field(
        None, description="Statistics: value to use where there is none; null: unknown."
    )
    of: tuple[str, ...] = Field(
        (),
        max_length=4,
        description="Crosses: the features to cross; differences: the two numeric features.",
    )
    max_len: int | None = Field(
        None,
        ge=1,
        le=5000,
        description="Sequences: keep at most this many most recent events; null: 50, or the "
        "model's own max_len for recall models.",
    )
    share_embedding: str = Field(
        "",
        description="Sequences: the categorical feature of ids whose embeddings the events share; "
        "empty: the sequence has its own.",
    )
    weight: Literal["none", "rating"] = Field(
        "none",
        description="Sequences: rating: weight each event by its rating minus the mean rating; "
        "none: all events have the same weight.",
    )
    event_fields: tuple[EventField, ...] = Field(
        (),
        max_length=3,
        description="Sequences of recall models: what is read of an event in addition to its item: "
        "rating, interval (time since the previous event) and recency (time until the request).",
    )

    @classmethod
    def current(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Rename what an earlier version read of histories, too."""
        found = super().current(values)
        reads = found.get("column") or found.get("name")
        if found.get("source") in HISTORIES and reads in EARLIER and reads not in STATISTICS:
            found["column"] = EARLIER[reads]
        if isinstance(found.get("event_fields"), list):
            found["event_fields"] = [EARLIER.get(f, f) for f in found["event_fields"]]
        return found

    @field_validator("event_fields", mode="before")
    @classmethod
    def _called_so_today(cls, fields: Any) -> Any:
        for name in fields if isinstance(fields, list | tuple) else ():
            _check_name(name)
        return fields

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
            "shares": self.share_embedding or None,
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
                    raise ValueError(f"'{field}' is only for {' and '.join(owners)}")
        return self

    @model_validator(mode="after")
    def _kind_fits_source(self) -> Self:
        if self.kind == "vector" and self.source not in ("user", "item"):
            raise ValueError("a vector belongs to a user or an item: set source: user or item")
        if self.source in HISTORIES:
            _check_history(self)
        elif self.kind == "sequence":
            raise ValueError("a sequence needs source: user-history or item-history")
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
                "a multi feature of a history needs 'column: favourites, by: ATTRIBUTE', e.g. by: "
                "genres"
            )
    elif feature.reads in COMPARISONS:
        _check_comparison(feature)
    else:
        _check_statistic(feature)
    if feature.scope == "known" or feature.reads == PREDICTED_RATING:
        _check_known(feature)
    elif feature.shrink:
        raise ValueError("'shrink' is for means of scope known")
    if feature.half_life and feature.reads not in (SIMILARITY, GAP):
        raise ValueError("'half_life' is for similarity and gap")
    if feature.kind != "sequence" and feature.scope == "others":
        statistic = find_statistic(feature.reads)
        if statistic is None or not statistic.only_counts or feature.by:
            raise ValueError(
                "scope 'others' is only for sequences and counts: any other statistic without the "
                "row itself reveals the row's label; use scope: earlier"
            )


def _check_sequence(feature: Feature) -> None:
    if feature.reads not in SEQUENCES:
        raise ValueError(f"the column of a sequence is one of {', '.join(SEQUENCES)}")
    if feature.by:
        raise ValueError("'by' is for statistics, not for sequences")
    if feature.share_embedding and (
        feature.transform is not None or feature.embedding_size is not None
    ):
        raise ValueError(
            "with 'share_embedding', transform and embedding_size are those of that feature"
        )


def _check_name(name: Any) -> None:
    """Raise ValueError for what an earlier version called otherwise."""
    if isinstance(name, str) and name in EARLIER and name not in STATISTICS:
        raise ValueError(f"'{name}' is called '{EARLIER[name]}' now")


def _check_statistic(feature: Feature) -> None:
    _check_name(feature.reads)
    statistic = find_statistic(feature.reads)
    if statistic is None:
        raise ValueError(
            f"unknown statistic '{feature.reads}'; valid: "
            f"{', '.join(sorted((*statistic_names(), *COMPARISONS)))}"
        )
    if statistic.looks_ahead and feature.scope != "known":
        raise ValueError(f"{feature.reads} uses whole timelines: set scope: known")
    _check_ranges(feature)


def _check_comparison(feature: Feature) -> None:
    compared = feature.reads != PREDICTED_RATING
    if feature.source != "user-history" or bool(feature.by) != compared:
        raise ValueError(
            f"{feature.reads} needs source: user-history"
            + (
                ", 'by' names the items' attribute that is compared"
                if compared
                else ", without 'by'"
            )
        )
    _check_ranges(feature)


def _check_known(feature: Feature) -> None:
    predicted = feature.reads == PREDICTED_RATING
    of_items = (
        feature.source == "item-history"
        and find_statistic(feature.reads) is not None
        and not feature.by
    )
    if feature.scope != "known" or not (predicted or of_items):
        raise ValueError(
            "scope 'known' is for statistics of items without 'by', and for predicted_rating, "
            "which allows no other"
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
