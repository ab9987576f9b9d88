"""Transforms as a schema declares them: what becomes of a feature's values."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from recsys_core.config import Config


class Vocabulary(Config):
    """Every distinct value has its own embedding."""

    name: Literal["vocabulary"] = "vocabulary"
    min_count: int = Field(
        1,
        ge=1,
        le=2**31 - 1,
        description="Values with fewer training rows than this share the embedding for unknown "
        "values.",
    )


class Hash(Config):
    """Values share a fixed number of embeddings, whatever values there are; none is unknown."""

    name: Literal["hash"]
    buckets: int = Field(
        ge=2, le=100_000_000, description="Number of embeddings that the values are hashed into."
    )


class Bucketize(Config):
    """Numbers fall into buckets with given edges; a bucket holds its lower edge."""

    name: Literal["bucketize"]
    edges: tuple[float, ...] = Field(
        min_length=1, description="Edges of the buckets, in ascending order."
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges must be in ascending order")
        return self


class Quantile(Config):
    """Numbers fall into buckets that hold about as many train rows each."""

    name: Literal["quantile"]
    buckets: int = Field(10, ge=2, le=1000, description="Largest number of buckets.")


class Standardize(Config):
    """Numbers are shifted and scaled to mean 0 and deviation 1 over the train rows."""

    name: Literal["standardize"] = "standardize"


class Log(Config):
    """log(1 + x), then standardized; for counts and other long tails."""

    name: Literal["log"]


Transform = Annotated[
    Vocabulary | Hash | Bucketize | Quantile | Standardize | Log, Field(discriminator="name")
]
