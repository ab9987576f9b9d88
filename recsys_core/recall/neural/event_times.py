"""What the times of events say: the interval before each, and how long before a request it was."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.recall.neural.sequences import Window

#: a time span is known by the power of two of its seconds: 0, 1, 2 and 3, 4 to 7, …
SPANS = 32


class _Spans(nn.Module):
    """A row of numbers for each span; zeros at first: training starts from a net without times."""

    limits: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        powers = torch.tensor([2**power for power in range(SPANS - 1)])
        self.register_buffer("limits", powers, persistent=False)
        self.table = nn.Parameter(torch.zeros(SPANS, width))

    def forward(self, seconds: Tensor) -> Tensor:
        """Look up spans of any shape."""
        found: Tensor = F.embedding(torch.bucketize(seconds, self.limits, right=True), self.table)
        return found


class Intervals(_Spans):
    """Embed the time from the event before to each event."""

    def of(self, window: Window) -> Tensor:
        """Shape (b, width, dim)."""
        intervals: Tensor = self(window.intervals)
        return intervals


class Recency(_Spans):
    """Weigh events, in each attention head, by how long before the request they were."""

    def of(self, window: Window, queries: int) -> Tensor:
        """Shape (b, queries, width, heads)."""
        weights: Tensor = self(window.asked[:, -queries:, None] - window.times[:, None])
        return weights
