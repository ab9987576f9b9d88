"""Results side by side: differences from the first, with paired tests over the users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from recsys_core.errors import InputError, unknown_name
from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.names import higher_is_better
from recsys_core.evaluation.significance import Comparison as Paired
from recsys_core.evaluation.significance import paired_test
from recsys_core.front.results import Result
from recsys_core.front.shown import Row, as_html, as_text, between, number, telling
from recsys_core.values import p_value_text

if TYPE_CHECKING:
    import pandas as pd

#: users that both results need before a test says anything
MIN_USERS = 2
HEADERS = ("metric", "result", "base", "value", "difference", "95 % interval", "p")


@dataclass(frozen=True)
class Difference:
    """One metric of one result, beside that of the first.

    Parameters
    ----------
    label
        The result that is compared.
    base, value
        The metric of the first result, and of this one.
    delta
        ``value - base``.
    ci95
        95 % interval of the mean difference over users; None where there are no values per user.
    p_value
        Two-sided, of the hypothesis that the mean difference is 0, corrected by Holm's method where
        several results are compared with the first; None as `ci95`.
    users
        Users that both have a value for; None as `ci95`.
    higher_is_better
        Which direction is good.
    """

    metric: str
    label: str
    base: float
    value: float
    delta: float
    ci95: tuple[float, float] | None
    p_value: float | None
    users: int | None
    higher_is_better: bool


@dataclass(frozen=True, repr=False)
class Comparison:
    """Differences of one or more results from the first, metric by metric."""

    base: str
    differences: tuple[Difference, ...]

    def __getitem__(self, metric: str) -> Difference:
        """Look up a metric of the only result that is compared, or of the first of several."""
        for each in self.differences:
            if each.metric == metric:
                return each
        raise unknown_name("metric here", metric, {each.metric for each in self.differences})

    def frame(self) -> pd.DataFrame:
        """Give a row per metric and result."""
        import pandas as pd

        rows = [asdict(each) for each in self.differences]
        for row in rows:
            row["low"], row["high"] = row.pop("ci95") or (np.nan, np.nan)
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return f"differences from {self.base}\n{as_text(HEADERS, self._rows())}"

    def _repr_html_(self) -> str:
        return as_html(f"differences from {self.base}", HEADERS, self._rows())

    def _rows(self) -> list[Row]:
        shown = telling(dict.fromkeys(each.metric for each in self.differences))
        return [
            (
                *(each.metric, each.label, number(each.base), number(each.value)),
                *(number(each.delta, "+.4f"), between(each.ci95)),
                "" if each.p_value is None else p_value_text(each.p_value),
            )
            for each in self.differences
            if each.metric in shown
        ]


def compare(first: Result, *others: Result, metrics: Sequence[str] | None = None) -> Comparison:
    """Compare results with the first, as `recsys-workbench compare` does.

    Differences are paired over users: interval and p-value are of Student's paired t-test over the
    users that both have a value for, as docs/metrics.md explains.

    Parameters
    ----------
    metrics
        Which to compare; None: all that both have.

    Raises
    ------
    InputError
        There is nothing to compare with, or results have other splits or no metric in common.

    Examples
    --------
    >>> from recsys_core import Dataset, compare, evaluate, fit, split
    >>> parts = split(Dataset.load("sample"))
    >>> ours, theirs = (evaluate(fit(name, parts), ks=[10]) for name in ("item-cf", "popularity"))
    >>> found = compare(theirs, ours)["ndcg@10"]
    >>> found.delta == ours.metrics["ndcg@10"] - theirs.metrics["ndcg@10"]
    True
    >>> found.ci95[0] < found.delta < found.ci95[1]
    True
    """
    if not others:
        raise InputError("compare: there is one result", "give another to compare it with")
    split = first.run.split
    for other in others:
        found = other.run.split
        if found.fingerprint != split.fingerprint:
            raise InputError(
                f"compare: {first.label} and {other.label} were judged on different splits"
                f" ({split.fingerprint}, {found.fingerprint})",
                "evaluate both on one split",
            )
    shared = [name for name in first.metrics if all(name in other.metrics for other in others)]
    if not shared:
        raise InputError(
            f"compare: {', '.join(each.label for each in (first, *others))} have no metric in"
            " common",
            "compare results of lists, or of predicted rows, at the same K",
        )
    for name in metrics or ():
        if name not in shared:
            raise unknown_name("metric of these results", name, shared)
    return Comparison(
        first.label,
        tuple(one for name in metrics or shared for one in _differences(name, first, others)),
    )


def _differences(metric: str, first: Result, others: Sequence[Result]) -> list[Difference]:
    tests = [_test(metric, other, first) for other in others]
    adjusted = holm([np.nan if test is None else test.p_value for test in tests])
    base = first.metrics[metric]
    return [
        Difference(
            metric=metric,
            label=other.label,
            base=base,
            value=other.metrics[metric],
            delta=other.metrics[metric] - base,
            ci95=None if test is None else (float(test.ci95[0]), float(test.ci95[1])),
            p_value=None if test is None else p_value,
            users=None if test is None else test.n,
            higher_is_better=higher_is_better(metric),
        )
        for other, test, p_value in zip(others, tests, adjusted, strict=True)
    ]


def _test(metric: str, ours: Result, theirs: Result) -> Paired | None:
    """Test the difference over the users that both have a finite value for."""
    if metric not in ours.user_metrics or metric not in theirs.user_metrics:
        return None
    sides = [result.run.judged.evaluation for result in (ours, theirs)]
    _, left, right = np.intersect1d(
        sides[0].users, sides[1].users, assume_unique=True, return_indices=True
    )
    a, b = sides[0].tested(metric)[left], sides[1].tested(metric)[right]
    both = np.isfinite(a) & np.isfinite(b)
    return None if both.sum() < MIN_USERS else paired_test(a[both], b[both])
