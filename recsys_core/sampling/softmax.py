"""Sampled softmax: each liked item against negatives that a batch of queries shares."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from recsys_core.compute.transfer import to_device

#: a logit that no softmax gives a share to, yet finite: a row of nothing else stays a number
MASKED = -1e9
#: the same beside logits without bounds, such as the scores of all items
_EXCLUDED = -1e30
#: least share of a sum that is left when its accidental hits are taken out
LEAST = 1e-12
#: items of the catalogue per item of a batch, from which those of the batch are sorted
SPARSE = 8


@dataclass(frozen=True)
class Excluded:
    """Items that are no negatives of queries, those of the first query first.

    Parameters
    ----------
    items
        Shape (e,), int64.
    ends
        Shape (q,), int64: items up to the last one of each query.
    """

    items: Tensor
    ends: Tensor

    @property
    def query(self) -> Tensor:
        """Shape (e,), int64: the query that each item belongs to."""
        count = torch.diff(self.ends, prepend=self.ends.new_zeros(1))
        return torch.arange(len(count), device=count.device).repeat_interleave(count)

    def part(self, start: int, stop: int) -> Excluded:
        """Those of the queries from `start` up to `stop`."""
        first = int(self.ends[start - 1]) if start else 0
        ends = self.ends[start:stop]
        return Excluded(self.items[first : int(ends[-1])], ends - first)


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
    place
        Shape (n_items,), int64: the place in `items` of each item that is there; any of others.
    """

    items: Tensor
    drawn: Tensor
    target: Tensor
    place: Tensor

    @classmethod
    def of(cls, liked: Tensor, negatives: Tensor, room: Tensor) -> Candidates:
        """Merge the rows' liked items, shape (rows,), and the draws, shape (n,).

        Parameters
        ----------
        room
            Shape (n_items,), int64: memory for `place`, which a later batch may use again.
        """
        if len(room) > SPARSE * (len(liked) + len(negatives)):
            items, at = torch.unique(torch.cat([liked, negatives]), return_inverse=True)
            drawn = torch.bincount(at[len(liked) :], minlength=len(items))
        else:
            counts = torch.bincount(negatives, minlength=len(room))
            present = counts > 0
            present[liked] = True
            items = present.nonzero().squeeze(1)
            drawn = counts[items]
        room[items] = torch.arange(len(items), device=items.device)
        return cls(items, drawn, room[liked], room)

    def holding(self, row: Tensor, item: Tensor, rows: int) -> Tensor:
        """Mark the candidates among pairs of a row and an item, shape (rows, c), bool."""
        place = self.place[item].clamp(max=len(self.items) - 1)
        present = self.items[place] == item
        held = torch.zeros(rows, len(self.items), dtype=torch.bool, device=item.device)
        held[row[present], place[present]] = True
        return held


def at_least_float32(values: Tensor) -> Tensor:
    """Give values of fewer digits the type in which sums are taken."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def sampled_softmax(
    logits: Tensor,
    query: Tensor,
    candidates: Candidates,
    *,
    positive: Tensor | None = None,
    excluded: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Compute the mean of -log(exp(s_i) / (exp(s_i) + sum of exp(s_j) over the negatives j != i)).

    A negative that is the row's own item (an accidental hit) is left out of the sum. With logQ
    correction the caller has subtracted log q from all logits, after the temperature: cos / T -
    log q (Yi et al.: Sampling-bias-corrected neural modeling for large corpus item
    recommendations. RecSys 2019).

    Parameters
    ----------
    logits
        Shape (queries, c): score of every candidate. What else there is may be on the host.
    query
        Shape (rows,), int64: the row of `logits` that each liked item belongs to.
    candidates
        What the columns are.
    positive
        Shape (rows,): s_i where it is not that of `logits`; None: it is.
    excluded
        Shape (queries, c), bool: candidates that are no negatives of the query; None: all are.
    weight
        Shape (rows,): what each row counts; None: all the same.

    Returns
    -------
    Scalar.
    """
    device, logits = logits.device, at_least_float32(logits)
    flat = query * logits.shape[1] + candidates.target
    own = logits.flatten()[to_device(flat, device)]
    repeats = torch.log(candidates.drawn.to(logits.dtype))  # -inf for what was never drawn
    counted = logits + to_device(repeats, device)
    hits = candidates.drawn[candidates.target].to(logits.dtype)
    if excluded is not None:
        counted = counted.masked_fill(to_device(excluded, device), _EXCLUDED)
        hits = hits * ~excluded.flatten()[flat]
    hits = to_device(hits, device)
    log_sum = torch.logsumexp(counted, dim=1)[to_device(query, device)]
    share = torch.exp((own - log_sum).clamp(max=0.0))
    if positive is None:
        losses = _with_own_once(own - log_sum, hits, share)
    else:
        rest = torch.log((1 - hits * share).clamp(min=LEAST))
        difference = positive - log_sum
        losses = torch.logaddexp(rest, difference) - difference
    if weight is None:
        return losses.mean()
    weight = to_device(weight, device)
    return (losses * weight).sum() / weight.sum()


def _with_own_once(difference: Tensor, hits: Tensor, share: Tensor) -> Tensor:
    """Losses where the row's own item stands `hits` times in the sum and must stand in it once.

    The sum becomes sum + (1 - h) exp(s), which in logs is safe, since h exp(s) is at most the sum.
    With h = 0 it is added by softplus, which cannot overflow.
    """
    once = torch.log1p((1 - hits).clamp(max=0.0) * share)
    return torch.where(hits > 0, once, F.softplus(difference)) - difference
