"""Metrics that extensions register: what they are given, and what becomes of what they return.

>>> @register_metric("first-half", judges="lists", meaning="share of the hits in the first half")
... def first_half(lists: Lists, k: int) -> Vector:
...     hits = lists.hits[:, :k]
...     return hits[:, : k // 2].sum(axis=1) / np.maximum(hits.sum(axis=1), 1)

A metric that raises, or returns anything but numbers in its range, has no value: it is null in the
result, which no gate takes, and the result says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.dataset import BoolArray, FloatArray, IntArray
from recsys_core.errors import InputError, shorten, unknown_name
from recsys_core.evaluation.intervals import mean_intervals
from recsys_core.evaluation.linearised import where_defined
from recsys_core.evaluation.names import (
    Judged,
    MetricCard,
    add_card,
    check_new_name,
    remove_card,
)
from recsys_core.evaluation.result import Evaluation, Vector
from recsys_core.extensions import if_it_fails, load_extensions, reason_of, registered_twice
from recsys_core.protocols.split import Split

#: a range allows for so much rounding
_ROUNDING = 1e-9
#: characters of what a metric means at most
_LONGEST_MEANING = 200


@dataclass(frozen=True)
class Lists:
    """The lists that a metric judges, best item first; nothing of them can be written to.

    Parameters
    ----------
    users
        Shape (n,): distinct user numbers; each has at least one relevant item.
    items
        Shape (n, width): their lists, -1 where a list is short.
    hits
        Shape (n, width): whether the listed item is relevant.
    relevant
        Shape (n,): number of relevant items of each user.
    split
        Its ``train`` rows are what models learned from, its ``test`` rows are judged on,
        ``dataset`` has columns of users and items.
    """

    users: IntArray
    items: IntArray
    hits: BoolArray
    relevant: NDArray[np.integer]
    split: Split

    def take(self, rows: NDArray[np.integer]) -> Lists:
        """Pick lists."""
        users, items, hits = self.users[rows], self.items[rows], self.hits[rows]
        return Lists(users, items, hits, self.relevant[rows], self.split)


@dataclass(frozen=True)
class Rows:
    """The predicted rows that a metric judges; nothing of them can be written to.

    Parameters
    ----------
    users, items
        Shape (n,): user and item numbers.
    labels
        Shape (n,): 1 for relevant rows, else 0.
    scores
        Shape (n,): predicted probability of label 1, or any finite score.
    split
        As of `Lists`.
    """

    users: NDArray[np.integer]
    items: NDArray[np.integer]
    labels: FloatArray
    scores: FloatArray
    split: Split

    @cached_property
    def judged(self) -> NDArray[np.integer]:
        """Shape (users,): the distinct users, ascending; a per-user metric has a value of each."""
        return np.unique(self.users)

    @cached_property
    def owner(self) -> NDArray[np.integer]:
        """Shape (n,): place of the row's user in `judged`."""
        return np.searchsorted(self.judged, self.users)

    def mean_by_user(self, values: NDArray[Any]) -> Vector:
        """Average what there is of each row, shape (n,), over the rows of each judged user."""
        sums = np.bincount(self.owner, weights=values)
        means: Vector = sums / np.bincount(self.owner)
        return means

    def take(self, rows: NDArray[np.integer]) -> Rows:
        """Pick rows."""
        users, items, labels = self.users[rows], self.items[rows], self.labels[rows]
        return Rows(users, items, labels, self.scores[rows], self.split)


def read_only(values: Any) -> Any:
    """Give views of the arrays that nobody can write to."""
    views = {}
    for field in fields(values):
        value = getattr(values, field.name)
        if isinstance(value, np.ndarray):
            value = value.view()
            value.flags.writeable = False
        views[field.name] = value
    return type(values)(**views)


@dataclass(frozen=True)
class Metric:
    """A registered metric.

    Parameters
    ----------
    compute
        Of lists: from `Lists` and K; of rows: from `Rows`. With `per_user` the value of each user,
        shape (n,); else one number.
    undefined
        Whether there may be users for whom it is not defined: their value is NaN.
    """

    card: MetricCard
    compute: Callable[..., Any]
    per_user: bool
    undefined: bool

    def values(self, judged: Lists | Rows, *k: int) -> Vector:
        """Compute it, with per user values of shape (n,), else of shape (1,).

        Raises
        ------
        InputError
            The code raised anything, or returned what such a metric cannot have.
        """
        try:
            found = np.asarray(self.compute(judged, *k))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit too
            raise InputError(f"it raised {reason_of(error)}") from error
        n = len(judged.judged if isinstance(judged, Rows) else judged.users)
        wanted = (n,) if self.per_user else ()
        if found.shape != wanted or found.dtype.kind not in "biuf":
            what = f"{n} numbers, one per user" if self.per_user else "one number"
            raise InputError(f"it returned {found.dtype} of shape {found.shape}, not {what}")
        values: Vector = found.astype(np.float64).reshape(-1)
        self._check(values)
        return values

    def _check(self, values: Vector) -> None:
        missing = np.isnan(values)
        if missing.any() and not self.undefined:
            where = f" of {missing.sum():,} users" if self.per_user else ""
            raise InputError(f"its value{where} is NaN, and it does not say undefined=True")
        known = values[~missing]
        low = -np.inf if self.card.low is None else self.card.low - _ROUNDING
        high = np.inf if self.card.high is None else self.card.high + _ROUNDING
        wrong = ~np.isfinite(known) | (known < low) | (known > high)
        if wrong.any():
            raise InputError(
                f"its value {known[wrong][0]:g} is not in its range, {self.card.range}"
            )


_metrics: dict[str, Metric] = {}


def register_metric(
    name: str,
    *,
    judges: Judged,
    meaning: str,
    higher_is_better: bool = True,
    low: float | None = 0.0,
    high: float | None = 1.0,
    per_user: bool = True,
    undefined: bool = False,
    descriptive: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as a metric.

    Parameters
    ----------
    name
        Lower case, e.g. ``"late-hits"``; a metric of lists is written ``late-hits@10``.
    judges
        ``"lists"``: the function takes `Lists` and K; ``"rows"``: it takes `Rows`.
    meaning
        A line for tables, help and reports.
    low, high
        The least and the greatest value; None: no bound.
    per_user
        Whether it returns a value per user, whose mean is shown, with an interval and tests of
        differences; otherwise it returns one number for all.
    undefined
        Whether it may be NaN, for users that are then left out of the mean.
    descriptive
        Whether it says what lists are like, not how good they are: it is shown apart, and a
        baseline judges it only by a tolerance of its own.

    Raises
    ------
    InputError
        The name is taken or none, or the description is incomplete.
    """
    card = MetricCard(name, judges, meaning, higher_is_better, descriptive, low, high)
    _check_card(card)

    def decorate(compute: Callable[..., Any]) -> Callable[..., Any]:
        taken = _metrics.get(name)
        if taken is not None and taken.compute.__module__ != compute.__module__:
            modules = (taken.compute.__module__, compute.__module__)
            raise registered_twice("metric", name, *modules)
        _metrics[name] = Metric(card, compute, per_user, undefined)
        add_card(card)
        if_it_fails(lambda: forget_metric(name))
        return compute

    return decorate


def forget_metric(name: str) -> None:
    """Take a registration back."""
    _metrics.pop(name, None)
    remove_card(name)


def _check_card(card: MetricCard) -> None:
    check_new_name(card.name)
    if card.judges not in ("lists", "rows"):
        raise unknown_name(
            f"value of 'judges' of metric '{card.name}':", card.judges, ["lists", "rows"]
        )
    lines = card.meaning.strip().splitlines()
    if len(lines) != 1 or len(card.meaning) > _LONGEST_MEANING:
        raise InputError(
            f"metric '{card.name}': its meaning has {len(lines)} lines",
            f"say in one line of at most {_LONGEST_MEANING} characters what it is",
        )
    bounds = [bound for bound in (card.low, card.high) if bound is not None]
    if not np.isfinite(bounds).all() or bounds != sorted(bounds):
        raise InputError(
            f"metric '{card.name}': low = {card.low}, high = {card.high} is not a range",
            "give finite numbers, or None where there is no bound",
        )


def registered_metrics(judges: Judged) -> list[Metric]:
    """List the metrics of lists or of rows, those of all extensions."""
    load_extensions()
    return [metric for metric in _metrics.values() if metric.card.judges == judges]


def metric_modules(judges: Judged) -> list[str]:
    """Name the modules of these metrics: they are part of what a result depends on."""
    return [metric.compute.__module__ for metric in registered_metrics(judges)]


def add_list_metrics(evaluation: Evaluation, lists: Lists, ks: Sequence[int]) -> Evaluation:
    """Add the metrics of lists that extensions register, at each K."""
    asked = ((f"{metric.card.name}@{k}", metric, (k,)) for metric, k in _at(ks))
    return _extended(evaluation, asked, lists)


def _at(ks: Sequence[int]) -> Iterator[tuple[Metric, int]]:
    for metric in registered_metrics("lists"):
        for k in ks:
            yield metric, k


def add_row_metrics(evaluation: Evaluation, rows: Rows) -> Evaluation:
    """Add the metrics of predicted rows that extensions register."""
    asked = ((metric.card.name, metric, ()) for metric in registered_metrics("rows"))
    return _extended(evaluation, asked, rows)


def _extended(
    evaluation: Evaluation,
    asked: Iterator[tuple[str, Metric, tuple[int, ...]]],
    judged: Lists | Rows,
) -> Evaluation:
    """Compute metrics, each by itself: one that is broken is null, and costs no other."""
    metrics: dict[str, float] = {}
    per_user: dict[str, Vector] = {}
    problems: dict[str, str] = {}
    shown = read_only(judged)
    for name, metric, k in asked:
        try:
            values = metric.values(shown, *k)
        except InputError as error:
            where = f"{metric.compute.__module__}.{metric.compute.__qualname__}"
            problems[name] = shorten(f"{error.problem} ({where})", 300)
            metrics[name] = float("nan")
            continue
        defined = values[~np.isnan(values)]
        metrics[name] = float(defined.mean()) if len(defined) else float("nan")
        if metric.per_user:
            per_user[name] = values
    return replace(
        evaluation,
        metrics=evaluation.metrics | metrics,
        user_metrics=evaluation.user_metrics | per_user,
        # by themselves: a product of more columns may round those of the others differently
        ci95=evaluation.ci95 | mean_intervals(per_user),
        problems=evaluation.problems | problems,
        linearised=evaluation.linearised | where_defined(per_user),
    )
