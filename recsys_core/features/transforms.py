"""Fitted transforms: what train rows taught about one feature, and how values become codes.

A feature owns a run of rows of the embedding table. Code 0 is its unknown row: missing values and
values that the train rows do not have (often enough).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys_core.config import Config
from recsys_core.data.dataset import FloatArray, IntArray, TimeArray

#: numbers that differ by no more than this share of them are equal
ROUNDING = 1e-9


class Lookup(Config):
    """Values by name: code 1 + position in `values`."""

    name: Literal["lookup"] = "lookup"
    values: tuple[str, ...]

    @classmethod
    def fit(
        cls, codes: IntArray, vocabulary: NDArray[np.str_], counts: TimeArray, least: int
    ) -> Lookup:
        """Keep the values that at least `least` train rows have.

        Parameters
        ----------
        codes, counts
            Shape (n,): a code into `vocabulary` (-1: missing), and in how many train rows it
            occurs there.
        """
        known = codes >= 0
        rows = np.bincount(codes[known], weights=counts[known], minlength=len(vocabulary))
        return cls(values=tuple(vocabulary[rows >= max(least, 1)].tolist()))

    @property
    def size(self) -> int:
        """Rows of the embedding table, the unknown row included."""
        return 1 + len(self.values)

    def encode(self, codes: IntArray, vocabulary: NDArray[np.str_]) -> IntArray:
        """Translate codes of `vocabulary` (shape (n,), -1: missing); values are found by name."""
        place = {value: code for code, value in enumerate(self.values, 1)}
        translation = [place.get(value, 0) for value in vocabulary.tolist()]
        return np.array([*translation, 0], dtype=np.int32)[codes]  # -1 picks the last, 0


class Hashed(Config):
    """Values by a hash of their name: code 1 + hash modulo `buckets`; missing is code 0."""

    name: Literal["hashed"] = "hashed"
    buckets: int = Field(ge=2, le=100_000_000)

    @property
    def size(self) -> int:
        """Rows of the embedding table, the unknown row included."""
        return 1 + self.buckets

    def encode(self, codes: IntArray, vocabulary: NDArray[np.str_]) -> IntArray:
        """Translate codes of `vocabulary` (shape (n,), -1: missing)."""
        places = [self._place(value) for value in vocabulary.tolist()]
        return np.array([*places, 0], dtype=np.int32)[codes]

    def _place(self, value: str) -> int:
        digest = blake2b(value.encode(), digest_size=8).digest()
        return 1 + int.from_bytes(digest, "little") % self.buckets


class Crossed(Config):
    """Combinations of other features' codes: code 1 + position in `keys`, or a hash of the key.

    The key of codes c_1, c_2, … is (c_1 s_2 + c_2) s_3 + …, s_i being the sizes of the features.
    """

    name: Literal["pairs"] = "pairs"
    sizes: tuple[int, ...]
    keys: tuple[int, ...]
    buckets: int | None

    @classmethod
    def fit(
        cls, sizes: tuple[int, ...], keys: TimeArray, least: int, buckets: int | None
    ) -> Crossed:
        """Keep the keys (shape (n,)) that occur at least `least` times; none when hashed."""
        if buckets is not None:
            return cls(sizes=sizes, keys=(), buckets=buckets)
        values, counts = np.unique(keys, return_counts=True)
        return cls(sizes=sizes, keys=tuple(values[counts >= least].tolist()), buckets=None)

    @property
    def size(self) -> int:
        """Rows of the embedding table, the unknown row included."""
        return 1 + (len(self.keys) if self.buckets is None else self.buckets)

    def encode(self, keys: TimeArray) -> IntArray:
        """Translate keys, any shape; a key that train rows do not have is unknown."""
        if self.buckets is not None:
            mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing
            places = (mixed >> np.uint64(32)) % np.uint64(self.buckets)
            return (1 + places).astype(np.int32)
        known = np.append(np.array(self.keys, dtype=np.int64), np.iinfo(np.int64).max)
        place = np.searchsorted(known, keys)
        return np.where(known[place] == keys, place + 1, 0).astype(np.int32)


class EventLookup(Config):
    """Events of sequences: by the codes of the feature `of`, or of their own ids in `values`."""

    name: Literal["events"] = "events"
    of: str
    values: tuple[str, ...]
    centre: float
    """Mean rating of the train rows."""

    @property
    def size(self) -> int:
        """Rows of the embedding table, the unknown row included; none when they are shared."""
        return 0 if self.of else 1 + len(self.values)


class Buckets(Config):
    """Numbers by bucket: code 1 is below the first edge, a bucket holds its lower edge."""

    name: Literal["buckets"] = "buckets"
    edges: tuple[float, ...]

    @classmethod
    def fit(cls, values: FloatArray, counts: TimeArray, buckets: int) -> Buckets:
        """Cut into `buckets` of about equally many train rows; equal edges fall together."""
        known = ~np.isnan(values)
        rows = np.repeat(values[known], counts[known])
        if len(rows) == 0:
            return cls(edges=())
        shares = np.arange(1, buckets) / buckets
        edges = np.unique(np.quantile(rows, shares, method="higher"))
        return cls(edges=tuple(edges[edges > rows.min()].tolist()))

    @property
    def size(self) -> int:
        """Rows of the embedding table, the unknown row included."""
        return 2 + len(self.edges)

    def encode(self, values: FloatArray) -> IntArray:
        """Find the bucket of each value, shape (n,); NaN is unknown."""
        codes = 1 + np.searchsorted(np.array(self.edges), values, side="right")
        return np.where(np.isnan(values), 0, codes).astype(np.int32)


class Scale(Config):
    """Numbers shifted and scaled by what train rows have; NaN becomes 0, the mean."""

    name: Literal["scale"] = "scale"
    mean: float
    deviation: float = Field(gt=0)
    log: bool

    @classmethod
    def fit(cls, values: FloatArray, counts: TimeArray, *, log: bool) -> Scale:
        """Take mean and deviation over train rows; a constant gets deviation 1."""
        known = ~np.isnan(values) & (counts > 0)
        if not known.any():
            return cls(mean=0.0, deviation=1.0, log=log)
        numbers = values[known].astype(np.float64)
        numbers = np.log1p(np.maximum(numbers, 0)) if log else numbers
        mean = np.average(numbers, weights=counts[known])
        variance = np.average((numbers - mean) ** 2, weights=counts[known])
        deviation = float(np.sqrt(variance))
        constant = deviation <= ROUNDING * abs(mean)  # a mean of equal numbers is not quite they
        return cls(mean=float(mean), deviation=1.0 if constant else deviation, log=log)

    @property
    def size(self) -> int:
        """Rows of the embedding table: one, scaled by the value."""
        return 1

    def encode(self, values: FloatArray) -> FloatArray:
        """Shift and scale, shape (n,)."""
        numbers = values.astype(np.float64)
        numbers = np.log1p(np.maximum(numbers, 0)) if self.log else numbers
        return np.nan_to_num((numbers - self.mean) / self.deviation).astype(np.float32)


class VectorScale(Config):
    """Vectors divided by one number, so that train rows have numbers of mean square 1.

    One number for all keeps the angles between vectors. A missing vector is code 0, unknown.
    """

    name: Literal["vector"] = "vector"
    numbers: int = Field(ge=1, le=1_000_000)
    deviation: float = Field(gt=0)

    @classmethod
    def fit(cls, values: FloatArray, counts: TimeArray) -> VectorScale:
        """Measure the vectors, shape (n, numbers), that `counts` train rows have each."""
        squares = np.square(values.astype(np.float64)).mean(axis=1)
        known = ~np.isnan(squares) & (counts > 0)
        square = np.average(squares[known], weights=counts[known]) if known.any() else 0.0
        return cls(numbers=values.shape[1], deviation=float(np.sqrt(square)) or 1.0)

    @property
    def size(self) -> int:
        """Rows of the embedding table: one for each number, and the unknown row."""
        return 1 + self.numbers

    def encode(self, values: FloatArray) -> tuple[IntArray, FloatArray]:
        """Give codes and weights, shape (n, numbers) each.

        Raises
        ------
        ValueError
            The vectors have another length than those of the train rows.
        """
        if values.shape[1] != self.numbers:
            raise ValueError(f"{values.shape[1]} numbers, the train rows have {self.numbers}")
        unknown = np.isnan(values).any(axis=1)
        codes = np.tile(np.arange(1, 1 + self.numbers, dtype=np.int32), (len(values), 1))
        weights = (values / self.deviation).astype(np.float32)
        codes[unknown], weights[unknown] = -1, 0
        codes[unknown, 0], weights[unknown, 0] = 0, 1
        return codes, weights


Fitted = Lookup | Hashed | Crossed | EventLookup | Buckets | Scale | VectorScale
