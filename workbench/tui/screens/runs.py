"""The runs side by side: sorted, filtered, compared with a baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.commands import bindings
from workbench.tui.screens.base import FullScreen
from workbench.tui.view import format as show
from workbench.tui.view.columns import name_of
from workbench.tui.view.filters import Filter, parse_filter
from workbench.tui.view.table import Options, build_table
from workbench.tui.view.texts import as_markdown, row_text
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.preview import Preview

if TYPE_CHECKING:
    from textual.widgets import Input


#: lines from which there is room for more than the table
_TALL = 36


class RunsScreen(FullScreen):
    """The table of runs, a filter line when asked for, and a word on the run under the cursor."""

    CSS_PATH = "runs.tcss"
    BINDINGS: ClassVar = bindings("runs")

    options: reactive[Options] = reactive(Options(), init=False)

    def __init__(self) -> None:
        super().__init__()
        self._passes = Filter()
        self._shown: list[RunSummary] = []

    def body(self) -> Iterable[Widget]:
        """Make table and footnote."""
        yield Grid(id="runs")
        yield Static(id="nothing", markup=False)
        yield Preview()

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    @property
    def shown(self) -> list[RunSummary]:
        """The runs in the table, in order."""
        return self._shown

    @property
    def current(self) -> RunSummary | None:
        """The run under the cursor."""
        row = self.grid.cursor_row
        return self._shown[row] if row < len(self._shown) else None

    @property
    def baseline(self) -> RunSummary | None:
        """The pinned run, while it exists."""
        runs = self.workbench.runs
        return next((run for run in runs if run.run_id == self.options.baseline), None)

    def on_mount(self) -> None:
        """Show the runs and follow them."""
        self.watch(self.app, "runs", self._draw, init=False)
        self.watch(self.app, "trouble", self._draw, init=False)
        self.grid.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the columns anew."""
        super().on_resize(event)
        self._draw()

    def watch_options(self) -> None:
        """Show what was chosen."""
        self._draw()

    def _draw(self) -> None:
        runs = self.workbench.runs
        table, self._shown = build_table(runs, self.options, self._passes, self.size.width)
        self.grid.show(table)
        self.set_class(not self._shown, "-nothing")
        self.query_one("#nothing", Static).update(self._why_nothing())
        self._say_title(runs)

    def _why_nothing(self) -> str:
        if self.workbench.trouble:
            return plain(self.workbench.trouble.replace("\n", ": "))
        if self.options.only_marked and not self.options.filter_text:
            return "No run is marked. Esc shows all."
        return f"No run passes the filter '{plain(self.options.filter_text)}'. Esc takes it off."

    def _say_title(self, runs: Iterable[RunSummary]) -> None:
        """Count the runs; what they have in common gives way to what the person chose."""
        title, what, remark = self.title_line, self._counts(runs), self._remark()
        common = "  ".join([what, *self._in_common()])
        title.what = common if title.has_room(common, remark) else what
        title.remark = remark

    def _counts(self, runs: Iterable[RunSummary]) -> str:
        counts = Counter(run.state for run in runs)
        total = sum(counts.values())
        number = f"{len(self._shown)} of {total}" if len(self._shown) != total else str(total)
        parts = [f"{number} run{'' if total == 1 else 's'}"]
        for state in ("running", "queued", "failed", "interrupted"):
            if counts[state]:
                look = show.state_look(state)
                parts.append(f"{look.glyph} {counts[state]} {look.word}")
        return "  ".join(parts)

    def _in_common(self) -> list[str]:
        """Name the data set and the protocol when all runs in the table share them."""
        data = {(run.dataset, run.synthetic) for run in self._shown}
        protocols = {run.protocol for run in self._shown}
        common = []
        if len(data) == 1:
            name, synthetic = data.pop()
            common.append(f"{plain(name)} (synthetic)" if synthetic else plain(name))
        if len(protocols) == 1:
            common.append(plain(protocols.pop()))
        return common

    def _remark(self) -> str:
        options, baseline = self.options, self.baseline
        parts = []
        if options.filter_text:
            parts.append(f"filter: {plain(options.filter_text)}")
        if options.only_marked:
            parts.append("marked only")
        if options.hide_unchanged:
            parts.append("same hidden")
        if baseline is not None:
            sign = {"value": "baseline", "delta": "Δ to", "percent": "Δ % to"}[options.mode]
            parts.append(f"{sign} {plain(name_of(baseline))}")
        return " · ".join(parts)

    def _describe(self) -> None:
        """Say more about the run under the cursor."""
        tall = self.size.height >= _TALL
        self.query_one(Preview).show(self.current, self.baseline, tall=tall)

    # Events

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Describe the run the cursor came to."""
        self._describe()
        self.refresh_bindings()

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Open the run that was clicked twice."""
        self.action_open()

    def on_grid_sorted(self, event: Grid.Sorted) -> None:
        """Sort by a column."""
        self.options = replace(self.options, sort=(event.column, event.descending))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while the person types; what does not parse yet waits."""
        try:
            self._passes = parse_filter(event.value)
        except InputError as error:
            event.input.border_subtitle = str(error).replace("\n", ": ")
            event.input.add_class("-wrong")
            return
        event.input.border_subtitle = ""
        event.input.remove_class("-wrong")
        self.options = replace(self.options, filter_text=event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the table; what does not parse is told and kept."""
        if not event.input.has_class("-wrong"):
            self._close_filter()

    def _close_filter(self) -> None:
        self.grid.focus()
        self.query("#filter").remove()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action in ("open", "mark", "copy", "copy_table", "export"):
            return bool(self._shown)
        if action == "baseline":
            return self.current is not None and bool(self.current.metrics)
        if action == "delta":
            return self.baseline is not None
        if action == "only_marked":
            return bool(self.options.marked) or self.options.only_marked
        if action in ("filter", "clear"):
            return bool(self.workbench.runs)
        if action == "unchanged":
            return len(self._shown) > 1 or self.options.hide_unchanged
        return True

    def action_open(self) -> None:
        """Open the run under the cursor."""
        from workbench.tui.screens.detail import DetailScreen

        run = self.current
        if run is not None:
            order = [shown.run_id for shown in self._shown]
            self.app.push_screen(DetailScreen(run.run_id, order, self.options.baseline))

    def action_mark(self) -> None:
        """Mark the run, or take its mark off, and go on to the next."""
        run = self.current
        if run is not None:
            self.options = replace(self.options, marked=self.options.marked ^ {run.run_id})
            self.grid.action_move(1)

    def action_baseline(self) -> None:
        """Pin the run as the baseline and show differences; or unpin it."""
        run = self.current
        if run is None:
            return
        if run.run_id == self.options.baseline:
            self.options = replace(self.options, baseline=None, mode="value")
        else:
            self.options = replace(self.options, baseline=run.run_id, mode="delta")

    def action_delta(self) -> None:
        """Cycle through values, differences and percent."""
        self.options = self.options.next_mode()

    def action_unchanged(self) -> None:
        """Hide or show the columns in which all runs agree."""
        self.options = replace(self.options, hide_unchanged=not self.options.hide_unchanged)

    def action_only_marked(self) -> None:
        """Show only the marked runs, or all."""
        self.options = replace(self.options, only_marked=not self.options.only_marked)

    async def action_filter(self) -> None:
        """Open the filter line, or go to it."""
        from textual.widgets import Input

        if not self.query("#filter"):
            field = Input(
                self.options.filter_text,
                placeholder="words   model:mf   state:failed   ndcg@10>.2",
                id="filter",
                compact=False,
            )
            field.border_title = "filter"
            await self.mount(field, before="#preview")
        self.query_one("#filter", Input).focus()

    def action_clear(self) -> None:
        """Take back the last kind of choice that is in force."""
        if self.query("#filter"):
            self._close_filter()
        if self.options.filter_text or self._passes.tests:
            self._passes = Filter()
            self.options = replace(self.options, filter_text="")
        elif self.options.only_marked:
            self.options = replace(self.options, only_marked=False)
        else:
            self.options = replace(self.options, sort=None)

    def action_copy(self) -> None:
        """Copy the row."""
        grid = self.grid
        if self._shown:
            self._to_clipboard(row_text(grid.table, grid.table.rows[grid.cursor_row]), "the row")

    def action_copy_table(self) -> None:
        """Copy the table as Markdown."""
        self._to_clipboard(as_markdown(self.grid.table), "the table as Markdown")

    def _to_clipboard(self, text: str, what: str) -> None:
        self.app.copy_to_clipboard(text)
        self.notify(
            f"Copied {what}. Some terminals do not allow it: e writes a file.", markup=False
        )

    def action_export(self) -> None:
        """Ask for a file name and write the table."""
        from workbench.tui.screens.export import ExportScreen

        self.app.push_screen(ExportScreen(self.grid.table, self._shown))
