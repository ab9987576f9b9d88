"""Several windows of one protocol: what was found in each, put together."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import stdev

import numpy as np

from recsys_core.data.dataset import IntArray
from recsys_core.evaluation.names import split_part
from recsys_core.evaluation.result import Evaluation, Vector


def over_windows(found: Mapping[str, Evaluation]) -> Evaluation:
    """Average over windows: ``ndcg@10``; beside it ``window/DATE/ndcg@10`` and ``spread/ndcg@10``.

    A metric is the mean of its values in the windows, the spread their sample standard deviation.
    A user's value is the mean over the windows in which the user was judged. There are no
    intervals: those of a window say nothing of the others. Counts add up, users apart, who are
    counted once.

    Parameters
    ----------
    found
        The evaluations, by the dates of their windows; two at least.
    """
    each = list(found.values())
    users = np.unique(np.concatenate([one.users for one in each]))
    names = list(dict.fromkeys(name for one in each for name in one.metrics))
    metrics: dict[str, float] = {}
    single: dict[str, float] = {}
    for name in names:
        values = {date: one.metrics[name] for date, one in found.items() if name in one.metrics}
        defined = [value for value in values.values() if not np.isnan(value)]
        metrics[name] = float(np.mean(defined)) if defined else float("nan")
        if split_part(name)[0]:
            continue  # parts of a run are averaged alone
        single |= {f"window/{date}/{name}": value for date, value in values.items()}
        if len(defined) > 1:
            single[f"spread/{name}"] = stdev(defined)
    per_user = {name: _of_users(each, name, users) for name in _per_user(each)}
    counts = {name: sum(one.counts.get(name, 0) for one in each) for name in _counted(each)}
    return Evaluation(
        users=users,
        user_metrics=per_user,
        metrics=metrics | single,
        counts=counts | {"users": len(users)},
        problems={name: why for one in each for name, why in one.problems.items()},
        linearised={name: _linearised(each, name, users) for name in per_user},
    )


def _counted(each: list[Evaluation]) -> list[str]:
    return list(dict.fromkeys(name for one in each for name in one.counts))


def _per_user(each: list[Evaluation]) -> list[str]:
    return list(dict.fromkeys(name for one in each for name in one.user_metrics))


def _of_users(each: list[Evaluation], name: str, users: IntArray) -> Vector:
    """Average the values of each user that are defined, shape (n,)."""
    total, times = np.zeros(len(users)), np.zeros(len(users))
    for one in each:
        if name in one.user_metrics:
            values = one.user_metrics[name]
            there = ~np.isnan(values)
            place = np.searchsorted(users, one.users[there])
            total[place] += values[there]
            times[place] += 1
    mean: Vector = np.full(len(users), np.nan)
    return np.divide(total, times, out=mean, where=times > 0)


def _linearised(each: list[Evaluation], name: str, users: IntArray) -> Vector:
    """Values of users, shape (n,), whose mean is the mean over the windows that have the metric."""
    found = [one for one in each if not np.isnan(one.metrics.get(name, np.nan))]
    if not found:
        return np.full(len(users), np.nan)
    whole: Vector = np.full(len(users), np.mean([one.metrics[name] for one in found]))
    for one in found:
        if name not in one.user_metrics:
            continue
        values = one.tested(name)
        there = ~np.isnan(values)
        weight = len(users) / (there.sum() * len(found))
        whole[np.searchsorted(users, one.users[there])] += weight * (
            values[there] - one.metrics[name]
        )
    return whole
