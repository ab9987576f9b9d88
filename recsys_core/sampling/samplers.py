"""Negative samplers: where the items come from that a liked item is told apart from."""

from __future__ import annotations

import math
from typing import Literal, Protocol

import torch
from torch import Tensor

SamplerName = Literal["uniform", "in-batch"]


class Sampler(Protocol):
    """Draws items with replacement and knows how likely each was.

    Draws use torch's global generator, which the training loop seeds for every epoch.
    """

    def draw(self, n: int | None, batch_items: Tensor) -> Tensor:
        """Draw negatives for one batch.

        Parameters
        ----------
        n
            How many; None takes everything there is once, without drawing.
        batch_items
            Shape (rows,), int64: the liked items of the batch.

        Returns
        -------
        Shape (n,), int64; with None as many as there are.
        """
        ...

    def log_probability(self, items: Tensor) -> Tensor:
        """Compute log q, the log of the probability that one draw gives each of `items`."""
        ...


class UniformSampler:
    """Every item of the catalogue is equally likely.

    Parameters
    ----------
    catalogue
        Shape (m,), int64: the items that may be drawn.
    """

    def __init__(self, catalogue: Tensor) -> None:
        self.catalogue = catalogue

    def draw(self, n: int | None, batch_items: Tensor) -> Tensor:
        """Draw from the catalogue, whatever the batch; None: the whole catalogue."""
        if n is None:
            return self.catalogue
        places = torch.randint(len(self.catalogue), (n,), device=self.catalogue.device)
        return self.catalogue[places]

    def log_probability(self, items: Tensor) -> Tensor:
        """log(1 / m) for every item."""
        return torch.full(items.shape, -math.log(len(self.catalogue)), device=items.device)


class InBatchSampler:
    """Negatives are the liked items of the batch, so an item is as likely as it is popular.

    Parameters
    ----------
    counts
        Shape (n_items,): train rows of each item.
    """

    def __init__(self, counts: Tensor) -> None:
        self.log_share = torch.log(counts.clamp(min=1).float() / counts.sum())

    def draw(self, n: int | None, batch_items: Tensor) -> Tensor:
        """Draw from the batch's rows; None: all of them."""
        if n is None:
            return batch_items
        return batch_items[torch.randint(len(batch_items), (n,), device=batch_items.device)]

    def log_probability(self, items: Tensor) -> Tensor:
        """Log of the item's share of the train rows."""
        return self.log_share[items]


def make_sampler(name: SamplerName, counts: Tensor) -> Sampler:
    """Build a sampler from `counts`, shape (n_items,): the train rows of each item.

    Only items with a train row are ever drawn.
    """
    if name == "uniform":
        return UniformSampler(counts.nonzero().squeeze(1))
    return InBatchSampler(counts)
