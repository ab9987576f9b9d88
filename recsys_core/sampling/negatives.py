"""The negatives of a batch, drawn as the configuration says, and its softmax loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recsys_core.compute.ranks import ALONE, Ranks
from recsys_core.compute.transfer import to_device
from recsys_core.sampling.config import SamplingConfig
from recsys_core.sampling.samplers import make_sampler
from recsys_core.sampling.softmax import Candidates, Excluded, sampled_softmax

#: the index is asked for so many items to find one that the user has not seen
DEPTH = 64

#: finds the best items of some queries: shape (n, dim) and k to item numbers of shape (n, k), which
#: are on the host
Search = Callable[[Tensor, int], Tensor]


class Positives:
    """Which items each user likes in the train rows.

    Parameters
    ----------
    users, items
        Shape (rows,), int64.
    """

    def __init__(self, users: Tensor, items: Tensor, n_users: int, n_items: int) -> None:
        self.n_items = n_items
        self.pairs = torch.unique(users * n_items + items)
        counts = torch.bincount(self.pairs // n_items, minlength=n_users)
        self.first = torch.cumsum(counts, 0) - counts
        self.length = counts

    def have(self, users: Tensor, items: Tensor) -> Tensor:
        """Tell, in shapes that broadcast, which of the users like which of the items."""
        keys = users * self.n_items + items
        place = torch.searchsorted(self.pairs, keys).clamp(max=len(self.pairs) - 1)
        found: Tensor = self.pairs[place] == keys
        return found

    def among(self, users: Tensor, candidates: Candidates) -> Tensor:
        """Shape (len(users), candidates), bool: which of the candidates each user likes."""
        lengths = self.length[users]
        row = torch.repeat_interleave(torch.arange(len(users), device=users.device), lengths)
        first = torch.cumsum(lengths, 0) - lengths
        event = torch.arange(len(row), device=row.device) + (self.first[users] - first)[row]
        return candidates.holding(row, self.pairs[event] % self.n_items, len(users))


class Negatives:
    """Draws the negatives of a batch and computes its softmax loss.

    They are drawn and sorted on the host, so that they are the same on every device and a GPU is
    never waited for; hard negatives alone are looked for with what it has computed.

    Parameters
    ----------
    counts
        Shape (n_items,): liked train rows of each item.
    positives
        What to leave out.
    ranks
        The processes that share a batch: each contrasts its part with the negatives of all of it.
    """

    search: Search | None = None
    """Finds hard negatives; set anew every epoch where the configuration wants some."""

    def __init__(
        self,
        config: SamplingConfig,
        counts: Tensor,
        positives: Positives,
        ranks: Ranks = ALONE,
    ) -> None:
        self.ranks = ranks
        self.config, self.positives, self.n_items = config, positives, len(counts)
        self.sampler = make_sampler(config, counts)
        self.room = torch.zeros(len(counts), dtype=torch.long, device=counts.device)

    def loss(
        self,
        queries: Tensor,
        users: Tensor,
        row: Tensor,
        liked: Tensor,
        logits: Callable[[Tensor], Tensor],
        weight: Tensor | None = None,
        excluded: Excluded | None = None,
    ) -> Tensor:
        """Compute the mean loss of liked items.

        Parameters
        ----------
        queries, users
            Shapes (q, dim) and (q,): what asks, and for whom. All but `queries` is on the host.
        row, liked, weight
            Shape (rows,) each: query and number of each liked item, and what it counts.
        logits
            Scores items, shape (c,), on the device of the queries, for all queries: shape (q, c).
        excluded
            What else is no negative of a query.

        Returns
        -------
        Scalar.
        """
        batch_items = self.ranks.joined(liked) if self.config.reads_batch else liked
        negatives = self.sampler.draw(self.config.negatives, batch_items, self.ranks.draws)
        if self.config.hard_negatives:
            negatives = torch.cat([negatives, self.hard(queries.detach(), users)])
        candidates = Candidates.of(liked, negatives, self.room)
        device = queries.device
        scores, positive = logits(to_device(candidates.items, device)), None
        if self.config.logq:
            if not self.config.logq_positive:
                positive = scores[to_device(row, device), to_device(candidates.target, device)]
            log_q = self.sampler.log_probability(candidates.items)
            scores = scores - to_device(log_q, device)
        out = self._out(users, candidates, excluded)
        return sampled_softmax(
            scores, row, candidates, positive=positive, excluded=out, weight=weight
        )

    def _out(
        self, users: Tensor, candidates: Candidates, excluded: Excluded | None
    ) -> Tensor | None:
        """Shape (q, c), bool: candidates that are no negatives of a query; None: all are."""
        out = None
        if excluded is not None:
            out = candidates.holding(excluded.query, excluded.items, len(users))
        if self.config.exclude_seen:
            seen = self.positives.among(users, candidates)
            out = seen if out is None else seen | out
        return out

    def hard(self, queries: Tensor, users: Tensor) -> Tensor:
        """Find the best unseen item of some queries, shape (at most hard_negatives,)."""
        assert self.search is not None
        count = self.config.hard_negatives
        turns = torch.randperm(len(queries))
        some = turns.repeat(-(-count // len(queries)))[:count]
        found = self.search(queries[to_device(some, queries.device)], DEPTH)
        fresh = (found >= 0) & ~self.positives.have(users[some][:, None], found.clamp(min=0))
        rank = torch.cumsum(fresh, dim=1)
        # a query that asks again, because there are fewer queries, gets its next best item
        turn = torch.arange(count, device=some.device) // len(queries) + 1
        return found[fresh & (rank == turn[:, None])]
