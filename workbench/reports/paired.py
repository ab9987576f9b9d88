"""Paired tests over the users of run folders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.significance import Comparison, paired_test
from workbench.reports.folder import ReportRun

#: users that both sides need to have before a test says anything
MIN_USERS = 2


def compare_users(
    ours: Sequence[ReportRun], theirs: Sequence[ReportRun], metric: str
) -> Comparison | None:
    """Test the difference ours - theirs of a per-user metric, over the users both have.

    A user's value is the mean over the runs (seeds) of a side.

    Returns
    -------
    None when a side has no values user by user, or they were not judged on the same split.
    """
    if len({run.split_fingerprint for run in [*ours, *theirs]}) != 1:
        return None
    return compare_values(user_means(ours, metric), user_means(theirs, metric))


def compare_values(left: Mapping[int, float], right: Mapping[int, float]) -> Comparison | None:
    """Test the difference of two sides' values by user; None where they share too few users."""
    users = sorted(left.keys() & right.keys())
    if len(users) < MIN_USERS:
        return None
    return paired_test(
        np.array([left[user] for user in users]), np.array([right[user] for user in users])
    )


def user_means(runs: Sequence[ReportRun], metric: str) -> dict[int, float]:
    """Average a metric over runs, for the users that all of them have."""
    values = [run.user_values(metric) for run in runs]
    if not values:
        return {}
    users = set(values[0]).intersection(*values[1:])
    return {user: sum(run[user] for run in values) / len(values) for user in users}


def corrected(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for their number by Holm's method; None stays None and is not counted."""
    adjusted = holm([math.nan if p is None else p for p in p_values])
    return [None if math.isnan(p) else p for p in adjusted]
