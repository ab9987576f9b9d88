"""Fields of every model that tells liked items apart from drawn ones."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recsys_core.config import Config

SamplerName = Literal["uniform", "popularity", "in-batch", "mixed"]


class SamplingConfig(Config):
    """Where negatives come from, and what is done about their bias."""

    sampler: SamplerName = Field(
        "uniform",
        description="Where negatives are drawn from. uniform: the catalogue, all alike; "
        "popularity: the catalogue, by popularity to a power; in-batch: the liked items of the "
        "batch; mixed: partly in-batch, partly uniform.",
    )
    popularity_power: float = Field(
        0.75, ge=-2, le=2, description="popularity: q is the item's train rows to this power."
    )
    in_batch_share: float = Field(
        0.5, gt=0, lt=1, description="mixed: share of the negatives that come from the batch."
    )
    negatives: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Negatives drawn for a batch; null: all there are, which with the uniform "
        "sampler is a softmax over the whole catalogue.",
    )
    hard_negatives: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Further negatives of a batch that come from the index of item vectors, built "
        "every epoch: the best item that the user has not seen, for queries of the batch in turn.",
    )
    exclude_seen: bool = Field(
        False,
        description="Items the user likes elsewhere in the train rows are no negatives of the "
        "user's queries.",
    )
    logq: bool = Field(
        False,
        description="Subtract log q, the probability that the sampler draws the item, from the "
        "logits, after the temperature, so that items drawn often are not pushed down.",
    )
    logq_positive: bool = Field(
        True, description="logq: correct the liked item's logit too, as the derivation has it."
    )

    @model_validator(mode="after")
    def _probabilities_are_known(self) -> Self:
        if self.logq and self.hard_negatives:
            raise ValueError(
                "logq needs the probability of every draw, hard_negatives have none; use one"
            )
        return self
