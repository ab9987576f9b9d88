"""Forest of intervals: how far each run is from the first, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys_core.errors import InputError, unknown_name
from recsys_core.evaluation.names import higher_is_better
from workbench.reports.metrics import headline_first, number, p_text
from workbench.reports.paired import Tested, compare_users, corrected
from workbench.reports.pictures import drawing
from workbench.reports.pictures.subjects import Interval, Subject, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: below it a difference is drawn as a full shape
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Difference:
    """A row: a difference with its 95 % interval, and its p-value, corrected for their number."""

    name: str
    delta: float
    interval: Interval
    p_value: float | None


@dataclass(frozen=True)
class Forest:
    """What the picture shows.

    Parameters
    ----------
    base
        What is subtracted, in words.
    allowed
        How much worse than it is allowed; None: nothing is said of that.
    left_out
        Names without a value, and why.
    """

    metric: str
    base: str
    rows: Sequence[Difference]
    allowed: float | None = None
    left_out: Mapping[str, str] | None = None


def read_forest(subjects: Sequence[Subject], metric: str = "") -> Forest:
    """Test each subject against the first, over the users of both.

    Parameters
    ----------
    metric
        Empty: the most telling one that has a test.

    Raises
    ------
    InputError
        Nothing to subtract, or no difference that has a test.
    """
    first, *others = subjects
    if not others:
        raise InputError("a forest needs two runs: one to compare with, and another")
    known = headline_first(
        {name for run in first.runs for name in run.user_metrics} & first.metrics
    )
    if metric and metric not in known:
        raise _without_test(first, metric, known)
    for name in [metric] if metric else known:
        tests = [compare_users(other.runs, first.runs, name) for other in others]
        if any(found.test for found in tests):
            return _forest(first, others, name, tests)
    if metric:
        names = ", ".join(other.name for other in others)
        raise InputError(
            f"no run has {metric} of users of the same split as {first.name}: {names}",
            "name runs of one split and stage",
        )
    raise InputError(
        f"no run has a metric of users in common with {first.name}, judged on the same split",
        "name runs of one split and stage",
    )


def _without_test(first: Subject, metric: str, known: Sequence[str]) -> InputError:
    if metric in first.metrics:
        return InputError(
            f"{metric} has no values of users, so that its differences have no intervals",
            f"choose another --metric: {', '.join(known[:8])}",
        )
    return unknown_name(f"metric of users of {first.name}:", metric, known)


def _forest(
    first: Subject, others: Sequence[Subject], metric: str, tests: Sequence[Tested]
) -> Forest:
    rows, left_out = [], {}
    p_values = corrected([found.p_value for found in tests])
    for other, found, p_value in zip(others, tests, p_values, strict=True):
        if found.test is not None:
            test = found.test
            rows.append(Difference(other.name, test.delta, test.ci95, p_value))
        elif metric not in other.metrics:
            left_out[other.name] = f"no {metric}"
        elif {run.split_fingerprint for run in other.runs} != {first.runs[0].split_fingerprint}:
            left_out[other.name] = "judged on another split"
        else:
            left_out[other.name] = f"no {metric} of users that a test could take"
    base = f"{first.name} ({number(first.value(metric))})"
    return Forest(metric, base, rows, left_out=left_out)


def of_baseline(rows: Sequence[Mapping[str, Any]], metric: str) -> Forest | None:
    """Take the differences of one metric from the baseline rows of a report; None: no interval."""
    found = [
        Difference(short(row["label"]), row["delta"], tuple(row["delta_ci95"]), row["p_value"])
        for row in rows
        if row["metric"] == metric and row.get("delta_ci95") and row["delta"] is not None
    ]
    allowed = {row["tolerance"] for row in rows if row["metric"] == metric}
    return Forest(metric, "the baseline", found, allowed.pop()) if found else None


def draw_forest(forest: Forest) -> Figure:
    """Draw a row for each difference; full shapes are significant, hollow ones are not."""
    figure = drawing.new_figure(0.95 + drawing.LINE * 1.15 * len(forest.rows))
    axes = figure.subplots()
    for place, row in enumerate(forest.rows):
        sure = row.p_value is not None and row.p_value < SIGNIFICANT
        axes.plot(row.interval, (place, place), color="black", marker="|", markersize=5)
        axes.plot(
            row.delta,
            place,
            marker="s",
            color="black",
            markerfacecolor="black" if sure else "white",
        )
    axes.axvline(0, color="black", linewidth=0.8)
    _allowed(axes, forest)
    drawing.row_labels(axes, [row.name for row in forest.rows])
    beside = axes.get_yaxis_transform()
    for place, row in enumerate(forest.rows):
        p_value = p_text(row.p_value)
        axes.text(1.2, place, p_value, transform=beside, va="center", ha="right")
    axes.text(1.2, 1.0, "p", transform=axes.transAxes, va="bottom", ha="right", style="italic")
    better = "right" if higher_is_better(forest.metric) else "left"
    arrow = "better \N{RIGHTWARDS ARROW}" if better == "right" else "\N{LEFTWARDS ARROW} better"
    axes.locator_params(axis="x", nbins=5)
    axes.set_title(f"{forest.metric}, 95 % intervals")
    figure.supxlabel(f"difference from {forest.base}\n{arrow}", fontsize=8)
    return figure


def _allowed(axes: Axes, forest: Forest) -> None:
    """Draw the line that a gate allows a difference to reach."""
    if forest.allowed:
        sign = -1 if higher_is_better(forest.metric) else 1
        axes.axvline(sign * forest.allowed, color="black", linewidth=0.9, linestyle=(0, (1, 1.5)))
