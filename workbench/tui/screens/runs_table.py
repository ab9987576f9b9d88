"""The runs side by side as they are drawn; what keys do with them is in `runs`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from textual import events, work
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from recsys_core.evaluation.names import meaning_of
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.screens.base import FullScreen
from workbench.tui.view import runs_words as words
from workbench.tui.view.choices import Options
from workbench.tui.view.filters import Filter, parse_filter
from workbench.tui.view.fold import Fold
from workbench.tui.view.result import Against
from workbench.tui.view.runs_table import Layout, LayoutMaker
from workbench.tui.view.significance import PairedTests, compare_pair
from workbench.tui.view.table import Table
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import put
from workbench.tui.widgets.preview import Preview
from workbench.tui.widgets.search import Problem

#: lines from which there is room for more than the table
_TALL = 36


class RunsTable(FullScreen):
    """The table of runs, and a word on the run under the cursor."""

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
        """Catch up with what changed meanwhile, and do what another screen asked for."""
        if self._behind:
            self._on_runs()
        self.take_errand()

    def take_errand(self) -> None:
        """Go to the metric that the palette was asked for."""
        errand = self.workbench.errands.pop("results", None)
        if errand is not None:
            self.call_after_refresh(self._go_to_metric, errand.metric)

    def _go_to_metric(self, metric: str) -> None:
        """Put the cursor on its column, at whichever K that is; where there is none, explain it."""
        base = metric.partition("@")[0]
        columns = [head.key for head in self.grid.table.heads]
        found = [column for column in columns if column.partition("@")[0] == base]
        if found:
            self.grid.go_to_column(found[0])
        else:
            self.workbench.explain_metric(metric)

    def _take_up(self, options: Options) -> None:
        """Go on with kept choices; a filter of another version may not parse any more."""
        try:
            self._passes = parse_filter(options.filter_text)
        except InputError:
            options = replace(options, filter_text="")
        self.set_reactive(RunsTable.options, options)

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

    def _against(self, run_id: str) -> Against:
        """Hold a run against the baseline; seeds that are folded have no test of one alone."""
        fold = self._layout.folds.get(run_id)
        if fold is not None and len(fold.members) > 1:
            return Against(self.baseline, seeds=len(fold.members))
        return self._against_of(fold, run_id)

    def _against_of(self, row: Fold | None, run_id: str) -> Against:
        layout, baseline = self._layout, self.baseline
        members = () if row is None else tuple(run.run_id for run in row.members)
        for pair in layout.comparisons:
            if members and members == pair[0]:
                tested = layout.tested.get(pair, {})
                testing = bool(self._tests.missing(layout.comparisons))
                return Against(baseline, tested, len(layout.comparisons), testing)
        return Against(baseline)

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
