"""Paired tests over the users of run folders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.significance import Comparison, paired_test
from recsys_core.evaluation.tested import is_of_difference
from workbench.reports.folder import ReportRun, mean_of
from workbench.store.packed import OfUsers

#: users that both sides need to have before a test says anything
MIN_USERS = 2


@dataclass(frozen=True)
class Tested:
    """What a test says of a difference.

    Parameters
    ----------
    test
        None where a side has no values user by user, or they are not of the difference.
    unweighed
        Whether there are values of users whose mean is not the difference, as in runs of earlier
        versions, which do not say what each user weighs.
    """

    test: Comparison | None = None
    unweighed: bool = False

    @property
    def p_value(self) -> float | None:
        """The test's, None without one."""
        return self.test.p_value if self.test else None


def compare_users(ours: Sequence[ReportRun], theirs: Sequence[ReportRun], metric: str) -> Tested:
    """Test the difference ours - theirs of a metric over the users both have.

    A user's value is the mean over the runs (seeds) of a side. There is no test when they were not
    judged on the same split.
    """
    if len({run.split_fingerprint for run in [*ours, *theirs]}) != 1:
        return Tested()
    values = mean_of(ours, metric), mean_of(theirs, metric)
    return compare_values(user_means(ours, metric), user_means(theirs, metric), *values)


def compare_values(
    left: OfUsers, right: OfUsers, value: float | None, base: float | None
) -> Tested:
    """Test the difference ``value - base`` of a metric by the values of two sides' users."""
    users, ours, theirs = np.intersect1d(
        left.users, right.users, assume_unique=True, return_indices=True
    )
    if len(users) < MIN_USERS or value is None or base is None:
        return Tested()
    test = paired_test(left.values[ours], right.values[theirs])
    return Tested(test) if is_of_difference(test.delta, value, base) else Tested(unweighed=True)


def user_means(runs: Sequence[ReportRun], metric: str) -> OfUsers:
    """Average what a test takes of a metric over runs, for the users that all of them have."""
    found = [run.values_of_users(metric, tested=True) for run in runs]
    if not found:
        return OfUsers.nobody()
    users = reduce(np.intersect1d, [one.users for one in found])
    total = np.zeros(len(users))
    for one in found:
        total += one.values[np.searchsorted(one.users, users)]
    return OfUsers(users, total / len(found))


def corrected(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values for their number by Holm's method; None stays None and is not counted."""
    adjusted = holm([math.nan if p is None else p for p in p_values])
    return [None if math.isnan(p) else p for p in adjusted]
