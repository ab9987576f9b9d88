"""What a report needs of a run folder, read once from its files (runs/README.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.store.comparing import not_judged, rows_seen, seen_rows
from workbench.store.files import without_nan
from workbench.store.metrics_json import updated_from
from workbench.store.packed import OfUsers, metric_names, metric_of_users
from workbench.store.runs import ENVIRONMENT, RESULTS, read_run


@dataclass(frozen=True)
class ReportRun:
    """A run as one report shows it.

    Parameters
    ----------
    label
        Unique in a report together with the seed.
    state, reason
        From status.json; `reason` says why there is no result.
    spec
        Content of spec.yaml; like all content here without NaN and infinities.
    result
        Content of metrics.json; empty for a run without a result.
    environment
        Content of environment.json; empty when the run never got that far.
    """

    path: Path
    label: str
    model: str
    seed: int
    state: str
    reason: str | None
    spec: Mapping[str, Any]
    result: Mapping[str, Any]
    environment: Mapping[str, Any]
    reused: bool = False

    @property
    def run_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def succeeded(self) -> bool:
        """Whether there is a result."""
        return self.state == "succeeded"

    @property
    def refit_of(self) -> str:
        """Id of the run that this one fits on all rows, without judging it; else empty."""
        return self.result.get("refit_of") or ""

    @property
    def updated_from(self) -> str:
        """Id of the run that this one updates; else empty."""
        return updated_from(self.result)

    def check_unseen(self, other: ReportRun) -> None:
        """Raise InputError for a run before this update whose test rows this one learned from."""
        split, other_split = self.split_fingerprint, other.split_fingerprint
        seen = rows_seen(self.result, split, other.run_id, other_split)
        if seen is not None:
            raise seen_rows(self.run_id, other.run_id, *seen)

    def check_judged(self, use: str) -> None:
        """Raise InputError for a run that was fitted on all rows: it has no values.

        Parameters
        ----------
        use
            What it was named for, e.g. ``"baseline"``.
        """
        if self.refit_of:
            raise not_judged(use, self.run_id, self.refit_of)

    @property
    def split_fingerprint(self) -> str | None:
        """What the run was judged on; None for a run without a result."""
        fingerprint: str | None = self.result.get("protocol", {}).get("fingerprint")
        return fingerprint

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """Values by metric name, None where a metric is not defined."""
        metrics: Mapping[str, float | None] = self.result.get("metrics", {})
        return metrics

    @cached_property
    def user_metrics(self) -> frozenset[str]:
        """Metrics that results.sqlite has user by user; none when the file was thinned out."""
        path = self.path / RESULTS
        return frozenset(metric_names(path)) if path.is_file() else frozenset()

    def values_of_users(self, metric: str, *, tested: bool = False) -> OfUsers:
        """Read a metric of `user_metrics`, of the users for whom it is finite.

        Parameters
        ----------
        tested
            Whether the values are those that a test takes: their mean is the metric.
        """
        import numpy as np

        if metric not in self.user_metrics:
            return OfUsers.nobody()
        users, values = metric_of_users(self.path / RESULTS, metric, tested=tested)
        known = np.isfinite(values)
        return OfUsers(users[known], values[known])


def read_report_run(path: Path, *, label: str = "", reused: bool = False) -> ReportRun:
    """Read a run folder.

    Parameters
    ----------
    label
        Name in the report; empty: the one that the run was made with.

    Raises
    ------
    StoreError
        No run folder, or a file in it is missing or damaged.
    """
    run = read_run(path)
    status = run.status()
    result = without_nan(run.metrics) if status.state == "succeeded" else {}
    spec = without_nan(run.spec)
    model = str(spec.get("model", ""))
    return ReportRun(
        path=path,
        label=label or str(result.get("label") or spec.get("label") or model),
        model=model,
        seed=int(spec.get("seed", 0)),
        state=status.state,
        reason=status.reason,
        spec=spec,
        result=result,
        environment=without_nan(run.environment) if (path / ENVIRONMENT).is_file() else {},
        reused=reused,
    )


def by_label(runs: Iterable[ReportRun]) -> dict[str, list[ReportRun]]:
    """Group runs by label, in the order in which labels first appear."""
    groups: dict[str, list[ReportRun]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    return groups


def mean(values: Sequence[float | None]) -> float | None:
    """Average; None when there is no value or one of them is not defined."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return math.fsum(known) / len(known)


def mean_of(runs: Iterable[ReportRun], metric: str) -> float | None:
    """Average a metric over the runs that have a result."""
    return mean([run.metrics.get(metric) for run in runs if run.succeeded])
