"""The runs laid out as a table: filtered, folded, sorted, grouped, compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import itemgetter

from rich.cells import cell_len

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.baseline import baseline_of, comparisons_of
from workbench.tui.view.choices import Mode, Options
from workbench.tui.view.columns import (
    AllColumns,
    Column,
    Value,
    all_columns,
    at_cutoff,
    common_settings,
    in_order,
    name_of,
    telling_apart,
    without_unchanged,
)
from workbench.tui.view.compare import (
    best_runs,
    comparable,
    difference,
    look_of,
    sign_of,
    why_not_comparable,
)
from workbench.tui.view.filters import Filter
from workbench.tui.view.fold import Fold, fold_passing, unfolded
from workbench.tui.view.significance import Members, Pair, PairedTests, Verdicts, pair_of
from workbench.tui.view.table import Cell, Head, Row, Rows, Table, end_of, progress_text

BEST = "✦"
BASELINE = "⚑"
MARK = "✱"

#: from this width on there is room to say what a run is before its metrics
WIDE = 120
#: the share of the width that may go to what runs are
_ABOUT_SHARE = 0.45
#: on a narrow one to what tells runs of one name apart
_NARROW_SHARE = 0.25
#: mark, state and label always stay in sight
_FIXED = 3
#: cells of a metric: 0.2871✦, ▲ +0.0130*, ▲ +123.4 %*
_METRIC_WIDTHS: dict[Mode, int] = {"value": 7, "delta": 10, "percent": 11}
#: more for the spread over seeds: ±.0012
_SPREAD_WIDTH = 6
#: longer texts are cut
_WIDEST = 26
#: so many cells that all of what runs are stands before the metrics
EVERYTHING = 1_000_000
_STAGES = ("recall", "ranking", "two-stage")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a screen needs to know of the table.

    Parameters
    ----------
    folds
        The rows by key, in order, without headings.
    columns
        Key and title of every column there is, those that were taken off included.
    comparisons
        What a paired test takes: all that may be compared with the baseline, in the table or not.
        A filter that took some of them out of the correction would make others significant.
    tested
        By comparison and metric, corrected; empty until all of them are tested.
    """

    table: Table
    folds: Mapping[str, Fold]
    columns: tuple[tuple[str, str], ...]
    comparisons: Mapping[Pair, tuple[Members, Members]]
    tested: Mapping[Pair, Verdicts]

    @property
    def runs(self) -> list[RunSummary]:
        """The runs as the rows show them."""
        return [fold.run for fold in self.folds.values()]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What the rows are held against."""

    options: Options
    baseline: Fold | None
    best: set[tuple[str, str]]
    tested: Mapping[Pair, Verdicts]
    spread: bool

    def against(self, fold: Fold) -> Fold | None:
        """Return the baseline where differences are shown."""
        if self.options.mode == "value" or self.is_baseline(fold):
            return None
        return self.baseline

    def is_baseline(self, fold: Fold) -> bool:
        """Tell whether it is the baseline's row."""
        return any(run.run_id == self.options.baseline for run in fold.members)


@dataclass(frozen=True, slots=True)
class _Plan:
    """All of a table that does not depend on the order of its rows."""

    folds: list[Fold]
    baseline: Fold | None
    every: AllColumns
    columns: list[Column]
    note_from: int
    heads: tuple[Head, ...]
    comparisons: Mapping[Pair, tuple[Members, Members]]
    best: set[tuple[str, str]]
    spread: bool


class LayoutMaker:
    """Lays out runs again and again; for another order of the same rows it only sorts."""

    def __init__(self) -> None:
        self._runs: Sequence[RunSummary] = ()
        self._asked: tuple[object, ...] = ()
        self._plan: _Plan | None = None

    def lay_out(
        self,
        runs: Sequence[RunSummary],
        options: Options,
        passes: Filter,
        width: int,
        tests: PairedTests | None = None,
    ) -> Layout:
        """Lay out the runs that `options` selects.

        Parameters
        ----------
        width
            Cells there are; a narrow table has its metrics before what a run is.
        tests
            Paired tests made so far; differences are marked once all of the table are there.
        """
        plan = self._planned(runs, options, passes, width)
        return _arranged(plan, options, tests)

    def _planned(
        self, runs: Sequence[RunSummary], options: Options, passes: Filter, width: int
    ) -> _Plan:
        marked = options.marked if options.only_marked else frozenset()
        choice = replace(options, sort=None, by_stage=False, marked=marked)
        asked = (choice, passes, width, date.today())  # times are written by the day
        # the listing gives another tuple when any run has changed
        if self._plan is None or runs is not self._runs or asked != self._asked:
            self._plan = _plan(runs, options, passes, width)
            self._runs, self._asked = runs, asked
        return self._plan


def lay_out(
    runs: Sequence[RunSummary],
    options: Options,
    passes: Filter,
    width: int,
    tests: PairedTests | None = None,
) -> Layout:
    """Lay out runs once, as `LayoutMaker.lay_out` does."""
    return _arranged(_plan(runs, options, passes, width), options, tests)


def _plan(runs: Sequence[RunSummary], options: Options, passes: Filter, width: int) -> _Plan:
    baseline = baseline_of(runs, options)
    wanted = {run.run_id for run in baseline.members} if baseline else set()
    wanted |= options.marked
    those = [run for run in runs if not options.only_marked or run.run_id in wanted]
    those = [run for run in those if not options.leaves_out(run.state)]
    if options.fold_seeds:
        folds = fold_passing(those, passes)
    else:
        folds = unfolded([run for run in those if passes(run)])
    shown = [fold.run for fold in folds]
    seeds = {fold.run.run_id: len(fold.members) for fold in folds} if options.fold_seeds else None
    published = baseline is None or options.mode == "value"
    every = all_columns(shown, seeds, published=published, cutoff=options.cutoff)
    every = replace(every, metrics=at_cutoff(every.metrics, options.cutoff))
    columns, note_from = _columns(every, shown, options, baseline, width)
    mode = options.mode if baseline is not None else "value"
    spread = mode == "value" and any(fold.spread for fold in folds)
    metric_width = _METRIC_WIDTHS[mode] + _SPREAD_WIDTH * spread
    heads = tuple(
        Head(column.key, plain(column.title), _width(column, shown, metric_width), column.numeric)
        for column in columns
    )
    comparisons = comparisons_of(runs, folds, baseline, options)
    best = best_runs(shown)
    return _Plan(folds, baseline, every, columns, note_from, heads, comparisons, best, spread)


def _arranged(plan: _Plan, options: Options, tests: PairedTests | None) -> Layout:
    """Put the rows of a plan in order."""
    folds = _sorted(plan.folds, plan.every.all(), options.sort)
    tested = tests.corrected(list(plan.comparisons)) if tests and plan.comparisons else None
    judge = _Comparison(options, plan.baseline, plan.best, tested or {}, plan.spread)
    entries = _by_stage(folds) if options.by_stage else folds
    rows = Rows(entries, lambda entry: _row(entry, plan.columns, judge))
    keys = tuple("" if isinstance(entry, str) else entry.run.run_id for entry in entries)
    return Layout(
        Table(plan.heads, rows, keys, _FIXED, plan.note_from, options.sort),
        {fold.run.run_id: fold for fold in folds},
        tuple((column.key, column.title) for column in plan.every.all()),
        plan.comparisons,
        judge.tested,
    )


def _columns(
    every: AllColumns,
    runs: Sequence[RunSummary],
    options: Options,
    baseline: Fold | None,
    width: int,
) -> tuple[list[Column], int]:
    """Choose the columns; the second value is the index of the first that a note covers."""
    fixed = [
        Column("mark", "", lambda run: None),
        Column("state", "", lambda run: run.state),
        Column("label", "run", name_of),
    ]
    about, metrics, cost = every.about, every.metrics, every.cost
    if baseline is not None and options.mode != "value":
        metrics = [column for column in metrics if column.key in baseline.run.metrics]
    if options.hide_unchanged:
        about = without_unchanged(about, runs)
    first = _first(about, runs, width)
    rest = [column for column in about if column not in first]
    chosen = in_order([*first, *metrics, *rest, *cost], options.order, options.hidden)
    before = next((n for n, column in enumerate(chosen) if column not in first), len(chosen))
    return [*fixed, *chosen], len(fixed) + before


def _first(about: Sequence[Column], runs: Sequence[RunSummary], width: int) -> list[Column]:
    """Choose what stands before the metrics: as much as leaves most of the width to them."""
    if width < WIDE:
        data = [column for column in about if column.key == "dataset" and column.differs(runs)]
        room = round(width * _NARROW_SHARE)
        chosen = data or telling_apart(about, runs, room, lambda each: _width(each, runs, 0) + 2)
        return chosen or common_settings(about, runs, room, lambda each: _width(each, runs, 0) + 2)
    first, room = [], round(width * _ABOUT_SHARE)
    for column in about:  # a wide one makes no difference to the others
        cells = _width(column, runs, 0) + 2
        if cells <= room:
            room -= cells
            first.append(column)
    return first


def _sorted(
    folds: list[Fold], columns: Sequence[Column], sort: tuple[str, bool] | None
) -> list[Fold]:
    """Sort by one column, stably; runs without a value come last either way."""
    column = next((column for column in columns if sort and column.key == sort[0]), None)
    if column is None or sort is None:
        return folds
    having: list[tuple[tuple[float, str], Fold]] = []
    lacking: list[Fold] = []
    for fold in folds:
        value = column.read(fold.run)
        if value is None:
            lacking.append(fold)
        else:
            having.append((_order(value), fold))
    having.sort(key=itemgetter(0), reverse=sort[1])
    return [fold for _, fold in having] + lacking


def _order(value: Value) -> tuple[float, str]:
    return (0.0, value.lower()) if isinstance(value, str) else (value or 0.0, "")


def _by_stage(folds: Sequence[Fold]) -> list[Fold | str]:
    """Put rows below headings; a run without a result goes where its model went before."""
    known = {fold.run.model: fold.run.stage for fold in folds if fold.run.stage}
    groups: dict[str, list[Fold]] = {}
    for fold in folds:
        stage = fold.run.stage or known.get(fold.run.model, "")
        groups.setdefault(stage, []).append(fold)
    order = [*_STAGES, *sorted(groups.keys() - {*_STAGES, ""}), ""]
    entries: list[Fold | str] = []
    for stage in order:
        if found := groups.get(stage):
            entries += [f"{plain(stage) or 'stage not known yet'} · {len(found)}", *found]
    return entries


def _width(column: Column, runs: Sequence[RunSummary], metric_width: int) -> int:
    """Fit the title, with room for the sort arrow, and the longest text."""
    if not column.title:
        return 1
    title = cell_len(plain(column.title)) + 1
    if column.metric:
        return max(title, metric_width)
    texts = {column.write(value) for run in runs if (value := column.read(run)) is not None}
    longest = max((cell_len(plain(text)) for text in texts), default=0)
    return max(title, min(longest, _WIDEST) + (1 if column.numeric else 0))


def _row(entry: Fold | str, columns: Sequence[Column], judge: _Comparison) -> Row:
    if isinstance(entry, str):
        return Row("", (), Cell(entry, "head"))
    run, options = entry.run, judge.options
    look = show.run_look(run)
    is_baseline = judge.is_baseline(entry)
    marked = all(member.run_id in options.marked for member in entry.members)
    cells = [
        Cell(BASELINE if is_baseline else MARK if marked else "", "accent"),
        Cell(look.glyph, look.style),
        Cell(plain(name_of(run)), "strong" if is_baseline else ""),
    ]
    against = judge.against(entry)
    cells += [_cell(entry, column, against, judge) for column in columns[_FIXED:]]
    return Row(run.run_id, tuple(cells), _note(run, against))


def _cell(entry: Fold, column: Column, against: Fold | None, judge: _Comparison) -> Cell:
    run = entry.run
    value = column.read(run)
    if value is None:
        return Cell("· " if column.numeric else "·", "faint")
    if not column.metric:
        text = plain(column.write(value))
        return Cell(f"{text} ") if column.numeric else Cell(text, "muted")
    if against is not None:
        return _difference(entry, column.key, against, judge)
    best = (run.run_id, column.key) in judge.best
    text = f"{column.write(value)}{BEST if best else ' '}"
    if judge.spread:
        text += _spread(entry.spread.get(column.key))
    return Cell(text, "best" if best else "")


def _spread(sd: float | None) -> str:
    return " " * _SPREAD_WIDTH if sd is None else f"±{sd:.4f}".replace("±0.", "±.")


def _difference(entry: Fold, metric: str, against: Fold, judge: _Comparison) -> Cell:
    """Write a difference; one that may be chance is marked and has no colour."""
    percent = judge.options.mode == "percent"
    found = difference(entry.run, against.run, metric, percent=percent)
    if found is None:
        return Cell("· ", "faint")
    tested = judge.tested.get(pair_of(entry.members, against.members), {})
    sign = sign_of(tested.get(metric))
    return Cell(f"{found.text}{sign}", look_of(found, sign))


def _note(run: RunSummary, against: Fold | None) -> Cell | None:
    """Say what stands in the place of metrics or differences that are not there."""
    if run.metrics:
        if against is None:
            return None
        if not comparable(run, against.run):
            return Cell(f"not comparable: {why_not_comparable(run, against.run)}", "muted")
        if not run.metrics.keys() & against.run.metrics.keys():
            return Cell("no metric in common with the baseline", "muted")
        return None
    if run.state == "running":
        return Cell(progress_text(run), "running")
    look = show.run_look(run)
    return Cell(end_of(run), look.style)
