"""The runs side by side: sorted, filtered, folded, compared with a baseline."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from recsys_core.evaluation.names import meaning_of
from workbench.store.listing import RunSummary
from workbench.store.manage import removable
from workbench.store.text import plain
from workbench.tui.commands import bindings
from workbench.tui.screens.base import FullScreen
from workbench.tui.view import runs_words as words
from workbench.tui.view.columns import cutoffs_of, main_cutoff
from workbench.tui.view.filters import Filter, parse_filter
from workbench.tui.view.fold import Fold
from workbench.tui.view.layout import EVERYTHING, Layout, LayoutMaker, lay_out
from workbench.tui.view.options import Options
from workbench.tui.view.result import Against
from workbench.tui.view.significance import PairedTests, compare_pair
from workbench.tui.view.table import Table
from workbench.tui.view.texts import as_markdown, row_text
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import put
from workbench.tui.widgets.preview import Preview
from workbench.tui.widgets.search import Problem

if TYPE_CHECKING:
    from workbench.tui.widgets.filter import FilterLine

#: lines from which there is room for more than the table
_TALL = 36


class RunsScreen(FullScreen):
    """The table of runs, a filter line when asked for, and a word on the run under the cursor."""

    CSS_PATH = "runs.tcss"
    BINDINGS: ClassVar = bindings("runs")

    options: reactive[Options] = reactive(Options(), init=False, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._behind = False
        self._passes = Filter()
        self._layout = Layout(Table(), {}, (), {}, {})
        self._maker = LayoutMaker()
        self._tests = PairedTests()

    def body(self) -> Iterable[Widget]:
        """Make table and footnote."""
        yield Grid(id="runs")
        yield Static(id="nothing", markup=False)
        yield Problem()
        yield Preview()

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    @property
    def shown(self) -> list[RunSummary]:
        """The runs in the table, in order; folded seeds as one."""
        return self._layout.runs

    @property
    def current_row(self) -> Fold | None:
        """The row under the cursor: a run, or the seeds of a job."""
        return self._layout.folds.get(self.grid.cursor_key or "")

    @property
    def current(self) -> RunSummary | None:
        """The run under the cursor."""
        row = self.current_row
        return row.run if row else None

    @property
    def baseline(self) -> RunSummary | None:
        """The pinned run, while it exists."""
        pinned = self.options.baseline  # read once: a reactive is slow for ten thousand runs
        if pinned is None:
            return None
        return next((run for run in self.workbench.runs if run.run_id == pinned), None)

    def on_mount(self) -> None:
        """Show the runs as they were left last time, and follow them."""
        self._take_up(self.workbench.state.options)
        self.watch(self.app, "runs", self._on_runs, init=False)
        self.watch(self.app, "trouble", self._on_runs, init=False)
        self.grid.focus()

    def _on_runs(self) -> None:
        """Draw what changed; below another screen it waits until it is seen again."""
        self._behind = not self.is_current
        if not self._behind:
            self._draw()

    def on_screen_resume(self) -> None:
        """Catch up with what changed meanwhile."""
        if self._behind:
            self._on_runs()

    def _take_up(self, options: Options) -> None:
        """Go on with kept choices; a filter of another version may not parse any more."""
        try:
            self._passes = parse_filter(options.filter_text)
        except InputError:
            options = replace(options, filter_text="")
        self.set_reactive(RunsScreen.options, options)

    def on_resize(self, event: events.Resize) -> None:
        """Choose the columns anew."""
        super().on_resize(event)
        self._draw()

    def watch_options(self) -> None:
        """Show what was chosen, and keep it."""
        self.workbench.state.options = self.options
        self._draw()

    def _draw(self) -> None:
        runs, options = self.workbench.runs, self.options
        width = self.size.width
        self._layout = self._maker.lay_out(runs, options, self._passes, width, self._tests)
        self.grid.show(self._layout.table)
        self.set_class(not self._layout.folds, "-nothing")
        nothing = words.why_nothing(options, self.workbench.trouble)
        put(self.query_one("#nothing", Static), nothing)
        self._say_title()
        if self._tests.missing(self._layout.comparisons):
            self._test()

    @work(group="tests", exclusive=True)
    async def _test(self) -> None:
        """Test the rows against the baseline, one after the other, off this thread."""
        comparisons = self._layout.comparisons
        for pair in self._tests.missing(comparisons):
            ours, theirs = comparisons[pair]
            self._tests.known[pair] = await asyncio.to_thread(compare_pair, ours, theirs)
            if not self.has_parts(Grid, Preview):  # the session has ended meanwhile
                return
            self._say_title()
        self._draw()
        for screen in self.app.screen_stack:
            if screen is not self and hasattr(screen, "follow_tests"):
                screen.follow_tests()

    def _say_title(self) -> None:
        """Count the runs; what they have in common gives way to what the person chose."""
        title, what = self.title_line, self._counts()
        missing = len(self._tests.missing(self._layout.comparisons))
        remark = words.remark(self.options, self.baseline, missing)
        common = "  ".join([what, *words.in_common(self.shown)])
        title.what = common if title.has_room(common, remark) else what
        title.remark = remark

    def _counts(self) -> str:
        shown = sum(len(fold.members) for fold in self._layout.folds.values())
        return words.counts(self.workbench.runs, shown)

    def _describe(self) -> None:
        """Say more about the run under the cursor."""
        preview = self.query_one(Preview)
        preview.make_room(tall=self.size.height >= _TALL)
        preview.border_title = self.explain_column()
        preview.show(self.current_row, self.baseline)

    def _describe_more(self) -> None:
        row = self.current_row
        if row is not None:
            against = self._against_of(row, row.run.run_id)
            self.query_one(Preview).show_sections(row, against)

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Describe the run the cursor came to."""
        self.once_painted(self._follow_cursor)

    def _follow_cursor(self) -> None:
        self._describe()
        self.refresh_bindings()
        if self.size.height >= _TALL:
            self.once_rested(self._describe_more)

    def on_grid_column_moved(self, _event: Grid.ColumnMoved) -> None:
        """Say what the column is."""
        self.query_one(Preview).border_title = self.explain_column()

    def explain_column(self) -> str:
        """Say what the metric of the column under the cursor is: range, direction, meaning."""
        column = (self.grid.column_key or "").removeprefix("published ")
        meaning = meaning_of(column)
        return f"{plain(column)}: {meaning}" if meaning else ""

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action in ("open", "mark", "mark_all", "copy", "copy_table", "export", "tag", "note"):
            return bool(self._layout.folds)
        if action == "baseline":
            return self.current is not None and bool(self.current.metrics)
        if action == "delta":
            return self.baseline is not None
        if action == "only_marked":
            return bool(self.options.marked) or self.options.only_marked
        if action in ("filter", "clear", "columns", "seeds", "stages", "failed"):
            return bool(self.workbench.runs)
        if action == "cutoff":
            return len(cutoffs_of(self.workbench.runs)) > 1
        if action == "remove":
            return any(removable(run) for run in self._targets())
        if action == "unchanged":
            return len(self._layout.folds) > 1 or self.options.hide_unchanged
        return True

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        return words.why_not(action, self.current)

    def action_open(self) -> None:
        """Open the run under the cursor."""
        from workbench.tui.screens.detail import DetailScreen

        run = self.current
        if run is not None:
            order = list(self._layout.folds)
            self.app.push_screen(DetailScreen(run.run_id, order, self._against))

    def _against(self, run_id: str) -> Against:
        """Hold a run against the baseline; seeds that are folded have no test of one alone."""
        fold = self._layout.folds.get(run_id)
        alone = fold is not None and len(fold.members) == 1
        return self._against_of(fold if alone else None, run_id)

    def _against_of(self, row: Fold | None, run_id: str) -> Against:
        layout, baseline = self._layout, self.baseline
        for ours, theirs in layout.tested:
            if row is not None and ours == tuple(run.run_id for run in row.members):
                tested = layout.tested[ours, theirs]
                return Against(baseline, tested, len(layout.comparisons))
        return Against(baseline)

    def action_mark(self) -> None:
        """Mark the run, or take its mark off, and go on to the next."""
        row = self.current_row
        if row is not None:
            self.options = self.options.marking(run.run_id for run in row.members)
            self.grid.action_move(1)

    def action_mark_all(self) -> None:
        """Mark all runs in the table, or take their marks off."""
        folds = self._layout.folds.values()
        self.options = self.options.marking(run.run_id for fold in folds for run in fold.members)

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
