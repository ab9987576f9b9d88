"""What a two-stage recommender is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from recsys_core.config import Config
from recsys_core.two_stage.merge import MergeConfig
from recsys_core.two_stage.rerank import Step

Loss = Literal["listwise", "pointwise"]
#: rankers that are no registered models
MLP_NAME, NONE = "mlp", "none"


class ChannelConfig(Config):
    """One recall model that proposes candidates."""

    model: str = Field("", description="Registered recall model; empty: the model of `run`.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="The model's fields that differ from their defaults."
    )
    features: str | None = Field(
        None,
        max_length=4096,
        description="A packaged feature schema or a YAML file, for models that read features; "
        "null: the model's default.",
    )
    run: str = Field(
        "",
        description="A finished recall run, by ID or folder, whose model is used; empty: train the "
        "model.",
    )
    label: str = Field("", description="Name of the channel; empty: the model's name.")
    quota: int = Field(150, ge=1, le=100_000, description="Candidates per user.")
    weight: float = Field(
        1.0, ge=0, le=1e6, description="Weight of the channel, used by merge method weighted."
    )

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
        description="mlp: a small network over scores, ranks and context features; or a registered "
        "ranking model, which also reads its feature schema; none: keep the order of the merged "
        "list.",
    )
    params: dict[str, Any] = Field(
        default_factory=dict, description="The model's fields that differ from their defaults."
    )
    features: str | None = Field(
        None,
        description="Feature schema, e.g. a file that extends two-stage; scores and ranks are "
        "added. mlp reads only numeric features. null: the default of a registered ranking model.",
    )
    context: bool = Field(
        True,
        description="Add the features of the schema two-stage (counts, positions in timelines, "
        "genres, years) to the channels' scores and ranks and to `features`.",
    )
    run: str = Field(
        "",
        description="A finished ranking run, by ID or folder, that ranks the candidates as it is, "
        "without the channels' scores; empty: train the model.",
    )
    loss: Loss = Field(
        "listwise",
        description="listwise: softmax over a list, the candidates of a user at one time; "
        "pointwise: binary cross-entropy of each row.",
    )
    rows: Literal["candidates", "rated"] = Field(
        "candidates",
        description="What the ranker learns from. candidates: the channels' candidates, positive "
        "if the user liked them later; rated: only items that were rated later, positive if liked.",
    )
    negatives: int = Field(
        200,
        ge=1,
        le=100_000,
        description="Negatives per list, drawn uniformly from its candidates.",
    )
    max_lists: int = Field(
        50_000, ge=1, le=10_000_000, description="Maximum number of lists; a random choice is kept."
    )

    @model_validator(mode="after")
    def _run_brings_its_own(self) -> Self:
        if self.run and (self.params or self.features):
            raise ValueError("params and features belong to model; a run has its own")
        return self


class InnerConfig(Config):
    """How train is cut once more, for the ranker's rows."""

    replaced: ClassVar[Mapping[str, str]] = {"cut": "split"}

    split: Literal["auto", "time", "folds"] = Field(
        "auto",
        description="How the training rows are split once more. time: each user's last training "
        "events are labels, and the channels learn from earlier ones; folds: the channels learn "
        "from all folds but one; half of that one is labelled and the other half added to the "
        "histories, then the other way round; auto: time if each user's validation rows come after "
        "the training rows, otherwise folds.",
    )
    share: float = Field(
        0.1,
        gt=0,
        le=0.4,
        description="With time: share of a user's training events in each window.",
    )
    windows: int = Field(
        2,
        ge=1,
        le=5,
        description="With time: number of labelled windows; the channels learn from what precedes "
        "all of them, and are queried with everything that precedes each.",
    )
    folds: int = Field(4, ge=2, le=20, description="With folds: number of folds.")


def _default_channels() -> tuple[ChannelConfig, ...]:
    recent = {"history_half_life": 5.0, "rating_exponent": 2.0}
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
        description="Recall models that propose candidates, and how many candidates each.",
    )
    merge: MergeConfig = Field(
        MergeConfig(), description="How the channels' lists are merged into one list of candidates."
    )
    ranker: RankerConfig = Field(
        RankerConfig(), description="Model that ranks the candidates, and what it learns from."
    )
    inner: InnerConfig = Field(
        InnerConfig(), description="How the training rows are split once more, to train the ranker."
    )
    rerank: tuple[Step, ...] = Field(
        (), max_length=8, description="Re-ranking steps, in this order."
    )

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        names = [channel.name for channel in self.channels]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"channel '{name}' occurs twice; give each its own label")
        return self
