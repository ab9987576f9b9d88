"""What times say: pauses between events, how long ago they were, when a request comes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from recsys_core.data.dataset import TimeArray
from recsys_core.recall.sequences import Window

#: stretches of time are told apart by powers of two of their seconds: 0, 1, 2 and 3, 4 to 7, …
SPANS = 32
#: requests are told apart by so many moments, with about as many events each
MOMENTS = 32
#: and by the number of events before them: so many steps each time it doubles, up to a largest
STEPS_A_DOUBLING, MOST_STEPS = 4, 48


def moment_edges(timestamps: TimeArray) -> NDArray[np.int64]:
    """Cut the time that events cover into moments: their inner edges, shape (MOMENTS - 1,)."""
    if len(timestamps) == 0:
        return np.zeros(MOMENTS - 1, dtype=np.int64)
    return np.quantile(timestamps, np.arange(1, MOMENTS) / MOMENTS).astype(np.int64)


class Clock(nn.Module):
    """Embeddings of times; zeros at first, so that training starts from a net that reads none.

    A request comes at the time of the last known event, in training as when asked.

    Parameters
    ----------
    edges
        Shape (MOMENTS - 1,): of the moments.
    dim
        Length of the vectors.
    heads
        Of the attention that pools the history.
    """

    edges: Tensor
    spans: Tensor

    def __init__(self, edges: NDArray[np.int64], dim: int, heads: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.from_numpy(edges), persistent=False)
        powers = torch.tensor([2**power for power in range(SPANS - 1)])
        self.register_buffer("spans", powers, persistent=False)
        self.pause = nn.Parameter(torch.zeros(SPANS, dim))
        self.since = nn.Parameter(torch.zeros(SPANS, heads))
        self.moment = nn.Parameter(torch.zeros(MOMENTS, dim))
        self.count = nn.Parameter(torch.zeros(MOST_STEPS, dim))

    def pauses(self, window: Window) -> Tensor:
        """Embed the time from the event before to each event, shape (b, width, dim).

        Zero where there is no event; the first of a window is as if right after another.
        """
        times, known = window.times, window.items > 0
        before = F.pad(times, (1, 0))[:, :-1]
        followed = F.pad(known, (1, 0))[:, :-1]
        pauses = F.embedding(self._span(torch.where(followed, times - before, 0)), self.pause)
        return pauses * known[..., None]

    def recency(self, window: Window, queries: int) -> Tensor:
        """Weigh events by how long before a request they were: shape (b, queries, width, heads)."""
        ago = window.times[:, -queries:, None] - window.times[:, None]
        return F.embedding(self._span(ago), self.since)

    def requests(self, window: Window, queries: int) -> Tensor:
        """Embed the moment of each request, and the events before it: (b, queries, 2 * dim)."""
        moment = torch.bucketize(window.times[:, -queries:].contiguous(), self.edges, right=True)
        steps = (STEPS_A_DOUBLING * torch.log2(1.0 + window.counts)).long()
        count = F.embedding(steps.clamp(max=MOST_STEPS - 1), self.count)
        return torch.cat([F.embedding(moment, self.moment), count], dim=2)

    def _span(self, seconds: Tensor) -> Tensor:
        return torch.bucketize(seconds, self.spans, right=True)
