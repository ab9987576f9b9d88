"""Which differences from the baseline are more than chance: the paired test of `compare`.

The same Student's t-test over users, corrected by Holm's method over all runs that are compared, as
`recsys_core.evaluation.significance`; tests hold it against that one and against scipy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from recsys_core.evaluation.holm import holm
from recsys_core.evaluation.student import t_quantile, t_tails
from recsys_core.evaluation.tested import is_of_difference
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.paired import MOST_FILES, PairedDifference, paired_differences
from workbench.store.runs import RESULTS


def p_value(difference: PairedDifference) -> float:
    """Two-sided p-value of the hypothesis that the mean difference is 0."""
    if difference.error == 0:
        return 1.0 if difference.mean == 0 else 0.0
    return t_tails(difference.mean / difference.error, difference.users - 1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The paired test of a difference: two-sided p-value, and the 95 % interval of the mean."""

    p_value: float
    interval: tuple[float, float]


def verdict_on(difference: PairedDifference) -> Verdict:
    """Test a difference."""
    margin = difference.error and t_quantile(difference.users - 1) * difference.error
    interval = difference.mean - margin, difference.mean + margin
    return Verdict(p_value(difference), interval)


#: tests by metric; None where the mean of users' values is not the difference that is shown: runs
#: of earlier versions do not say what each user weighs
Verdicts = Mapping[str, Verdict | None]
#: the runs of one row: one, or the seeds that it folds
Members = tuple[RunSummary, ...]
#: ids of the runs of two rows
Pair = tuple[tuple[str, ...], tuple[str, ...]]


def pair_of(ours: Members, theirs: Members) -> Pair:
    """Name a comparison."""
    return tuple(run.run_id for run in ours), tuple(run.run_id for run in theirs)


def compare_pair(ours: Members, theirs: Members, metrics: Sequence[str] = ()) -> Verdicts:
    """Test all metrics of two rows, or some; empty where the files do not allow it."""
    if len(ours) + len(theirs) > MOST_FILES:
        return {}
    try:
        found = paired_differences(_results(ours), _results(theirs), metrics)
    except StoreError:  # thinned out or damaged: no test, as `compare` has none
        return {}
    verdicts: dict[str, Verdict | None] = {}
    for metric, difference in found.items():
        value, base = _shown(ours, metric), _shown(theirs, metric)
        if value is not None and base is not None:
            right = is_of_difference(difference.mean, value, base)
            verdicts[metric] = verdict_on(difference) if right else None
    return verdicts


def _shown(members: Members, metric: str) -> float | None:
    """Average a metric as the row does; None where a run lacks it."""
    values = [run.metrics[metric] for run in members if metric in run.metrics]
    return fmean(values) if len(values) == len(members) else None


def _results(members: Members) -> list[Path]:
    return [run.folder / RESULTS for run in members]


@dataclass
class PairedTests:
    """All tests made so far, by pair; a pair is never tested twice."""

    known: dict[Pair, Verdicts] = field(default_factory=dict)

    def missing(self, pairs: Iterable[Pair]) -> list[Pair]:
        """List the pairs that are still to be tested."""
        return [pair for pair in pairs if pair not in self.known]

    def corrected(self, pairs: Sequence[Pair]) -> Mapping[Pair, Verdicts] | None:
        """Correct the p-values of a family; None while some are missing."""
        if self.missing(pairs):
            return None
        adjusted = {pair: dict(self.known[pair]) for pair in pairs}
        for metric in {metric for pair in pairs for metric in self.known[pair]}:
            tested = [
                (pair, verdict) for pair in pairs if (verdict := self.known[pair].get(metric))
            ]
            values = holm([verdict.p_value for _, verdict in tested])
            for (pair, verdict), value in zip(tested, values, strict=True):
                adjusted[pair][metric] = replace(verdict, p_value=value)
        return adjusted
