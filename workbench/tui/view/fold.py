"""Seeds of one job as one row: the mean of every metric and its standard deviation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

from workbench.store.listing import RunSummary


@dataclass(frozen=True, slots=True)
class Fold:
    """A row of the table.

    Parameters
    ----------
    run
        What is shown: the run, or the newest of several with their mean metrics.
    members
        The runs behind it, newest first.
    spread
        Sample standard deviation over the members, by metric; empty for a single run.
    """

    run: RunSummary
    members: tuple[RunSummary, ...]
    spread: Mapping[str, float] = field(default_factory=dict)


def unfolded(runs: Sequence[RunSummary]) -> list[Fold]:
    """Give every run a row of its own."""
    return [Fold(run, (run,)) for run in runs]


def fold_seeds(runs: Sequence[RunSummary]) -> list[Fold]:
    """Put runs that differ in nothing but the seed into one row.

    Only runs that succeeded and were judged on the same split are put together. Where a seed was
    run again, the newer runs make one row and the older ones another.
    """
    groups: dict[tuple[object, ...], list[RunSummary]] = {}
    times: Counter[tuple[object, ...]] = Counter()
    for run in runs:
        key: tuple[object, ...] = ("single", run.run_id)
        if run.state == "succeeded" and run.split_fingerprint:
            job = (run.label, run.model, run.split_fingerprint, _text(run.params))
            times[*job, run.seed] += 1
            key = (*job, times[*job, run.seed])
        groups.setdefault(key, []).append(run)
    return [_fold(members) for members in groups.values()]


def fold_passing(runs: Sequence[RunSummary], passes: Callable[[RunSummary], bool]) -> list[Fold]:
    """Fold the runs that pass, each judged by the mean over its seeds.

    A bound on a metric takes all seeds or none: the mean of those above it would be too high.
    """
    folds = fold_seeds(runs)
    means = {run.run_id: fold.run.metrics for fold in folds for run in fold.members}
    chosen = [run for run in runs if passes(replace(run, metrics=means[run.run_id]))]
    return folds if len(chosen) == len(runs) else fold_seeds(chosen)


def _text(params: Mapping[str, object]) -> str:
    return json.dumps(dict(params), sort_keys=True, default=str)


def _fold(members: Sequence[RunSummary]) -> Fold:
    first = members[0]
    if len(members) == 1:
        return Fold(first, (first,))
    shared = [name for name in first.metrics if all(name in run.metrics for run in members)]
    values = {name: [run.metrics[name] for run in members] for name in shared}
    fits = [run.fit_seconds for run in members if run.fit_seconds is not None]
    run = replace(
        first,
        metrics={name: fmean(found) for name, found in values.items()},
        ci95={},
        fit_seconds=fmean(fits) if fits else None,
    )
    return Fold(run, tuple(members), {name: stdev(found) for name, found in values.items()})
