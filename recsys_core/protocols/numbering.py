"""Which items of a data set have numbers in a model: those that filters leave.

Tables, matrices and blocks of scores are as large as there are items with numbers. Where filters
leave items out, the others are numbered anew, in the same order; their events are those of the
whole set, whether the filters keep them or not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import (
    Categorical,
    Column,
    Dataset,
    IntArray,
    MultiCategorical,
    Numeric,
    Text,
    TimeArray,
    Vectors,
)
from recsys_core.data.interactions import Interactions
from recsys_core.protocols.split import Split

SplitT = TypeVar("SplitT", bound=Split)


@dataclass(frozen=True)
class Numbering:
    """The items of a data set that have numbers, by their numbers in the whole set.

    Parameters
    ----------
    whole
        The data set.
    items
        Shape (n,), ascending: the items that have numbers, from 0 on; None: all, as they are.
    """

    whole: Dataset
    items: IntArray | None = None

    @classmethod
    def of(cls, split: Split) -> Numbering:
        """Find which items of a split have numbers: with filters, those that still have rows."""
        whole = split.dataset
        if not split.counts.get("filtered_rows"):
            return cls(whole)
        has_rows = np.zeros(whole.n_items, dtype=np.bool_)
        for part in (split, split.cut or split):
            for rows in part.row_parts().values():
                has_rows[whole.item[rows]] = True
            if part.train.new_items is not None:
                has_rows[part.train.new_items] = True
        return cls(whole, None if has_rows.all() else np.flatnonzero(has_rows).astype(np.int32))

    @cached_property
    def dataset(self) -> Dataset:
        """The data set with these items alone; users keep their numbers."""
        if self.items is None:
            return self.whole
        whole, rows = self.whole, self._rows
        small = replace(
            whole,
            user=whole.user[rows],
            item=self.own(whole.item[rows]),
            rating=whole.rating[rows],
            timestamp=whole.timestamp[rows],
            item_ids=whole.item_ids[self.items],
            item_columns={n: taken(each, self.items) for n, each in whole.item_columns.items()},
            event_columns={n: taken(each, rows) for n, each in whole.event_columns.items()},
            item_numbers=self.items,
        )
        tie_rank = np.empty(len(self.items), dtype=np.int32)
        tie_rank[np.argsort(whole.tie_rank[self.items])] = np.arange(len(self.items))
        timeline = self._row_numbers[whole.timeline]
        # the same set for models, ties broken the same way, and in the same order
        vars(small).update(
            fingerprint=whole.fingerprint, tie_rank=tie_rank, timeline=timeline[timeline >= 0]
        )
        return small

    def split(self, split: SplitT) -> SplitT:
        """Give a split of the whole set, one of a single window, in the numbers of these items."""
        if self.items is None:
            return split
        train, valid, test = map(self._part, (split.train, split.valid, split.test))
        cut = None if split.cut is None else self.split(split.cut)
        numbered = replace(split, train=train, valid=valid, test=test, cut=cut, windows={})
        vars(numbered)["fingerprint"] = split.fingerprint
        return numbered

    def own(self, items: NDArray[np.integer]) -> IntArray:
        """Give the numbers of items of the whole set here; -1: none."""
        if self.items is None:
            return items.astype(np.int32)
        numbers = np.full(self.whole.n_items, -1, dtype=np.int32)
        numbers[self.items] = np.arange(len(self.items))
        own: IntArray = numbers[items]
        return own

    def in_whole(self, items: NDArray[np.integer]) -> IntArray:
        """Give the numbers of items in the whole set; -1 stays."""
        if self.items is None:
            return items.astype(np.int32, copy=False)
        numbers: IntArray = np.append(self.items, np.int32(-1))[items]
        return numbers

    @cached_property
    def _rows(self) -> TimeArray:
        """Shape (m,), ascending: the events of these items."""
        return np.flatnonzero(self.own(self.whole.item) >= 0)

    @cached_property
    def _row_numbers(self) -> TimeArray:
        """Shape (n_interactions,): the number of each event among those of these items, or -1."""
        numbers = np.full(self.whole.n_interactions, -1, dtype=np.int64)
        numbers[self._rows] = np.arange(len(self._rows))
        return numbers

    def _part(self, part: Interactions) -> Interactions:
        return replace(
            part,
            dataset=self.dataset,
            rows=self._row_numbers[part.rows],
            query=None if part.query is None else self._row_numbers[part.query],
            new_items=None if part.new_items is None else self.own(part.new_items),
        )


def taken(column: Column, rows: NDArray[np.integer]) -> Column:
    """Give a column of some rows alone, with the same vocabulary."""
    match column:
        case Categorical(codes, vocabulary):
            return Categorical(codes[rows], vocabulary)
        case MultiCategorical(offsets, codes, vocabulary):
            lengths = np.diff(offsets)[rows]
            ends = np.append(0, np.cumsum(lengths))
            places = np.arange(ends[-1]) + np.repeat(offsets[:-1][rows] - ends[:-1], lengths)
            return MultiCategorical(ends, codes[places], vocabulary)
        case Numeric(values):
            return Numeric(values[rows])
        case Text(values):
            return Text(values[rows])
        case Vectors(values):
            return Vectors(values[rows])
