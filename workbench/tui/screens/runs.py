"""What can be done with the runs side by side: sort, filter, fold, compare with a baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from workbench.store.listing import RunSummary
from workbench.store.manage import removable
from workbench.store.text import plain
from workbench.tui.commands import bindings
from workbench.tui.screens.again import again
from workbench.tui.screens.runs_table import RunsTable
from workbench.tui.view import runs_words as words
from workbench.tui.view.baseline import baseline_of
from workbench.tui.view.columns import cutoffs_of, main_cutoff
from workbench.tui.view.comparison import (
    LEAST,
    chosen_rows,
    compare_rows,
    rows_marked,
    why_not_compared,
)
from workbench.tui.view.filters import Filter
from workbench.tui.view.fold import Fold
from workbench.tui.view.runs_table import EVERYTHING, lay_out
from workbench.tui.view.table import Table
from workbench.tui.view.texts import as_markdown, row_text
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.search import Problem

if TYPE_CHECKING:
    from workbench.tui.widgets.filter import FilterLine

#: commands that need a row, whichever it is
_ON_ROWS = {"open", "again", "mark", "mark_all", "copy", "copy_table", "export", "tag", "note"}


def load_comparison() -> None:
    """Import the page that compares runs, and what its users and groups are read with."""
    for name in ("workbench.tui.screens.compare", "numpy"):
        import_module(name)


class RunsScreen(RunsTable):
    """The table of runs with its commands, and a filter line when asked for."""

    CSS_PATH = "runs.tcss"
    BINDINGS: ClassVar = bindings("runs")

    #: runs, and their cut-offs
    _judged_at: tuple[Sequence[RunSummary], list[int]] = ((), [])

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Open the run that was clicked twice."""
        self.action_open()

    def on_grid_sorted(self, event: Grid.Sorted) -> None:
        """Sort by a column."""
        self.options = replace(self.options, sort=(event.column, event.descending))

    def on_filter_line_filtered(self, event: FilterLine.Filtered) -> None:
        """Show what passes the filter."""
        self._passes = event.passes
        self.options = replace(self.options, filter_text=event.text)

    def on_filter_line_left(self, _event: FilterLine.Left) -> None:
        """Go back to the table."""
        self._close_filter()

    def _close_filter(self) -> None:
        self.grid.focus()
        self.query("#filter").remove()
        self.query_one(Problem).say("")

    # Commands

    @property
    def _cutoffs(self) -> list[int]:
        """The K of the runs; asked for after every key, and looked for where there are others."""
        runs = self.workbench.runs
        if self._judged_at[0] is not runs:
            self._judged_at = runs, cutoffs_of(runs)
        return self._judged_at[1]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action in _ON_ROWS:
            return bool(self._layout.folds)
        if action in ("compare", "scatter"):
            return not self._why_not_compared(action)
        if action == "baseline":
            return self.current is not None and bool(self.current.metrics)
        if action == "delta":
            return self.baseline is not None
        if action == "only_marked":
            return bool(self.options.marked) or self.options.only_marked
        if action in ("filter", "clear", "columns", "seeds", "stages", "failed"):
            return bool(self.workbench.runs)
        if action == "cutoff":
            return len(self._cutoffs) > 1
        if action == "remove":
            return any(removable(run) for run in self._targets())
        if action == "unchanged":
            return len(self._layout.folds) > 1 or self.options.hide_unchanged
        return True

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        if action in ("compare", "scatter"):
            return self._why_not_compared(action)
        return words.why_not(action, self.current)

    def action_open(self) -> None:
        """Open the run under the cursor."""
        from workbench.tui.screens.detail import DetailScreen

        run = self.current
        if run is not None:
            order = list(self._layout.folds)
            self.app.push_screen(DetailScreen(run.run_id, order, self._against))

    def action_again(self) -> None:
        """Open the form for a new job, filled in with the run under the cursor."""
        if self.current is not None:
            again(self.workbench, self.current)

    def _why_not_compared(self, action: str) -> str:
        """Say why there is nothing to compare, as far as one can tell for thousands of rows."""
        if action == "scatter":
            any_judged = any(fold.run.metrics for fold in self._layout.folds.values())
            return "" if any_judged else "no run of the table has a result"
        held = self.options.baseline is not None and self.current is not None
        return "" if held or len(self.options.marked) >= LEAST else why_not_compared([])

    def _rows_to_compare(self) -> list[Fold]:
        """List the marked rows, or that under the cursor and the baseline."""
        runs, options = self.workbench.runs, self.options
        marked = rows_marked(self._layout.folds.values(), runs, options)
        return chosen_rows(marked, baseline_of(runs, options), self.current_row)

    def action_compare(self) -> None:
        """Open the page that compares them."""
        from workbench.tui.screens.compare import CompareScreen

        rows = self._rows_to_compare()
        if why := why_not_compared(rows):
            self.notify(why, severity="warning", markup=False)
            return
        runs, folds = self.workbench.runs, list(self._layout.folds.values())
        comparison = compare_rows(rows, runs, folds, self.options)
        self.app.push_screen(CompareScreen(comparison, self._tests))

    def action_scatter(self) -> None:
        """Plot the rows in two metrics; the cursor comes back to the run that was looked at."""
        from workbench.tui.screens.scatter import ScatterScreen

        def rows() -> list[Fold]:
            runs, width = self.workbench.runs, self.size.width
            layout = self._maker.lay_out(runs, self.options, self._passes, width, self._tests)
            return list(layout.folds.values())

        def go_to(run_id: str | None) -> None:
            self.grid.go_to_row(run_id or "")

        start = self.grid.cursor_key or ""
        options = self.options
        screen = ScatterScreen(rows, options.baseline, options.cutoff, self._against, start)
        self.app.push_screen(screen, go_to)

    def action_mark(self) -> None:
        """Mark the run, or take its mark off, and go on to the next."""
        row = self.current_row
        if row is not None:
            self.options = self.options.marking(run.run_id for run in row.members)
            self.grid.action_move(1)
            self.once_painted(self._prepare_comparison)

    def action_mark_all(self) -> None:
        """Mark all runs in the table, or take their marks off."""
        folds = self._layout.folds.values()
        self.options = self.options.marking(run.run_id for fold in folds for run in fold.members)
        self.once_painted(self._prepare_comparison)

    def _prepare_comparison(self) -> None:
        """Load what the page of marked runs needs while nobody waits for it."""
        if len(self.options.marked) >= LEAST and not self.app.is_headless:
            self.run_worker(load_comparison, group="prepare", thread=True, exclusive=True)

    def action_baseline(self) -> None:
        """Pin the run as the baseline and show differences; or unpin it."""
        row = self.current_row
        if row is None:
            return
        if self.options.baseline in [run.run_id for run in row.members]:
            self.options = replace(self.options, baseline=None, mode="value")
        else:
            self.options = replace(self.options, baseline=row.run.run_id, mode="delta")

    def action_delta(self) -> None:
        """Cycle through values, differences and percent."""
        self.options = self.options.next_mode()

    def action_unchanged(self) -> None:
        """Hide or show the columns in which all runs agree."""
        self.options = replace(self.options, hide_unchanged=not self.options.hide_unchanged)

    def action_cutoff(self) -> None:
        """Go on to the metrics at the next cut-off."""
        runs = self.workbench.runs
        main = main_cutoff(name for run in runs for name in run.metrics)
        self.options = self.options.at_next_cutoff(cutoffs_of(runs), main)

    def action_failed(self) -> None:
        """Hide or show the runs that ended without a result."""
        self.options = replace(self.options, hide_failed=not self.options.hide_failed)

    def action_only_marked(self) -> None:
        """Show only the marked runs, or all."""
        self.options = replace(self.options, only_marked=not self.options.only_marked)

    def action_seeds(self) -> None:
        """Fold the seeds of a job into one row, or show them one by one."""
        self.options = replace(self.options, fold_seeds=not self.options.fold_seeds)

    def action_stages(self) -> None:
        """Put recall, ranking and two-stage runs below headings, or take these away."""
        self.options = replace(self.options, by_stage=not self.options.by_stage)

    def action_columns(self) -> None:
        """Ask which columns to show, and in which order."""
        from workbench.tui.screens.columns import ColumnsScreen

        def take(chosen: tuple[frozenset[str], tuple[str, ...]] | None) -> None:
            if chosen is not None:
                self.options = replace(self.options, hidden=chosen[0], order=chosen[1])

        screen = ColumnsScreen(self._layout.columns, self.options)
        self.app.push_screen(screen, take)

    async def action_filter(self) -> None:
        """Open the filter line, or go to it."""
        from workbench.tui.widgets.filter import FilterLine

        if not self.query("#filter"):
            line = FilterLine(self.options.filter_text, self._names, self._labels)
            await self.mount(line, before=".problem")
        self.query_one("#filter").focus()

    def _names(self) -> set[str]:
        """Collect the metrics and settings of all runs."""
        runs = self.workbench.runs
        return {name for run in runs for names in (run.metrics, run.params) for name in names}

    def _labels(self) -> set[str]:
        return {plain(run.label) for run in self.workbench.runs if run.label}

    def action_clear(self) -> None:
        """Take back the last kind of choice that is in force."""
        if self.unzoom():
            return
        if self.query("#filter"):
            self._close_filter()
        if self.options.filter_text or self._passes.groups:
            self._passes = Filter()
            self.options = replace(self.options, filter_text="")
        elif self.options.only_marked:
            self.options = replace(self.options, only_marked=False)
        else:
            self.options = replace(self.options, sort=None)

    def action_tag(self) -> None:
        """Ask for the tags of the run, or of all marked runs when it is one of them."""
        from workbench.tui.screens.annotate import TagsScreen

        self.app.push_screen(TagsScreen(self._targets()))

    def action_note(self) -> None:
        """Ask for the note on the run."""
        from workbench.tui.screens.annotate import NoteScreen

        row = self.current_row
        if row is not None:
            self.app.push_screen(NoteScreen(row.members[0]))

    def _targets(self) -> list[RunSummary]:
        row = self.current_row
        members = list(row.members) if row else []
        if members and all(run.run_id in self.options.marked for run in members):
            return [run for run in self.workbench.runs if run.run_id in self.options.marked]
        return members

    def action_remove(self) -> None:
        """Ask whether the run, or all marked ones when it is one of them, go to the archive."""
        from workbench.tui.screens.remove import RemoveScreen

        self.app.push_screen(RemoveScreen(self._targets()))

    def action_restore(self) -> None:
        """List the archived runs, to bring some back."""
        from workbench.tui.screens.archive import ArchiveScreen

        self.app.push_screen(ArchiveScreen(self.workbench.runs_dir))

    def _whole_table(self) -> Table:
        """Lay the rows out with columns in one order, whatever the width of the terminal."""
        runs = self.workbench.runs
        return lay_out(runs, self.options, self._passes, EVERYTHING, self._tests).table

    def action_copy(self) -> None:
        """Copy the row."""
        table, key = self._whole_table(), self.grid.cursor_key
        if key in table.keys:
            self._to_clipboard(row_text(table, table.rows[table.keys.index(key)]), "the row")

    def action_copy_table(self) -> None:
        """Copy the table as Markdown."""
        self._to_clipboard(as_markdown(self._whole_table()), "the table as Markdown")

    def _to_clipboard(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied {what}; e writes a file where that is not allowed.", markup=False)

    def action_export(self) -> None:
        """Ask for a file name and write the table."""
        from workbench.tui.screens.export import ExportScreen
        from workbench.tui.view.texts import Exported

        missing = len(self._tests.missing(self._layout.comparisons))
        remark = words.remark(self.options, self.baseline, missing)
        what = " · ".join([self._counts(), *words.in_common(self.shown), remark]).rstrip(" ·")
        folds = list(self._layout.folds.values())
        self.app.push_screen(ExportScreen(Exported(self._whole_table(), folds, what)))
