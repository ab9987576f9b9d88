"""Fields of every model that contrasts positives with sampled negatives."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recsys_core.config import Config

SamplerName = Literal["uniform", "popularity", "in-batch", "mixed"]


class SamplingConfig(Config):
    """Where negatives come from, and what is done about their bias."""

    sampler: SamplerName = Field(
        "uniform",
        description="Where negatives are sampled from. uniform: the catalogue, uniformly; "
        "popularity: the catalogue, by popularity to a power; in-batch: the positives of the "
        "batch; mixed: partly in-batch, partly uniform.",
    )
    popularity_power: float = Field(
        0.75,
        ge=-2,
        le=2,
        description="With popularity: items are drawn in proportion to their "
        "number of training rows to this power.",
    )
    in_batch_share: float = Field(
        0.5, gt=0, lt=1, description="With mixed: share of the negatives that come from the batch."
    )
    negatives: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Negatives per batch; null: all available ones, which with the uniform sampler "
        "is a softmax over the whole catalogue.",
    )
    hard_negatives: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Additional hard negatives per batch. Each is the highest-scored item that "
        "the user of a random query of the batch has not seen, found in an index of item vectors "
        "that is rebuilt every epoch.",
    )
    exclude_seen: bool = Field(
        False,
        description="Do not use a user's other positives as negatives for that user.",
    )
    logq: bool = Field(
        False,
        description="logQ correction: subtract log q from the logits, after the temperature, where "
        "q is the probability that the sampler draws the item; otherwise frequently drawn items "
        "are pushed down.",
    )
    logq_positive: bool = Field(
        True,
        description="With logq: correct the positive's logit too, as in the derivation of sampled "
        "softmax.",
    )

    @property
    def samples(self) -> bool:
        """Whether a batch contrasts with some items, rather than with the whole catalogue."""
        return self.negatives is not None or self.reads_batch

    @property
    def reads_batch(self) -> bool:
        """Whether negatives come from the positives of the batch."""
        return self.sampler in ("in-batch", "mixed")

    @model_validator(mode="after")
    def _probabilities_are_known(self) -> Self:
        if self.logq and self.hard_negatives:
            raise ValueError(
                "logq needs the probability of every draw, which hard negatives do not have: use "
                "one of the two"
            )
        return self
