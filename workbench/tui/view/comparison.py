"""Two to four rows of Results held against one of them, and why some of them cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from recsys_core.values import counted
from workbench.store.comparing import (
    another_split,
    not_judged,
    rows_seen,
    seen_rows,
    without_result,
)
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view.baseline import comparisons_of
from workbench.tui.view.choices import Options
from workbench.tui.view.columns import name_of
from workbench.tui.view.compare import comparable
from workbench.tui.view.fold import Fold, fold_seeds, unfolded
from workbench.tui.view.live import Curves
from workbench.tui.view.significance import Members, Pair, PairedTests, Verdicts, pair_of
from workbench.tui.view.table import reason_of

#: runs on one page
LEAST, MOST = 2, 4
#: what the page and `compare` call them
NAMES = "ABCD"


@dataclass(frozen=True, slots=True)
class Read:
    """What the files of a run say; what could not be read is empty.

    Parameters
    ----------
    result
        Content of metrics.json.
    """

    result: Mapping[str, Any] = field(default_factory=dict)
    curves: Curves = field(default_factory=Curves)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared.

    Parameters
    ----------
    rows
        The reference first; a row that folds seeds stands for their mean.
    family
        The tests that p-values are corrected over: all against the baseline where that is the
        reference, as in the table; else those of the page, as in `compare`.
    pinned
        Whether the reference is the baseline.
    """

    rows: tuple[Fold, ...]
    family: Mapping[Pair, tuple[Members, Members]]
    pinned: bool = False

    @property
    def reference(self) -> Fold:
        """The row that the others are held against."""
        return self.rows[0]

    @property
    def runs(self) -> list[RunSummary]:
        """The rows as they are shown."""
        return [row.run for row in self.rows]

    @property
    def own(self) -> dict[Pair, tuple[Members, Members]]:
        """The tests of the page."""
        return {
            self.pair(row): (row.members, self.reference.members)
            for row in self.rows[1:]
            if self.holds(row)
        }

    def holds(self, row: Fold) -> bool:
        """Tell whether a row can be held against the reference: same rows, a metric in common."""
        run, first = row.run, self.reference.run
        return comparable(run, first) and not run.metrics.keys().isdisjoint(first.metrics)

    def pair(self, row: Fold) -> Pair:
        """Name the test of a row."""
        return pair_of(row.members, self.reference.members)

    def name(self, row: Fold) -> str:
        """Name a row by its letter and its label."""
        return f"{NAMES[self.rows.index(row)]} {plain(name_of(row.run))}"

    def over(self) -> str:
        """Say what p-values are corrected over."""
        count = len(self.family)
        if self.pinned:
            return f"Holm over {counted(count, 'run')} against the baseline"
        return f"Holm over {counted(count, 'compared run')}"

    def tested(self, tests: PairedTests) -> Mapping[Pair, Verdicts]:
        """Return the tests of the family, corrected; until all are made, none."""
        return tests.corrected(list(self.family)) or {}


def rows_marked(shown: Iterable[Fold], runs: Sequence[RunSummary], options: Options) -> list[Fold]:
    """List the marked rows: those of the table in its order, then those that a filter hides."""
    rows = [row for row in shown if all(run.run_id in options.marked for run in row.members)]
    there = {run.run_id for row in rows for run in row.members}
    hidden = [run for run in runs if run.run_id in options.marked - there]
    return [*rows, *(fold_seeds(hidden) if options.fold_seeds else unfolded(hidden))]


def chosen_rows(marked: Sequence[Fold], baseline: Fold | None, current: Fold | None) -> list[Fold]:
    """Choose what is compared: marked rows; of one alone, or of none, that and the baseline.

    The baseline comes first, where it is among them; else the first that has a result.
    """
    rows = list(marked)
    if baseline is not None:
        ids = {run.run_id for run in baseline.members}
        rows = [row for row in rows if ids.isdisjoint(run.run_id for run in row.members)]
        if len(rows) < len(marked):
            return [baseline, *rows]
        if len(rows) < LEAST:
            here = [] if current is None or current.run.run_id in ids else [current]
            return [baseline, *(rows or here)]
    return sorted(rows, key=lambda row: not row.run.metrics)


def why_not_compared(rows: Sequence[Fold]) -> str:
    """Say why rows have no page; empty where they have one."""
    if len(rows) > MOST:
        return f"{len(rows)} runs are marked: two to four are compared; a twice takes all marks off"
    if len(rows) < LEAST:
        return "Space marks two to four runs, or b pins a baseline, to compare with"
    return ""


def compare_rows(
    rows: Sequence[Fold], runs: Sequence[RunSummary], shown: Sequence[Fold], options: Options
) -> Comparison:
    """Compare rows with the first of them.

    Parameters
    ----------
    runs, shown
        All runs, and the rows of the table: what the baseline is tested against.
    """
    reference = rows[0]
    pinned = any(run.run_id == options.baseline for run in reference.members)
    alone = Comparison(tuple(rows), {}, pinned)
    if not pinned:
        return replace(alone, family=alone.own)
    family = comparisons_of(runs, shown, reference, replace(options, mode="delta"))
    return replace(alone, family=family | alone.own)


def refusals(comparison: Comparison, read: Mapping[str, Read]) -> Iterator[str]:
    """Say of each row that has no difference why, as `compare` does."""
    reference = comparison.reference
    first = comparison.name(reference)
    for row in comparison.rows:
        run = row.run
        if run.problem:
            yield f"{comparison.name(row)}: {reason_of(run)}"
        elif run.state != "succeeded":
            yield without_result(run.run_id, run.state).problem
        elif run.refit_of:
            yield not_judged("compare", run.run_id, run.refit_of).problem
        elif row is not reference and reference.run.metrics:
            if learned := _learned(run, reference.run, read) or _learned(reference.run, run, read):
                yield learned
            elif not comparable(run, reference.run):
                where = f"{plain(run.dataset)}, {plain(run.protocol)}"
                yield another_split(comparison.name(row), where, first)
            elif run.metrics.keys().isdisjoint(reference.run.metrics):
                both = f"{comparison.name(row)} ({run.stage}) and {first} ({reference.run.stage})"
                yield f"{both} have no metric in common: one makes lists, one judges rows."


def _learned(update: RunSummary, other: RunSummary, read: Mapping[str, Read]) -> str:
    """Say that an update learned from rows that another run was judged on."""
    result = read.get(update.run_id, Read()).result
    seen = rows_seen(result, update.split_fingerprint, other.run_id, other.split_fingerprint)
    return seen_rows(update.run_id, other.run_id, *seen).problem if seen else ""
