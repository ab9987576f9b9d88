"""What a two-stage recommender is made of."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from recsys_core.config import Config
from recsys_core.two_stage.merge import MergeConfig
from recsys_core.two_stage.rerank import Step

Loss = Literal["listwise", "pointwise"]


class ChannelConfig(Config):
    """One recall model that proposes candidates."""

    model: str = Field("", description="Registered recall model; empty: that of `run`.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="The model's fields that differ from their default."
    )
    features: str | None = Field(
        None,
        max_length=4096,
        description="A packaged feature schema or a YAML file, for models that read features; "
        "null: the model's default.",
    )
    run: str = Field(
        "",
        description="A finished recall run, or its folder, whose fitted model is used; empty: the "
        "model is fitted.",
    )
    label: str = Field("", description="Name of the channel; empty: the model's name.")
    quota: int = Field(150, ge=1, le=100_000, description="Candidates it proposes per user.")
    weight: float = Field(1.0, ge=0, le=1e6, description="Its weight where the merge has weights.")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.model) == bool(self.run):
            raise ValueError("give either model (and params) or run")
        if self.run and (self.params or self.features):
            raise ValueError("params and features belong to model; a run has its own")
        return self

    @property
    def name(self) -> str:
        """The label, or the name of the model or run where there is none."""
        return self.label or self.model or self.run.rstrip("/").rpartition("/")[2]


class RankerConfig(Config):
    """The ranking model, and what it learns from."""

    model: str = Field(
        "mlp",
        description="mlp: a small network over scores, ranks and context; or a registered ranking "
        "model, which sees its feature schema as well; none: the merge order stays.",
    )
    params: dict[str, Any] = Field(
        default_factory=dict, description="The model's fields that differ from their default."
    )
    features: str | None = Field(
        None,
        description="A feature schema, e.g. a file that extends two-stage; scores and ranks are "
        "added. mlp reads numeric features alone. null: for a registered ranking model the default "
        "one.",
    )
    context: bool = Field(
        True,
        description="Whether the features of the schema two-stage (counts, places in timelines, "
        "genres, years) stand beside the channels' scores and ranks, and of features.",
    )
    run: str = Field(
        "",
        description="A finished ranking run, or its folder, that ranks the candidates as it is, "
        "without the channels' scores; empty: the model is trained.",
    )
    loss: Loss = Field(
        "listwise",
        description="listwise: softmax over a user's list; pointwise: liked or not, row by row.",
    )
    rows: Literal["candidates", "rated"] = Field(
        "candidates",
        description="What it learns from: the channels' candidates, of which later liked ones are "
        "positive; or the later rated items alone, liked or not.",
    )
    negatives: int = Field(
        200,
        ge=1,
        le=100_000,
        description="Candidates per list beside the liked ones, drawn uniformly from the pool.",
    )
    max_lists: int = Field(
        50_000, ge=1, le=10_000_000, description="Lists at most; which are kept is random."
    )

    @model_validator(mode="after")
    def _run_brings_its_own(self) -> Self:
        if self.run and (self.params or self.features):
            raise ValueError("params and features belong to model; a run has its own")
        return self


class InnerConfig(Config):
    """How train is cut once more, for the ranker's rows."""

    cut: Literal["auto", "time", "folds"] = Field(
        "auto",
        description="time: each user's last train events are labels, the channels learn from "
        "those before; folds: the channels learn from all but one fold at a time, of which one "
        "half is labelled and the other known, then the other way round; auto: time where each "
        "user's validation rows are the later ones.",
    )
    share: float = Field(
        0.1, gt=0, le=0.4, description="time: share of a user's train events in each window."
    )
    windows: int = Field(
        2,
        ge=1,
        le=5,
        description="time: labelled windows; the channels learn from what is before all of them, "
        "and are asked with all that is before each.",
    )
    folds: int = Field(4, ge=2, le=20, description="folds: number of folds.")


def _default_channels() -> tuple[ChannelConfig, ...]:
    recent = {"history_half_life": 5.0, "rating_weight": 2.0}
    return (
        ChannelConfig(model="ease", params=recent),
        ChannelConfig(model="word2vec"),
        ChannelConfig(model="popularity", quota=50),
    )


class TwoStageConfig(Config):
    """Fields of a two-stage recommender."""

    channels: tuple[ChannelConfig, ...] = Field(
        _default_channels(),
        min_length=1,
        max_length=32,
        description="The recall models that propose candidates, and how many each.",
    )
    merge: MergeConfig = Field(
        MergeConfig(), description="How the channels' lists become one pool."
    )
    ranker: RankerConfig = Field(
        RankerConfig(), description="What orders the pool, and what it learns from."
    )
    inner: InnerConfig = Field(
        InnerConfig(), description="How train is cut once more, for the ranker."
    )
    rerank: tuple[Step, ...] = Field(
        (), max_length=8, description="Steps that re-rank the ranked list, in this order."
    )

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        names = [channel.name for channel in self.channels]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"channel '{name}' is there twice; give each its own label")
        return self
