"""Which runs may be compared, which is best, and by how much two differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recsys_core.evaluation.names import higher_is_better
from workbench.store.listing import RunSummary
from workbench.tui.view import format as show
from workbench.tui.view.significance import Verdict

#: a tested difference is more than chance below this corrected p-value
LEVEL = 0.05
SIGNIFICANT, CHANCE = "*", "~"
#: a difference below this does not show in four decimals
_NOTHING = 0.00005


def comparable(run: RunSummary, other: RunSummary) -> bool:
    """Tell whether two runs were judged on the same rows: equal, known split fingerprints."""
    return bool(run.split_fingerprint) and run.split_fingerprint == other.split_fingerprint


def why_not_comparable(run: RunSummary, other: RunSummary) -> str:
    """Say why there are no differences between two runs, in a few words."""
    for update, judged in ((run, other), (other, run)):
        if judged.split_fingerprint and judged.split_fingerprint in update.seen.split():
            return "an update learned from rows that the other was judged on"
    return "judged on another split"


def best_runs(runs: Iterable[RunSummary]) -> set[tuple[str, str]]:
    """Find the best runs by metric among those of one split.

    Returns
    -------
    set of (run id, metric)
        All that share the best value; nothing where fewer than two runs of a split have the metric.
    """
    values: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for run in runs:
        if run.split_fingerprint:
            judged = values.setdefault(run.split_fingerprint, {})
            for name, value in run.metrics.items():
                judged.setdefault(name, []).append((value, run.run_id))
    best: set[tuple[str, str]] = set()
    for judged in values.values():
        for name, found in judged.items():
            if len(found) > 1:
                top = (max if higher_is_better(name) else min)(value for value, _ in found)
                best.update((run_id, name) for value, run_id in found if value == top)
    return best


def sign_of(tested: Verdict | None) -> str:
    """Mark a difference that was tested as more than chance, or not."""
    if tested is None:
        return " "
    return SIGNIFICANT if tested.p_value < LEVEL else CHANCE


def look_of(found: Difference, sign: str) -> str:
    """Choose the style of a difference: one that may be chance has no colour."""
    return "muted" if sign == CHANCE else found.style


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference from the baseline as shown: the arrow tells better from worse, not the sign."""

    text: str
    style: str


def difference(
    run: RunSummary, baseline: RunSummary, metric: str, *, percent: bool
) -> Difference | None:
    """Compare one metric with the baseline's; None when one of the two lacks it."""
    value, base = run.metrics.get(metric), baseline.metrics.get(metric)
    if value is None or base is None:
        return None
    text = show.difference(value, base, percent=percent)
    return _look(value - base, text, higher=higher_is_better(metric))


def difference_of(difference: float, *, higher: bool) -> Difference:
    """Show a difference; `higher` tells whether more is better."""
    return _look(difference, f"{difference:+.4f}", higher=higher)


def _look(difference: float, text: str, *, higher: bool) -> Difference:
    if abs(difference) < _NOTHING:
        return Difference(f"= {text}", "muted")
    if (difference > 0) == higher:
        return Difference(f"▲ {text}", "better")
    return Difference(f"▼ {text}", "worse")
