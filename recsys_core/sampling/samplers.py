"""Negative samplers: where the negatives of a positive come from."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor

from recsys_core.compute.powers import power
from recsys_core.sampling.config import SamplingConfig

Draws = torch.Generator | None


class Sampler(Protocol):
    """Draws items with replacement and knows how likely each was.

    Draws use torch's global generator, which the training loop seeds for every epoch, or the one
    that is given.
    """

    def draw(self, n: int | None, batch_items: Tensor, generator: Draws = None) -> Tensor:
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

    def draw(self, n: int | None, batch_items: Tensor, generator: Draws = None) -> Tensor:
        """Draw from the catalogue, whatever the batch; None: the whole catalogue."""
        if n is None:
            return self.catalogue
        places = torch.randint(
            len(self.catalogue), (n,), device=self.catalogue.device, generator=generator
        )
        return self.catalogue[places]

    def log_probability(self, items: Tensor) -> Tensor:
        """log(1 / m) for every item."""
        return torch.full(items.shape, -math.log(len(self.catalogue)), device=items.device)


class PopularitySampler:
    """An item with c train rows is drawn with probability c^exponent / sum of c^exponent.

    Parameters
    ----------
    counts
        Shape (n_items,): train rows of each item.
    """

    def __init__(self, counts: Tensor, exponent: float) -> None:
        self.catalogue = counts.nonzero().squeeze(1)
        raised = power(counts[self.catalogue].cpu().numpy(), exponent)
        weights = torch.from_numpy(raised).to(counts.device)
        self.cumulated = torch.cumsum(weights, 0)
        self.log_share = torch.full(counts.shape, -math.inf, device=counts.device)
        self.log_share[self.catalogue] = torch.log(weights / weights.sum()).float()

    def draw(self, n: int | None, batch_items: Tensor, generator: Draws = None) -> Tensor:
        """Draw from the catalogue, whatever the batch; None: the whole catalogue, once."""
        if n is None:
            return self.catalogue
        device = self.cumulated.device
        share = torch.rand(n, dtype=torch.float64, device=device, generator=generator)
        place = torch.searchsorted(self.cumulated, share * self.cumulated[-1], right=True)
        return self.catalogue[place.clamp(max=len(self.catalogue) - 1)]

    def log_probability(self, items: Tensor) -> Tensor:
        """Log of the item's share; -inf for items without a train row."""
        return self.log_share[items]


class InBatchSampler:
    """Negatives are the liked items of the batch, so an item is as likely as it is popular.

    Parameters
    ----------
    counts
        Shape (n_items,): train rows of each item.
    """

    def __init__(self, counts: Tensor) -> None:
        self.log_share = torch.log(counts.clamp(min=1).float() / counts.sum())

    def draw(self, n: int | None, batch_items: Tensor, generator: Draws = None) -> Tensor:
        """Draw from the batch's rows; None: all of them."""
        if n is None:
            return batch_items
        device = batch_items.device
        return batch_items[
            torch.randint(len(batch_items), (n,), device=device, generator=generator)
        ]

    def log_probability(self, items: Tensor) -> Tensor:
        """Log of the item's share of the train rows."""
        return self.log_share[items]


class MixedSampler:
    """A share of the negatives comes from the batch, the rest evenly from the catalogue.

    In-batch negatives alone never show what nobody likes (Yang et al.: Mixed negative sampling for
    learning two-tower neural networks in recommendations. WWW 2020). A draw gives item i with
    probability q_i = share c_i / sum of c + (1 - share) / m.

    Parameters
    ----------
    counts
        Shape (n_items,): train rows of each item.
    share
        Of the batch's items among the negatives, between 0 and 1.
    """

    def __init__(self, counts: Tensor, share: float) -> None:
        self.in_batch = InBatchSampler(counts)
        self.uniform = UniformSampler(counts.nonzero().squeeze(1))
        self.share = share

    def draw(self, n: int | None, batch_items: Tensor, generator: Draws = None) -> Tensor:
        """Draw from both; None: all of the batch and as many others as the share asks for."""
        from_batch = len(batch_items) if n is None else round(n * self.share)
        others = round(from_batch * (1 / self.share - 1)) if n is None else n - from_batch
        batch = self.in_batch.draw(None if n is None else from_batch, batch_items, generator)
        return torch.cat([batch, self.uniform.draw(others, batch_items, generator)])

    def log_probability(self, items: Tensor) -> Tensor:
        """Log of the mixture's probability."""
        return torch.logaddexp(
            self.in_batch.log_probability(items) + math.log(self.share),
            self.uniform.log_probability(items) + math.log(1 - self.share),
        )


def make_sampler(config: SamplingConfig, counts: Tensor) -> Sampler:
    """Build the sampler of a configuration.

    Parameters
    ----------
    counts
        Shape (n_items,): the train rows of each item. Only items with one are ever drawn.
    """
    if config.sampler == "uniform":
        return UniformSampler(counts.nonzero().squeeze(1))
    if config.sampler == "popularity":
        return PopularitySampler(counts, config.popularity_power)
    if config.sampler == "mixed":
        return MixedSampler(counts, config.in_batch_share)
    return InBatchSampler(counts)
