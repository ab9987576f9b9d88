"""What stands beside each other in a picture: a label with its run, or with its runs by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import stdev

from workbench.reports.folder import ReportRun, by_label, mean_of
from workbench.store.text import plain, width

Interval = tuple[float, float]
#: cells of a label that a picture has room for
_CELLS = 20
#: characters at the end of a run id that tell it from others
_TAIL = 4


@dataclass(frozen=True)
class Subject:
    """A line of a picture.

    Parameters
    ----------
    name
        Unique in its picture.
    runs
        One, or several that differ in their seed.
    """

    name: str
    runs: Sequence[ReportRun]

    def value(self, metric: str) -> float | None:
        """Mean over the runs; None where one has no value."""
        return mean_of(self.runs, metric)

    def interval(self, metric: str) -> Interval | None:
        """95 % interval over users of a single run; one standard deviation around several."""
        if len(self.runs) > 1:
            value = self.value(metric)
            known = [run.metrics[metric] for run in self.runs if metric in run.metrics]
            spread = stdev(each for each in known if each is not None) if value is not None else 0
            return None if value is None else (value - spread, value + spread)
        low, high = self.runs[0].result.get("ci95", {}).get(metric) or (None, None)
        return None if low is None or high is None else (low, high)

    @property
    def metrics(self) -> frozenset[str]:
        """Metrics of which every run has a value."""
        names = [{name for name, value in run.metrics.items() if value is not None}
                 for run in self.runs]  # fmt: skip
        return frozenset(set.intersection(*names))


def each_run(runs: Sequence[ReportRun]) -> list[Subject]:
    """Let every run stand for itself; equal labels get their seed, or the end of the run's id."""
    labels = Counter(run.label for run in runs)
    seeds = Counter((run.label, run.seed) for run in runs)
    names = []
    for run in runs:
        name = run.label
        if labels[run.label] > 1:
            alone = seeds[run.label, run.seed] == 1
            name += f" seed {run.seed}" if alone else f" {run.run_id[-_TAIL:]}"
        names.append(name)
    return [Subject(name, [run]) for name, run in zip(_unique(names), runs, strict=True)]


def each_label(runs: Iterable[ReportRun]) -> list[Subject]:
    """Fold the seeds of each label."""
    groups = by_label(runs)
    return [
        Subject(name, runs) for name, runs in zip(_unique(groups), groups.values(), strict=True)
    ]


def _unique(names: Iterable[str]) -> list[str]:
    """Shorten names; those that are the same then, or were before, are numbered."""
    found: list[str] = []
    for name in map(short, names):
        number, own = 1, name
        while own in found:
            number += 1
            own = f"{name} ({number})"
        found.append(own)
    return found


def short(name: str) -> str:
    """Make a name fit: its middle is left out, for names mostly differ at an end.

    Examples
    --------
    >>> short("two-stage-without-popularity-b"), short("mf")
    ('two-stage-…ularity-b', 'mf')
    """
    text = plain(name)
    if width(text) <= _CELLS:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while width(head) + width(tail) + 1 > _CELLS:
        if width(head) > width(tail):
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head}…{tail}"
