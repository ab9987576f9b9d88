"""The table of runs as plain cells: filtered, sorted, compared; the widget only draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, overload

from rich.cells import cell_len

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.columns import (
    Column,
    Value,
    cost_columns,
    descriptive_columns,
    metric_columns,
    name_of,
    parameter_columns,
    without_unchanged,
)
from workbench.tui.view.compare import best_runs, comparable, difference
from workbench.tui.view.filters import Filter

Mode = Literal["value", "delta", "percent"]
MODES: tuple[Mode, ...] = ("value", "delta", "percent")
BEST = "✦"
BASELINE = "⚑"
MARK = "✱"

#: from this width on there is room to say what a run is before its metrics
WIDE = 120
_BAR_WIDTH = 12
#: mark, state and label always stay in sight
_FIXED = 3
#: cells of a metric: 0.2871✦, ▲ +0.0130, ▲ +123.4 %
_METRIC_WIDTHS: dict[Mode, int] = {"value": 7, "delta": 10, "percent": 11}
#: longer texts are cut
_WIDEST = 26


@dataclass(frozen=True, slots=True)
class Options:
    """What the person chose: plain values, so that a session can be kept."""

    filter_text: str = ""
    sort: tuple[str, bool] | None = None
    marked: frozenset[str] = frozenset()
    only_marked: bool = False
    baseline: str | None = None
    mode: Mode = "value"
    hide_unchanged: bool = False

    def next_mode(self) -> Options:
        """Go on to the next way of showing metrics."""
        return replace(self, mode=MODES[(MODES.index(self.mode) + 1) % len(MODES)])


@dataclass(frozen=True, slots=True)
class Cell:
    """Text that is safe to draw, and the name of its style."""

    text: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One run: a cell a column; a note, where there is one, covers the metrics."""

    key: str
    cells: tuple[Cell, ...]
    note: Cell | None = None


class Rows(Sequence[Row]):
    """Rows that are made when they are looked at: of thousands a screen shows fifty."""

    def __init__(self, runs: Sequence[RunSummary], make: Callable[[RunSummary], Row]) -> None:
        self._runs = runs
        self._make = make
        self._made: dict[int, Row] = {}

    def __len__(self) -> int:
        """Count the runs."""
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Make the row, once."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index not in self._made:
            self._made[index] = self._make(self._runs[index])
        return self._made[index]


@dataclass(frozen=True, slots=True)
class Head:
    """A column as drawn: its key, title, width in cells, and alignment."""

    key: str
    title: str
    width: int
    right: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """All there is to draw.

    Parameters
    ----------
    keys
        The key of each row.
    fixed
        How many columns at the left always stay in sight.
    note_from
        The first column that a row's note covers.
    """

    heads: tuple[Head, ...] = ()
    rows: Sequence[Row] = ()
    keys: tuple[str, ...] = ()
    fixed: int = 0
    note_from: int = 0
    sort: tuple[str, bool] | None = None


def build_table(
    runs: Sequence[RunSummary], options: Options, passes: Filter, width: int
) -> tuple[Table, list[RunSummary]]:
    """Lay out the runs that `options` selects; return the table and its runs, in order.

    Parameters
    ----------
    width
        Cells there are; a narrow table has its metrics before what a run is.
    """
    baseline = next((run for run in runs if run.run_id == options.baseline), None)
    chosen = [run for run in runs if passes(run) and _is_chosen(run, options)]
    columns, note_from = _columns(chosen, options, baseline, width)
    chosen = _sorted(chosen, columns, options.sort)
    best = best_runs(chosen)
    rows = Rows(chosen, lambda run: _row(run, columns, options, baseline, best))
    mode = options.mode if baseline is not None else "value"
    heads = [
        Head(column.key, plain(column.title), _width(column, chosen, mode), column.numeric)
        for column in columns
    ]
    keys = tuple(run.run_id for run in chosen)
    return Table(tuple(heads), rows, keys, _FIXED, note_from, options.sort), chosen


def _is_chosen(run: RunSummary, options: Options) -> bool:
    if not options.only_marked:
        return True
    return run.run_id in options.marked or run.run_id == options.baseline


def _columns(
    runs: Sequence[RunSummary], options: Options, baseline: RunSummary | None, width: int
) -> tuple[list[Column], int]:
    """Choose the columns; the second value is the index of the first that is not fixed text."""
    fixed = [
        Column("mark", "", lambda run: None),
        Column("state", "", lambda run: run.state),
        Column("label", "run", name_of),
    ]
    about, metrics = descriptive_columns(runs), metric_columns(runs)
    about += parameter_columns(runs)
    cost = cost_columns()
    if baseline is not None and options.mode != "value":
        metrics = [column for column in metrics if column.key in baseline.metrics]
    if options.hide_unchanged:
        about = without_unchanged(about, runs)
        metrics = without_unchanged(metrics, runs)
        cost = without_unchanged(cost, runs)
    if width >= WIDE:
        return [*fixed, *about, *metrics, *cost], len(fixed) + len(about)
    first = [column for column in about if column.key == "dataset" and _differs(column, runs)]
    rest = [column for column in about if column not in first]
    return [*fixed, *first, *metrics, *rest, *cost], len(fixed) + len(first)


def _differs(column: Column, runs: Sequence[RunSummary]) -> bool:
    return len({column.read(run) for run in runs}) > 1


def _sorted(
    runs: list[RunSummary], columns: Sequence[Column], sort: tuple[str, bool] | None
) -> list[RunSummary]:
    """Sort by one column, stably; runs without a value come last either way."""
    column = next((column for column in columns if sort and column.key == sort[0]), None)
    if column is None or sort is None:
        return runs
    having = [(value, run) for run in runs if (value := column.read(run)) is not None]
    lacking = [run for run in runs if column.read(run) is None]
    having.sort(key=lambda pair: _order(pair[0]), reverse=sort[1])
    return [run for _, run in having] + lacking


def _order(value: Value) -> tuple[float, str]:
    return (0.0, value.lower()) if isinstance(value, str) else (value or 0.0, "")


def _width(column: Column, runs: Sequence[RunSummary], mode: Mode) -> int:
    """Fit the title, with room for the sort arrow, and the longest text."""
    if not column.title:
        return 1
    title = cell_len(plain(column.title)) + 1
    if column.metric:
        return max(title, _METRIC_WIDTHS[mode])
    texts = {column.write(value) for run in runs if (value := column.read(run)) is not None}
    longest = max((cell_len(plain(text)) for text in texts), default=0)
    return max(title, min(longest, _WIDEST) + (1 if column.numeric else 0))


def _row(
    run: RunSummary,
    columns: Sequence[Column],
    options: Options,
    baseline: RunSummary | None,
    best: set[tuple[str, str]],
) -> Row:
    look = show.state_look(run.state)
    is_baseline = run.run_id == options.baseline
    mark = BASELINE if is_baseline else MARK if run.run_id in options.marked else ""
    cells = [
        Cell(mark, "accent"),
        Cell(look.glyph, look.style),
        Cell(plain(name_of(run)), "strong" if is_baseline else ""),
    ]
    against = None if options.mode == "value" or is_baseline else baseline
    if against is not None and run.metrics and not comparable(run, against):
        note: Cell | None = Cell("not comparable: judged on another split", "muted")
    elif against is not None and run.metrics and not run.metrics.keys() & against.metrics.keys():
        note = Cell("no metric in common with the baseline", "muted")
    else:
        note = _note(run)
    cells += [_cell(run, column, against, options.mode, best) for column in columns[_FIXED:]]
    return Row(run.run_id, tuple(cells), note)


def _cell(
    run: RunSummary,
    column: Column,
    against: RunSummary | None,
    mode: Mode,
    best: set[tuple[str, str]],
) -> Cell:
    value = column.read(run)
    if value is None:
        return Cell("· " if column.numeric else "·", "faint")
    if not column.metric:
        text = plain(column.write(value))
        return Cell(f"{text} ") if column.numeric else Cell(text, "muted")
    if against is not None:
        found = difference(run, against, column.key, percent=mode == "percent")
        return Cell(f"{found.text} ", found.style) if found else Cell("· ", "faint")
    if (run.run_id, column.key) in best:
        return Cell(f"{column.write(value)}{BEST}", "best")
    return Cell(f"{column.write(value)} ")


def _note(run: RunSummary) -> Cell | None:
    """Say what stands in the place of metrics that are not there."""
    if run.metrics:
        return None
    if run.state == "running":
        return Cell(progress_text(run), "running")
    look = show.state_look(run.state)
    reason = reason_of(run)
    return Cell(f"{look.word}: {reason}" if reason else look.word, look.style)


def reason_of(run: RunSummary) -> str:
    """Say why a run has no result, or what is wrong with its files; empty when all is well."""
    return plain((run.problem or run.reason).removeprefix(f"{run.folder}/"))


def progress_text(run: RunSummary) -> str:
    """Draw how far a run is: ``fit ███████▌     13/20  loss 0.4120``."""
    progress = run.progress
    if progress is None:
        return "starting"
    parts = [plain(progress.stage)]
    if progress.total:
        done = bar_of(progress.step, progress.total)
        parts.append(f"{done} {progress.step}/{progress.total}")
    parts += [f"{plain(name)} {show.quantity(value)}" for name, value in progress.metrics.items()]
    if progress.message:
        parts.append(plain(progress.message))
    return "  ".join(parts)


def bar_of(step: int, total: int) -> str:
    """Draw a progress bar with its track."""
    return show.bar(step / total, _BAR_WIDTH).replace(" ", "░")
