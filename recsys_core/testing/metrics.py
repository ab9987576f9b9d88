"""What every metric of an extension must do."""

from __future__ import annotations

import numpy as np

from recsys_core.errors import InputError
from recsys_core.evaluation.extended import (
    Lists,
    Metric,
    Rows,
    read_only,
    registered_metrics,
)
from recsys_core.evaluation.result import Vector
from recsys_core.testing.checks import hold, same
from recsys_core.testing.made import WIDTH, made_lists, made_rows

KS = (1, 5, 10, WIDTH)


def check_metric(name: str) -> None:
    """Check a registered metric on made-up lists or predictions.

    It returns values of the declared shape and range, the same ones each time, in whatever order
    users come; it looks at no item beyond K; and what is better by far does not score worse.

    Raises
    ------
    AssertionError
        It does not; the message says what it does instead.
    """
    found = [*registered_metrics("lists"), *registered_metrics("rows")]
    metric = next((each for each in found if each.card.name == name), None)
    if metric is None:
        raise AssertionError(f"no extension has registered a metric '{name}'")
    if metric.card.judges == "rows":
        _check_rows(metric)
        return
    for k in KS:
        _check_lists(metric, k)


def _check_lists(metric: Metric, k: int) -> None:
    lists = made_lists()
    values = _values(metric, lists, k)
    same(values, _values(metric, lists, k), "asked twice, it says something else")
    turned = np.random.default_rng(3).permutation(len(lists.users))
    _check_order(metric, values, _values(metric, lists.take(turned), k), turned)
    cut = Lists(lists.users, lists.items[:, :k], lists.hits[:, :k], lists.relevant, lists.split)
    same(values, _values(metric, cut, k), f"it looks at items beyond K = {k}")
    one = lists.take(np.array([0]))
    if metric.per_user:
        same(values[:1], _values(metric, one, k), "a user's value depends on other users")
    _check_direction(metric, *(_values(metric, made_lists(x), k) for x in ("best", "worst")))


def _check_rows(metric: Metric) -> None:
    rows = made_rows()
    values = _values(metric, rows)
    same(values, _values(metric, rows), "asked twice, it says something else")
    turned = np.random.default_rng(3).permutation(len(rows.users))
    order = np.arange(len(values))  # users stay in the order of their numbers
    _check_order(metric, values, _values(metric, rows.take(turned)), order)
    _check_direction(metric, *(_values(metric, made_rows(kind)) for kind in ("best", "worst")))


def _values(metric: Metric, judged: Lists | Rows, *k: int) -> Vector:
    try:
        return metric.values(read_only(judged), *k)
    except InputError as error:
        raise AssertionError(f"metric '{metric.card.name}': {error.problem}") from error


def _check_order(
    metric: Metric, values: Vector, turned: Vector, order: np.ndarray[tuple[int], np.dtype[np.intp]]
) -> None:
    np.testing.assert_allclose(
        turned,
        values[order] if metric.per_user else values,
        rtol=1e-9,
        atol=1e-12,
        err_msg="its value depends on the order of users or rows",
    )


def _check_direction(metric: Metric, best: Vector, worst: Vector) -> None:
    if metric.card.descriptive:
        return
    more = "higher" if metric.card.higher_is_better else "lower"
    gain = np.nanmean(best) - np.nanmean(worst)
    hold(
        gain >= 0 if metric.card.higher_is_better else gain <= 0,
        f"metric '{metric.card.name}': {more} is better, but the best there is has the value"
        f" {np.nanmean(best):.4g}, the worst {np.nanmean(worst):.4g}",
    )
