"""The table of runs as plain cells: filtered, sorted, compared; the widget only draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.columns import (
    Column,
    Value,
    cost_columns,
    descriptive_columns,
    metric_columns,
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
    fixed
        How many columns at the left always stay in sight.
    note_from
        The first column that a row's note covers.
    """

    heads: tuple[Head, ...] = ()
    rows: tuple[Row, ...] = ()
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
    columns, note_from = _columns(chosen, options, width)
    chosen = _sorted(chosen, columns, options.sort)
    best = best_runs(chosen)
    rows = [_row(run, columns, options, baseline, best) for run in chosen]
    heads = [
        Head(
            column.key,
            plain(column.title),
            _width(column, [row.cells[index].text for row in rows]),
            column.numeric,
        )
        for index, column in enumerate(columns)
    ]
    return Table(tuple(heads), tuple(rows), 3, note_from, options.sort), chosen


def _is_chosen(run: RunSummary, options: Options) -> bool:
    if not options.only_marked:
        return True
    return run.run_id in options.marked or run.run_id == options.baseline


def _columns(runs: Sequence[RunSummary], options: Options, width: int) -> tuple[list[Column], int]:
    """Choose the columns; the second value is the index of the first that is not fixed text."""
    fixed = [
        Column("mark", "", lambda run: None),
        Column("state", "", lambda run: run.state),
        Column("label", "run", lambda run: run.label),
    ]
    about, metrics = descriptive_columns(runs), metric_columns(runs)
    about += parameter_columns(runs)
    cost = cost_columns()
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


def _width(column: Column, texts: Sequence[str]) -> int:
    from rich.cells import cell_len  # wide characters take two cells

    longest = max((cell_len(text) for text in texts), default=0)
    limit = 24 if column.key == "label" else 28
    title = cell_len(column.title) + (1 if column.title else 0)  # room for the sort arrow
    return max(title, min(longest, limit), 1)


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
        Cell(plain(run.label), "strong" if is_baseline else ""),
    ]
    against = None if options.mode == "value" or is_baseline else baseline
    if against is not None and run.metrics and not comparable(run, against):
        note: Cell | None = Cell("not comparable: judged on another split", "muted")
    else:
        note = _note(run)
    cells += [_cell(run, column, against, options.mode, best) for column in columns[3:]]
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
    if run.problem:
        return Cell(plain(run.problem), "bad")
    if run.metrics:
        return None
    if run.state == "running":
        return Cell(progress_text(run), "running")
    look = show.state_look(run.state)
    reason = plain(run.reason)
    return Cell(f"{look.word}: {reason}" if reason else look.word, look.style)


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
