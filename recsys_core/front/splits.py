"""Splits: the rows that models learn from and those that they are judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from recsys_core.data import dataset as data
from recsys_core.errors import InputError, unknown_name
from recsys_core.front.wording import python_words
from recsys_core.protocols import split as core

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False, eq=False)
class Split(core.Split):
    """Train, validation and test rows of one data set under one protocol.

    `fingerprint` tells splits apart: results can be compared where it is the same.
    """

    @classmethod
    def of(cls, found: core.Split) -> Self:
        """Take the split that a protocol made."""
        return cls(**{each.name: getattr(found, each.name) for each in fields(core.Split)})

    def frame(self, part: core.Part) -> pd.DataFrame:
        """Give the rows of a part (``"train"``, ``"valid"``, ``"test"``), oldest first.

        Returns
        -------
        ``user`` and ``item``, original ids; ``rating`` or ``label``, and ``timestamp`` in seconds
        since 1970, where the set has them.
        """
        import pandas as pd

        if part not in core.PARTS:
            raise unknown_name("part of a split", part, core.PARTS)
        rows, dataset = getattr(self, part).rows, self.dataset
        found = {
            "user": dataset.user_ids[dataset.user[rows]],
            "item": dataset.item_ids[dataset.item[rows]],
        }
        if dataset.explicit:
            found["label" if dataset.labelled else "rating"] = dataset.rating[rows]
        if dataset.timed:
            found["timestamp"] = dataset.timestamp[rows]
        return pd.DataFrame(found)

    def __repr__(self) -> str:
        counts = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in core.PARTS)
        relevant = "" if self.threshold is None else f"; relevant from {self.threshold:g} on"
        return (
            f"Split of '{self.dataset.name}' by {self.protocol}: {counts} rows{relevant}\n"
            f"leaks: {self.leaks}\nfingerprint: {self.fingerprint}"
        )


def split(
    dataset: data.Dataset, protocol: str | Mapping[str, Any] = "user-timeline", **fields: Any
) -> Split:
    """Cut a data set into train, validation and test rows.

    Parameters
    ----------
    protocol
        The protocol's name (docs/protocols.md), or a
        mapping with ``name`` and fields, as in a suite.
    fields
        The protocol's fields that differ from their defaults: ``relevance=3``, ``k_core=5``.

    Raises
    ------
    InputError
        There is no such protocol or field, or it does not fit the data.

    Examples
    --------
    >>> from recsys_core import Dataset, split
    >>> parts = split(Dataset.load("sample"), "leave-last-out", relevance=None)
    >>> parts.frame("test").columns.tolist()
    ['user', 'item', 'rating', 'timestamp']
    """
    from recsys_core.protocols.registry import make_protocol

    if not isinstance(dataset, data.Dataset):
        raise InputError(
            f"split: {type(dataset).__name__} instead of a data set",
            "make one with Dataset.from_frame(…) or Dataset.load(NAME)",
        )
    values = {"name": protocol} if isinstance(protocol, str) else dict(protocol)
    with python_words():
        return Split.of(make_protocol({**values, **fields}).split(dataset))
