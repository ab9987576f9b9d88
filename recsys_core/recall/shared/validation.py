"""The validation metric of recall models that learn by epochs."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys_core.compute.ranks import ALONE, Ranks
from recsys_core.data.interactions import Histories, Interactions
from recsys_core.evaluation.accuracy import accuracy_metrics
from recsys_core.recall.base import RecallModel
from recsys_core.recall.shared.spread import recommend_together

#: so many users tell epochs apart well enough, at a fraction of the time of all
USERS = 2048
METRIC = "ndcg@10"


class Validation:
    """ndcg@10 over users with a relevant validation row, on the full catalogue.

    Parameters
    ----------
    valid
        The validation rows; None or rows without a relevant one: nothing to measure.
    ranks
        The processes that measure together; every one of them must.
    """

    def __init__(self, valid: Interactions | None, ranks: Ranks = ALONE) -> None:
        self.ranks = ranks
        positives = valid.positives() if valid is not None else None
        self.users = np.empty(0, dtype=np.int64)
        if positives is None or len(positives) == 0:
            return
        self.pairs = np.unique(positives.pairs())
        users, relevant = np.unique(self.pairs // positives.n_items, return_counts=True)
        chosen = np.random.default_rng(0).permutation(len(users))[:USERS]
        self.users, self.relevant = users[chosen], relevant[chosen]
        self.rows = positives
        self.queries: Histories | None = None
        if positives.query is not None:
            nothing = positives.where(np.zeros(len(positives), dtype=np.bool_))
            self.queries = nothing.with_query_of(positives).histories().take(self.users)

    def __call__(self, model: RecallModel[Any]) -> dict[str, float]:
        """Recommend to the users and judge the lists; empty without users."""
        if len(self.users) == 0:
            return {}
        # those that the model knows, unless it knows nothing of users held out
        known = None
        if self.queries is not None:
            known = model.histories_of(self.users).or_else(self.queries)
        elif self.rows.request_time != "last":
            known = self.rows.asked(self.users, model.histories_of(self.users))
        items = recommend_together(model, self.users, 10, self.ranks, known).items
        hits = np.isin(self.users[:, None] * model.n_items + items, self.pairs) & (items >= 0)
        return {METRIC: float(accuracy_metrics(hits, self.relevant, [10])[METRIC].mean())}
