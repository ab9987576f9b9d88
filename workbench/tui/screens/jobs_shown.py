"""Jobs as they are drawn, with live curves; what keys do with them is in `jobs`."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterable

from textual import events, work
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from workbench.store.listing import RunSummary
from workbench.store.runs import State
from workbench.store.text import plain
from workbench.tui.screens.divided import DividedScreen, Line
from workbench.tui.view import format as show
from workbench.tui.view.curve_runs import same_job
from workbench.tui.view.curves import CurveOptions
from workbench.tui.view.job_rows import JobRow, SweepRow, sweep_facts
from workbench.tui.view.jobs import (
    MOST_MARKED,
    JobsView,
    build_jobs,
    counts,
    facts,
    queue_remark,
    state_line,
)
from workbench.tui.view.live import CurveReader, Curves, log_tail
from workbench.tui.widgets.curves import CurvePanel
from workbench.tui.widgets.folding import FoldingGrid
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import put

#: curves and log are read on this often, in seconds: a key waits while charts are drawn
_READ_SECONDS = 0.5
#: cells from which the side panel fits
_WIDE = 130
#: cells of the panel unless they were changed; at the left of the table, and its scrollbar
_SIDE, _PADDING = 46, 2
#: lines of header, title and keys
_FRAME_LINES = 3
#: characters of a line of the log before its time of day
_DATE = 11


class JobsShown(DividedScreen):
    """The jobs, the curves of the one under the cursor and of marked ones, the end of its log."""

    LINES = (
        Line("#side", "left", least=30, beside=80, styled=True),
        Line("#curves", "top", least=6, beside=13, styled=True),
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - Textual's form

    marked: reactive[tuple[str, ...]] = reactive((), init=False, repaint=False)
    curve_options: reactive[CurveOptions] = reactive(CurveOptions(), init=False, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[JobRow] = []
        #: ids of the sweeps whose trials are shown, and of the one that is marked
        self._unfolded: frozenset[str] = frozenset()
        self._marked_sweep = ""
        self._states: dict[str, State] = {}
        self._reader = CurveReader()
        self._curves: dict[str, Curves] = {}
        self._log = ""
        #: where the cursor was put, rather than moved to; where it is to go
        self._placed: str | None = None
        self._wanted = ""
        #: whether jobs have made progress that is not drawn yet
        self._stale = False
        self._seen: tuple[str, str] | None = None
        self._reading = asyncio.Event()

    def body(self) -> Iterable[Widget]:
        """Make the table, the facts of one job, the charts, and the panel at the side."""
        with Horizontal(id="work"):
            with Vertical(id="left"):
                yield FoldingGrid(self.turn)
                yield Static(id="about", markup=False)
                yield CurvePanel()
            yield Static(id="side", markup=False)

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    @property
    def shown(self) -> list[RunSummary]:
        """The jobs in the table, in order."""
        return [row for row in self._rows if isinstance(row, RunSummary)]

    @property
    def row(self) -> JobRow | None:
        """The job or sweep under the cursor."""
        row = self.grid.cursor_row
        return self._rows[row] if row < len(self._rows) else None

    @property
    def current(self) -> RunSummary | None:
        """The job under the cursor."""
        row = self.row
        return row if isinstance(row, RunSummary) else None

    @property
    def current_sweep(self) -> SweepRow | None:
        """The sweep whose row is under the cursor."""
        row = self.row
        return row if isinstance(row, SweepRow) else None

    @property
    def drawn(self) -> list[RunSummary]:
        """The jobs whose curves are drawn: the marked ones and the one under the cursor.

        Of a sweep the trials that run, and the best one.
        """
        by_id = {run.run_id: run for run in self.workbench.runs if run.run_id in self.marked}
        runs = [by_id[run_id] for run_id in self.marked if run_id in by_id]
        row = self.row
        more: list[RunSummary | None] = [row if isinstance(row, RunSummary) else None]
        if isinstance(row, SweepRow):
            more = [*(run for run in row.trials if run.state == "running"), row.best]
        for run in more:
            if run is not None and run not in runs and len(runs) < MOST_MARKED:
                runs.append(run)
        return runs

    @property
    def seeds(self) -> dict[str, list[RunSummary]]:
        """By run id, the runs that are one line with a drawn one."""
        if not self.curve_options.seeds:
            return {}
        return {run.run_id: same_job(run, self.workbench.runs) for run in self.drawn}

    def on_mount(self) -> None:
        """Show the jobs and follow them."""
        self.watch(self.app, "runs", self._take_runs, init=False)
        self.watch(self.app, "queue", self._draw, init=False)
        self.grid.focus()
        self._follow()

    def on_resize(self, event: events.Resize) -> None:
        """Choose columns and charts anew."""
        super().on_resize(event)
        self._fit()

    def watch_zoomed(self) -> None:
        """Choose columns and charts anew."""
        self._fit()

    def _fit(self) -> None:
        self.divide()
        self._draw()
        self.call_after_refresh(self._draw_curves)

    def usual(self, line: Line) -> int:
        """Return the cells of the panel at the side, and the lines of the curves."""
        return _SIDE if line.edge == "left" else (self.size.height - _FRAME_LINES) * 45 // 100

    def stands(self, line: Line) -> bool:
        """Tell whether the panel, and the curves, are there beside the table."""
        return self._has_side if line.edge == "left" else not self.zoomed

    def moved(self) -> None:
        """Choose columns and charts anew."""
        self._fit()

    def on_screen_resume(self) -> None:
        """Go on reading."""
        self._reading.set()

    # Reading

    def _take_runs(self) -> None:
        """Show at once what has come to another state; mere progress comes with the curves."""
        states = {run.run_id: run.state for run in self.workbench.runs}
        if states == self._states or not self.is_current:
            self._stale = True
        else:
            self._draw()

    @work(group="curves")
    async def _follow(self) -> None:
        """Read curves and log on while the screen is seen, off the thread that answers keys."""
        while self.query(Grid):
            if not self.is_current:
                self._reading.clear()
                await self._reading.wait()
            await self._read()
            await asyncio.sleep(_READ_SECONDS)

    async def _read(self) -> None:
        current = self.current
        wanted = [run for run in self.shown if run.state == "running"] + self.drawn
        wanted += [run for runs in self.seeds.values() for run in runs]

        def work() -> tuple[dict[str, Curves], str]:
            log = log_tail(current) if current is not None else ""
            return self._reader.refresh(wanted), log

        curves, log = await asyncio.to_thread(work)
        if not self.has_parts(Grid, CurvePanel):  # the session has ended meanwhile
            return
        if curves != self._curves:
            self._curves = curves
            self._stale = True
            self._draw_curves()
        if self._stale:
            self._draw()
        if log != self._log:
            self._log = log
            if self._has_side:
                self._describe()
            elif not self.query_one(CurvePanel).names:
                self._draw_curves()

    # Drawing

    def _draw(self) -> None:
        self._stale = False
        app = self.workbench
        view = self._view()
        table, self._rows = build_jobs(view, self._table_width)
        self._states = {run.run_id: run.state for run in app.runs}
        self.set_class(not self._rows, "-nothing")
        stay = self.grid.cursor_key not in (None, self._placed)
        self.grid.show(table)
        if self._wanted in table.keys:
            self.grid.cursor_row = table.keys.index(self._wanted)
            self._wanted = ""
        elif not stay and self._rows:  # nobody moved the cursor: it follows what runs
            self.grid.cursor_row = 0
            self._placed = self._rows[0].run_id
        self.title_line.what = counts(app.runs)
        self.title_line.remark = queue_remark(app.queue)
        self._describe()

    @property
    def _has_side(self) -> bool:
        return self.has_class("-wide") and not self.zoomed

    @property
    def _table_width(self) -> int:
        beside = self.cells(self.LINES[0]) if self._has_side else 0
        return self.size.width - beside - _PADDING

    def _view(self) -> JobsView:
        app = self.workbench
        folds = self._unfolded, self._marked_sweep
        return JobsView(app.runs, app.queue, self.marked, self._curves, *folds)

    def _describe(self) -> None:
        """Say what the job under the cursor is."""
        row = self.row
        if row is None:
            return
        if isinstance(row, SweepRow):
            first, second = sweep_facts(row)
        else:
            first, second = facts(row), state_line(row, self._view())
        text = Content.assemble(f"{first}\n", Content.styled(second, "$secondary"))
        put(self.query_one("#about", Static), text)
        if self._has_side:
            put(self.query_one("#side", Static), self._side(row))

    def _side(self, row: JobRow) -> Content:
        """Write the settings of a job and the end of its log; of a sweep those of the best."""
        side = self.query_one("#side", Static)
        height, width = side.content_size.height, max(10, side.content_size.width)
        run = row.best if isinstance(row, SweepRow) else row
        if run is None:
            return Content.styled("no trial has a result yet", "$secondary")
        settings = [
            Content.assemble(
                Content.styled(f"{plain(name):<20} ", "$secondary"), plain(show.parameter(value))
            )
            for name, value in run.params.items()
        ][: max(3, height // 2)]
        lines = [Content.styled(plain(run.label), "bold"), *settings, Content("")]
        lines.append(Content.styled("log", "bold"))
        log = self._log_lines(width, max(0, height - len(lines)))
        return Content("\n").join([*lines, *map(Content, log)])

    def _log_lines(self, width: int, room: int) -> list[str]:
        """Break the end of the log to lines, as many as there is room for; without the date."""
        lines = [plain(line)[_DATE:] for line in self._log.splitlines()]
        broken = [part for line in lines for part in textwrap.wrap(line, width) or [""]]
        return broken[-room:] if room else []

    def _draw_curves(self) -> None:
        panel = self.query_one(CurvePanel)
        size = panel.size
        log = [] if self._has_side else self._log_lines(max(10, size.width - 2), size.height - 1)
        panel.show(self.drawn, self._curves, self.curve_options, "\n".join(log), self.seeds)

    # Events

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Follow the cursor to another job, or its job to another state."""
        self.once_painted(self._follow_cursor)

    def _follow_cursor(self) -> None:
        row = self.row
        state = row.sweep.state if isinstance(row, SweepRow) else row.state if row else ""
        seen = (row.run_id, state) if row is not None else None
        if seen != self._seen:
            self._seen = seen
            self._describe()
            self.refresh_bindings()
            self.once_rested(self._draw_curves)

    def turn(self, columns: int) -> bool:
        """Unfold the sweep under the cursor with the key to the right, fold it with the other."""
        row = self.current_sweep
        if row is None or not row.trials or row.is_open is (columns > 0):
            return False
        self.fold(row)
        return True

    def fold(self, row: SweepRow) -> None:
        """Show the trials of a sweep, or no longer."""
        self._placed = None
        self._unfolded ^= {row.sweep.sweep_id}
        self._draw()

    def watch_marked(self) -> None:
        """Show the marks and draw the curves."""
        self._draw()
        self._draw_curves()

    def watch_curve_options(self) -> None:
        """Draw the curves as chosen."""
        self._draw_curves()
