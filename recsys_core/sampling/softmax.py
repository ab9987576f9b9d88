"""Sampled softmax: each liked item against negatives that a batch of queries shares."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Candidates:
    """The items a batch scores, each once: its liked items and its negatives.

    Parameters
    ----------
    items
        Shape (c,), int64: distinct items, ascending.
    drawn
        Shape (c,), int64: how often each was drawn as a negative.
    target
        Shape (rows,), int64: the place in `items` of each row's liked item.
    """

    items: Tensor
    drawn: Tensor
    target: Tensor

    @classmethod
    def of(cls, liked: Tensor, negatives: Tensor, n_items: int) -> Candidates:
        """Merge the rows' liked items, shape (rows,), and the draws, shape (n,)."""
        drawn = torch.bincount(negatives, minlength=n_items)
        present = drawn > 0
        present[liked] = True
        items = present.nonzero().squeeze(1)
        place = torch.cumsum(present, 0) - 1
        return cls(items, drawn[items], place[liked])


def sampled_softmax(logits: Tensor, query: Tensor, candidates: Candidates) -> Tensor:
    """Compute the mean of -log(exp(s_i) / (exp(s_i) + sum of exp(s_j) over the negatives j != i)).

    A negative that is the row's own item (an accidental hit) is left out of the sum. With logQ
    correction the caller has subtracted log q from all logits, after the temperature: cos / T -
    log q (Yi et al.: Sampling-bias-corrected neural modeling for large corpus item
    recommendations. RecSys 2019).

    Parameters
    ----------
    logits
        Shape (queries, c): score of every candidate.
    query
        Shape (rows,), int64: the row of `logits` that each liked item belongs to.
    candidates
        What the columns are.

    Returns
    -------
    Scalar.
    """
    repeats = torch.log(candidates.drawn.to(logits.dtype))  # -inf for what was never drawn
    log_sum = torch.logsumexp(logits + repeats, dim=1)
    flat = query * logits.shape[1] + candidates.target
    difference = logits.flatten()[flat] - log_sum[query]
    hits = candidates.drawn[candidates.target].to(logits.dtype)
    # An item that was drawn h times stands h times in the sum and must stand in it once: the sum
    # becomes sum + (1 - h) exp(s), which in logs is safe, since h exp(s) is at most the sum. With
    # h = 0 it is added by softplus, which cannot overflow.
    share = torch.exp(difference.clamp(max=0.0))
    once = torch.log1p((1 - hits).clamp(max=0.0) * share)
    added = F.softplus(difference)
    return (torch.where(hits > 0, once, added) - difference).mean()
