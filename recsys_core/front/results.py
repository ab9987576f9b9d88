"""Results: metrics with their intervals, user by user, and what was recommended or predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys_core.data.dataset import TextArray
from recsys_core.evaluation.result import Vector
from recsys_core.front.shown import Row, as_html, as_text, between, number, telling
from recsys_core.pipeline.result import RunResult
from recsys_core.registry import Stage

if TYPE_CHECKING:
    import pandas as pd

HEADERS = ("metric", "value", "95 % interval")


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """What a model achieved on the test rows of a split.

    Parameters
    ----------
    run
        All that is known of it; the rest are shorter ways to parts of it.
    """

    run: RunResult

    @property
    def label(self) -> str:
        """Its name, e.g. the model's."""
        return self.run.spec.name

    @property
    def stage(self) -> Stage:
        """``recall``, ``ranking`` or ``two-stage``."""
        return self.run.stage

    @property
    def metrics(self) -> dict[str, float]:
        """Values by metric name; NaN where a metric is not defined."""
        return self.run.metrics

    @property
    def ci95(self) -> dict[str, tuple[float, float]]:
        """95 % intervals by metric name; metrics without one are missing."""
        return self.run.judged.evaluation.ci95

    @property
    def counts(self) -> dict[str, int]:
        """How many users were judged, were left out, had no history."""
        return self.run.judged.evaluation.counts

    @property
    def file_counts(self) -> dict[str, int]:
        """What was found in scores from elsewhere, by name; empty for others."""
        return self.run.file_counts

    @property
    def users(self) -> TextArray:
        """Shape (n,): original ids of the users that were judged."""
        return self.run.split.dataset.user_ids[self.run.judged.evaluation.users]

    @property
    def user_metrics(self) -> dict[str, Vector]:
        """By metric name, shape (n,) each: the value of each of `users`; NaN where undefined."""
        return self.run.judged.evaluation.user_metrics

    def frame(self) -> pd.DataFrame:
        """Give the metrics user by user: a row per user, by original id, a column per metric."""
        import pandas as pd

        return pd.DataFrame(self.user_metrics, index=pd.Index(self.users, name="user"))

    def summary(self) -> pd.DataFrame:
        """Give value and 95 % interval (``low``, ``high``) of every metric, a row each."""
        import pandas as pd

        none = (np.nan, np.nan)
        rows = [(value, *self.ci95.get(name, none)) for name, value in self.metrics.items()]
        index = pd.Index(self.metrics, name="metric")
        return pd.DataFrame(rows, index=index, columns=["value", "low", "high"])

    def lists(self) -> pd.DataFrame:
        """Give what was recommended to each user, the best first, at most 100 items.

        Returns
        -------
        ``user``, ``rank``, ``item``, ``score``; of a ranking model, which makes no lists, no row.
        """
        import pandas as pd

        dataset, top = self.run.split.dataset, self.run.judged.recommendations
        if top is None:
            return pd.DataFrame(columns=["user", "rank", "item", "score"])
        row, place = np.nonzero(top.items >= 0)
        return pd.DataFrame(
            {
                "user": dataset.user_ids[top.users[row]],
                "rank": place + 1,
                "item": dataset.item_ids[top.items[row, place]],
                "score": top.scores[row, place],
            }
        )

    def predictions(self) -> pd.DataFrame:
        """Give the test rows of a ranking model.

        Returns
        -------
        ``user``, ``item``, ``label``, and ``score``, the predicted probability; no row for others.
        """
        import pandas as pd

        dataset, rows = self.run.split.dataset, self.run.judged.rows
        if rows is None:
            return pd.DataFrame(columns=["user", "item", "label", "score"])
        return pd.DataFrame(
            {
                "user": dataset.user_ids[rows.users],
                "item": dataset.item_ids[rows.items],
                "label": rows.labels,
                "score": rows.scores,
            }
        )

    def content(self) -> dict[str, Any]:
        """Give all but what is kept per user as plain values, as a run's metrics.json has it."""
        return self.run.content()

    def __repr__(self) -> str:
        return f"{self._title()}\n{as_text(HEADERS, self._rows())}"

    def _repr_html_(self) -> str:
        return as_html(self._title(), HEADERS, self._rows())

    def _title(self) -> str:
        split = self.run.split
        return (
            f"{self.label} on '{split.dataset.name}' by {split.protocol}:"
            f" {self.counts['users']:,} users"
        )

    def _rows(self) -> list[Row]:
        names = telling(self.metrics)
        return [(name, number(self.metrics[name]), between(self.ci95.get(name))) for name in names]
