"""Encoded rows, and where their fields lie in the embedding table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recsys_core.data.dataset import FloatArray, IntArray


@dataclass(frozen=True)
class Table:
    """Slots of all users, of all items, or of some rows.

    Parameters
    ----------
    single
        Shape (n, categorical fields), int32: indices of weight 1.
    weighted
        Shape (n, sum(widths)), int32: indices of the other fields' slots, 0 where unused.
    weights
        Shape (n, sum(widths)), float32; 0 where unused.
    widths
        Slots of each of the other fields.
    """

    single: IntArray
    weighted: IntArray
    weights: FloatArray
    widths: tuple[int, ...]

    @classmethod
    def empty(cls, rows: int) -> Table:
        """Give rows without a field."""
        none = np.empty((rows, 0), dtype=np.int32)
        return cls(none, none, none.astype(np.float32), ())

    def __len__(self) -> int:
        return len(self.single)

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots of each field, categorical ones first."""
        return (*[1] * self.single.shape[1], *self.widths)

    @property
    def index(self) -> IntArray:
        """Shape (n, sum(slots)): indices of all fields; 0 where unused."""
        return np.concatenate([self.single, self.weighted], axis=1)

    @property
    def all_weights(self) -> FloatArray:
        """Shape (n, sum(slots)): weights of all fields; 0 where unused."""
        ones = np.ones(self.single.shape, dtype=np.float32)
        return np.concatenate([ones, self.weights], axis=1)

    def beside(self, other: Table) -> Table:
        """Put the fields of both next to each other; only the rows that both have are kept."""
        n = min(len(self), len(other))
        single, weighted, weights = (
            np.concatenate([getattr(self, name)[:n], getattr(other, name)[:n]], axis=1)
            for name in ("single", "weighted", "weights")
        )
        return Table(single, weighted, weights, self.widths + other.widths)


@dataclass(frozen=True)
class Sequence:
    """Events of users or items, stored once; a row has a slice of them.

    Parameters
    ----------
    index
        Shape (m + 1,), int32: embedding-table rows of the events; the last one is padding, 0.
    weight
        Shape (m + 1,), float32: what each event counts.
    start, end
        Shape (n,), int32: events [start, end) are what the row sees, the oldest first.
    own
        Shape (n,), int32: the event in between that is the row itself, left out; -1: none.
    length
        The last so many events are used.
    mean
        Whether pooling divides by the number of events used.
    """

    index: IntArray
    weight: FloatArray
    start: IntArray
    end: IntArray
    own: IntArray
    length: int
    mean: bool

    @property
    def counts(self) -> IntArray:
        """Shape (n,): events that each row uses."""
        inside = (self.own >= self.start) & (self.own < self.end)
        counts: IntArray = np.minimum(self.end - self.start - inside, self.length)
        return counts


@dataclass(frozen=True)
class EncodedRows:
    """Rows as numbers of table rows; slots are gathered when a batch needs them.

    Parameters
    ----------
    tables
        One per side that has features: users, items, the rows themselves.
    owners
        Shape (n,) each: which row of the table belongs to each row.
    sequences
        The fields that are sequences; they come last.
    n_rows
        n.
    """

    tables: tuple[Table, ...]
    owners: tuple[IntArray, ...]
    sequences: tuple[Sequence, ...]
    n_rows: int

    def __len__(self) -> int:
        return self.n_rows

    @property
    def widths(self) -> tuple[int, ...]:
        """Slots of each field that is not categorical, in the order of the layout."""
        of_tables = tuple(width for table in self.tables for width in table.widths)
        return (*of_tables, *(sequence.length for sequence in self.sequences))


@dataclass(frozen=True)
class History:
    """A sequence field, for models that attend to it.

    Parameters
    ----------
    field
        Its place among all fields.
    target
        Place of the field that embeds the row's own id, in whose embeddings the events live; None
        when they have their own.
    """

    field: int
    target: int | None


@dataclass(frozen=True)
class VectorField:
    """A field of vectors, for models that multiply by them rather than look up number by number.

    Parameters
    ----------
    field
        Its place among all fields.
    offset
        Its first table row, of those without a vector; the rows of the numbers follow.
    numbers
        Length of the vectors.
    """

    field: int
    offset: int
    numbers: int


@dataclass(frozen=True)
class EmbeddingLayout:
    """Where fields lie in the embedding table; categorical fields first, sequences last.

    Parameters
    ----------
    names
        The fields' names.
    sizes
        Embedding size of each field; None: the model's.
    offsets
        First table row of each field: its unknown row, or a numeric field's only row.
    unknown
        The table rows that stand for unknown values.
    n_rows
        Rows of the table, padding included.
    histories
        The fields that are sequences.
    vectors
        The fields that are vectors.
    """

    names: tuple[str, ...]
    sizes: tuple[int | None, ...]
    offsets: tuple[int, ...]
    unknown: tuple[int, ...]
    n_rows: int
    histories: tuple[History, ...] = ()
    vectors: tuple[VectorField, ...] = ()


@dataclass(frozen=True)
class Slots:
    """One feature's codes, before they get their place in the table.

    Parameters
    ----------
    codes
        Shape (n, width), int32: -1 where unused.
    weights
        Shape (n, width), float32; None: all 1, and none unused.
    """

    codes: IntArray
    weights: FloatArray | None = None

    def take(self, rows: IntArray) -> Slots:
        """Pick entries by number."""
        return Slots(self.codes[rows], None if self.weights is None else self.weights[rows])

    def index(self, offset: int) -> IntArray:
        """Table rows, shape (n, width): 0 where unused."""
        return np.where(self.codes < 0, 0, self.codes + offset).astype(np.int32)
