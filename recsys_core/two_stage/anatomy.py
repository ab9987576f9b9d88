"""What each part of a two-stage recommender contributes: channels, pool, merge order, ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys_core.compute.blocks import map_blocks
from recsys_core.data.dataset import BoolArray, IntArray, TimeArray
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.evaluation.accuracy import accuracy_metrics
from recsys_core.recall.lists import BLOCK_SCORES
from recsys_core.retrieval.topk import top_k
from recsys_core.two_stage.model import TwoStage

Vector = NDArray[np.float64]

#: lists of channels and pools are also judged at this length
DEPTH = 200
CUTOFF = 10


def part_metrics(
    model: TwoStage, users: IntArray, histories: Histories, ranked: IntArray, judged: Interactions
) -> dict[str, Vector]:
    """Judge channels, pool, merge order and the best order there could be.

    Names, each a value per user:

    - ``channel/LABEL/recall@K`` and ``…/ndcg@10``: the channel alone, on the full catalogue.
    - ``channel/LABEL/only``: share of the relevant items that no other channel proposed.
    - ``candidates/recall``: share of the relevant items in the pool; ``candidates/size``.
    - ``candidates/recall@200``: in its best 200 by the ranker.
    - ``merge/…``: the pool in merge order, before any ranking.
    - ``oracle/…``: the pool with all relevant items first: the ceiling of ranking.

    Parameters
    ----------
    users
        Shape (n,): each with at least one relevant row.
    histories
        n rows: what is known of them.
    ranked
        Shape (n, width): their pools as ranked, best first, -1 where a list is short.
    judged
        The rows that tell what is relevant.
    """
    n_items = model.n_items
    pairs = judged.positives().pairs()
    relevant = np.bincount(pairs // n_items, minlength=judged.n_users)[users]

    def work(block: slice) -> dict[str, Vector]:
        rows = np.arange(block.start, block.stop)
        parts = _Parts(model, users[rows], histories.take(rows), pairs, relevant[rows])
        return {**parts.channels(), **parts.pool(ranked[rows])}

    size = max(1, BLOCK_SCORES // (n_items * len(model.channel_names)))
    found = map_blocks(work, len(users), size)
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


class _Parts:
    """One block of users."""

    def __init__(
        self,
        model: TwoStage,
        users: IntArray,
        histories: Histories,
        pairs: TimeArray,
        relevant: TimeArray,
    ) -> None:
        self.model, self.users, self.pairs, self.relevant = model, users, pairs, relevant
        exclude = model.excludes(None)
        self.scores = model.stage.score(users, histories, exclude_seen=exclude)
        self.merged = model.stage.pool(self.scores)

    def hits(self, items: IntArray) -> BoolArray:
        """Shape of `items`: which are relevant."""
        keys = self.users[:, None].astype(np.int64) * self.model.n_items + items
        found: BoolArray = np.isin(keys, self.pairs) & (items >= 0)
        return found

    def channels(self) -> dict[str, Vector]:
        """Judge every channel alone, and what it alone brings."""
        metrics: dict[str, Vector] = {}
        own = self.hits(self.merged.items)[:, :, None] & self.merged.sources
        alone = own & (self.merged.sources.sum(axis=2, keepdims=True) == 1)
        for number, label in enumerate(self.model.channel_names):
            items, _ = top_k(self.scores[number], DEPTH, self.model.tie_rank)
            values = self._accuracy(self.hits(items), (CUTOFF, DEPTH))
            metrics |= {f"channel/{label}/{name}": value for name, value in values.items()}
            metrics[f"channel/{label}/only"] = alone[:, :, number].sum(axis=1) / self.relevant
        return metrics

    def pool(self, ranked: IntArray) -> dict[str, Vector]:
        """Judge the pool in merge order, as ranked, and in the best order."""
        hits = self.hits(self.merged.items)
        best = np.sort(hits, axis=1)[:, ::-1]
        metrics = {
            "candidates/recall": hits.sum(axis=1) / self.relevant,
            "candidates/size": (self.merged.items >= 0).sum(axis=1).astype(np.float64),
        }
        for part, some in (("candidates", self.hits(ranked)), ("merge", hits), ("oracle", best)):
            values = self._accuracy(some, (CUTOFF, DEPTH))
            if part == "candidates":
                values = {name: v for name, v in values.items() if name == f"recall@{DEPTH}"}
            metrics |= {f"{part}/{name}": value for name, value in values.items()}
        return metrics

    def _accuracy(self, hits: BoolArray, ks: Sequence[int]) -> dict[str, Vector]:
        """Compute ndcg@10 and recall at each K."""
        hits = np.pad(hits, ((0, 0), (0, max(0, max(ks) - hits.shape[1]))))
        metrics = accuracy_metrics(hits, self.relevant, ks)
        kept = [f"ndcg@{CUTOFF}", *(f"recall@{k}" for k in ks)]
        return {name: metrics[name] for name in kept}
