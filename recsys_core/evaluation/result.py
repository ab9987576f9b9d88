"""The outcome of an evaluation: per-user vectors first, their means and intervals last."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import IntArray

Vector = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Evaluation:
    """What a model achieved on one part of a split.

    Parameters
    ----------
    users
        Shape (n,): the users that were judged.
    user_metrics
        By metric name, shape (n,) each: the user's own value; NaN where it is not defined.
    metrics
        By metric name: the value over all judged users; NaN where it is not defined.
    ci95
        By metric name: the 95 % interval; metrics without one are missing.
    counts
        ``users`` judged, ``users_without_relevant``, ``cold_users``, ``cold_items`` and, for
        predictions, ``gauc_users_left_out``. Only where there are some: ``known_items``, places in
        lists that items take which their user knows; ``known_targets``, relevant items that their
        user knows where lists leave those out; and ``scores_outside_0_1``, rows for which there is
        no ``logloss`` and no ``ece``.
    linearised
        By metric name, shape (n,) each: where the metric weighs users, values whose plain mean it
        is; intervals of differences and paired tests take them (`tested`).
    problems
        By name of a metric of an extension that has no value: why.
    """

    users: IntArray
    user_metrics: dict[str, Vector]
    metrics: dict[str, float]
    ci95: dict[str, tuple[float, float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    linearised: dict[str, Vector] = field(default_factory=dict)

    def tested(self, metric: str) -> Vector:
        """Give the users' values whose mean is the metric, shape (n,); NaN users are left out."""
        return self.linearised.get(metric, self.user_metrics[metric])

    @classmethod
    def nothing(cls) -> Self:
        """Say that nobody was judged."""
        return cls(np.empty(0, dtype=np.int32), {}, {})

    def with_task(self, task: str, other: Evaluation) -> Evaluation:
        """Add what was found for another task of the same rows: ``auc`` becomes ``auc/love``."""
        return replace(
            self,
            user_metrics=self.user_metrics | _named(other.user_metrics, task),
            metrics=self.metrics | _named(other.metrics, task),
            ci95=self.ci95 | _named(other.ci95, task),
            problems=self.problems | _named(other.problems, task),
            linearised=self.linearised | _named(other.linearised, task),
        )


def _named(values: dict[str, T], task: str) -> dict[str, T]:
    return {f"{name}/{task}": value for name, value in values.items()}
