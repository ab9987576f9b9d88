"""A protocol: the last days are test, as many before them validation."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from recsys_core.data.dataset import Dataset, TimeArray
from recsys_core.protocols.base import TEST, TRAIN, VALID, Cut, ProtocolConfig
from recsys_core.protocols.registry import register_protocol

SECONDS_A_DAY = 86_400


@register_protocol
class LastDays(ProtocolConfig):
    """All rows of the last days are test, those of as many days before them validation."""

    name: ClassVar[str] = "last-days"
    leaks: ClassVar[str] = "Leaks nothing: every train row is from before every test row."
    by_time: ClassVar[bool] = True

    days: int = Field(
        7, ge=1, le=10_000, description="Days of the test part, and of the validation part."
    )

    def _cut(self, dataset: Dataset, rows: TimeArray) -> Cut:
        times = dataset.timestamp[rows]
        ends = times.max() + 1 - np.array([2, 1]) * self.days * SECONDS_A_DAY
        part = np.array([TRAIN, VALID, TEST], dtype=np.int8)[np.searchsorted(ends, times, "right")]
        return Cut(part)
