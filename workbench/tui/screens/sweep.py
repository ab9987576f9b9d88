"""One sweep: best so far, which fields matter, the metric against each, all trials."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import events, work
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.processes import python_command
from workbench.jobs.sweep_progress import DEFINITION, PROGRESS, SWEEPS
from workbench.jobs.sweep_trials import TRIALS, TrialNote
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.text import plain, plain_lines
from workbench.tui.commands import BY_ID, bindings
from workbench.tui.processes import run_process
from workbench.tui.screens.again import again
from workbench.tui.screens.asking import AskingScreen
from workbench.tui.session import Session
from workbench.tui.view.sweep_page import SweepPage, best_line, build_trials, headline, read_page
from workbench.tui.view.sweep_plots import plots_of
from workbench.tui.view.sweeps import SweepView
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import put
from workbench.tui.widgets.plots import PlotPanel

#: seconds between two looks at the files
_READ_SECONDS = 0.5


class SweepScreen(AskingScreen):
    """What is known of one sweep; follows it while it goes on.

    Parameters
    ----------
    beside
        Id of a sweep that is shown beside it; empty: none.
    """

    CSS_PATH = "sweep.tcss"
    BINDINGS: ClassVar = bindings("sweep")

    def __init__(self, sweep_id: str, beside: str = "") -> None:
        super().__init__()
        self._sweep_id = sweep_id
        self._beside = beside
        self._page: SweepPage | None = None
        self._other: SweepPage | None = None
        self._stamps: tuple[object, ...] = ()
        self._trials: list[TrialNote] = []
        self._sort: tuple[str, bool] | None = None
        self._reading = asyncio.Event()

    def body(self) -> Iterable[Widget]:
        """Make the line about the best trial, the plots, and the table of trials."""
        yield Static("reading …", id="best", markup=False)
        yield PlotPanel(self.workbench.settings.shown_keys(BY_ID["sweep.plots"])[0])
        yield Grid(id="trials")

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    @property
    def view(self) -> SweepView | None:
        """The sweep as lists show it; None when it is gone."""
        return self._find(self._sweep_id)

    def _find(self, sweep_id: str) -> SweepView | None:
        return next((s for s in self.workbench.queue.sweeps if s.sweep_id == sweep_id), None)

    @property
    def current(self) -> TrialNote | None:
        """The trial under the cursor."""
        row = self.grid.cursor_row
        return self._trials[row] if row < len(self._trials) else None

    def _run_of(self, trial: TrialNote | None) -> RunSummary | None:
        """Return the run of a trial; None while there is none, or when it was deleted."""
        if trial is None or not trial.run_id:
            return None
        return next((run for run in self.workbench.runs if run.run_id == trial.run_id), None)

    # Reading

    def on_mount(self) -> None:
        """Show the sweep and follow it."""
        self.grid.focus()
        self._follow()

    def on_screen_resume(self) -> None:
        """Go on reading."""
        super().on_screen_resume()
        self._reading.set()

    @work(group="sweep")
    async def _follow(self) -> None:
        """Read what has changed while the screen is seen, off the thread that answers keys."""
        while self.query(Grid):
            if not self.is_current:
                self._reading.clear()
                await self._reading.wait()
            await self._read()
            await asyncio.sleep(_READ_SECONDS)

    async def _read(self) -> None:
        folders = [self._folder(each) for each in (self._sweep_id, self._beside) if each]
        stamps = await asyncio.to_thread(_stamps, folders)
        if stamps == self._stamps:
            return
        try:
            page, *others = [await asyncio.to_thread(read_page, folder) for folder in folders]
        except StoreError as error:
            problem = str(error).removeprefix(f"{self.workbench.runs_dir}/{SWEEPS}/")
            put(self.query_one("#best", Static), plain(problem.replace("\n", "; ")))
            self._stamps = stamps
            return
        if not self.has_parts(Grid, PlotPanel):  # the session has ended meanwhile
            return
        self._stamps = stamps
        self._page, self._other = page, others[0] if others else None
        self._draw()
        for each in (page, *others):
            if not each.known and each.sweep.state != "active":
                self._ask_optuna(each.sweep.folder)

    @work(group="trials")
    async def _ask_optuna(self, folder: Path) -> None:
        """Have another process write the trials of a sweep that an earlier version did."""
        module = "workbench.jobs.sweep_notes"
        done = await run_process(python_command("-m", module, str(folder.absolute())))
        if done.code:
            self.notify(plain_lines("\n".join(done.complaint())), severity="error", markup=False)

    def _folder(self, sweep_id: str) -> Path:
        return self.workbench.runs_dir / SWEEPS / sweep_id

    # Drawing

    def on_resize(self, event: events.Resize) -> None:
        """Fit the columns to the new width."""
        super().on_resize(event)
        self._draw()

    def _draw(self) -> None:
        page = self._page
        if page is None:
            return
        what, parts = headline(page)
        while parts and not self.title_line.has_room(what, " · ".join(parts)):
            parts.pop()
        self.title_line.what, self.title_line.remark = what, " · ".join(parts)
        put(self.query_one("#best", Static), best_line(page))
        if self._sort is None:
            self._trials = page.in_order()
        else:
            column, descending = self._sort
            self._trials = page.sorted_by(column, descending=descending)
        self.grid.show(build_trials(page, self._trials, self.size.width - 2, self._sort))
        self._draw_plots()

    def _draw_plots(self) -> None:
        if self._page is not None:
            cursor = self.current.number if self.current is not None else None
            self.query_one(PlotPanel).show(plots_of(self._page, self._other, cursor))
        self.refresh_bindings()

    # Events

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Highlight the trial under the cursor."""
        self.once_rested(self._draw_plots)

    def on_grid_sorted(self, event: Grid.Sorted) -> None:
        """Sort the trials."""
        self._sort = event.column, event.descending
        self._draw()

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Open the run of the trial that was clicked twice."""
        self.action_open()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        page = self._page
        if action in ("open", "again"):
            return self._run_of(self.current) is not None
        if action == "best":
            return page is not None and self._run_of(page.best) is not None
        if action == "end":
            return page is not None and page.sweep.state == "active" and self.view is not None
        if action == "plots":
            return not self.query_one(PlotPanel).fits_all
        if action == "beside":
            return bool(self._beside or self._alike())
        return True

    def awaits(self, action: str) -> str:
        """Say that the trials are still being read; once they are, or cannot be, nothing is."""
        return "" if self._stamps else "the trials are"

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        no_run, best = "the trial has no run", "no trial has a result yet"
        if self.current is not None and self.current.run_id:
            no_run = "the run of the trial was archived or deleted"
        if self._page is not None and self._page.best is not None:
            best = "the run of the best trial was archived or deleted"
        return {
            "open": no_run,
            "again": no_run,
            "best": best,
            "end": "the sweep has ended",
            "plots": "all plots are shown",
            "beside": "there is no other sweep with this metric",
        }.get(action, "")

    def action_open(self) -> None:
        """Open the run of the trial."""
        from workbench.tui.screens.detail import DetailScreen

        run = self._run_of(self.current)
        if run is not None:
            there = {each.run_id for each in self.workbench.runs}
            ids = dict.fromkeys(trial.run_id for trial in self._trials)
            order = [run_id for run_id in ids if run_id in there]
            self.app.push_screen(DetailScreen(run.run_id, order))

    def action_best(self) -> None:
        """Make a job of the best trial."""
        if self._page is not None:
            _new_job(self.workbench, self._run_of(self._page.best))

    def action_again(self) -> None:
        """Make a job of the trial under the cursor."""
        _new_job(self.workbench, self._run_of(self.current))

    def action_plots(self) -> None:
        """Show the next plots."""
        self.query_one(PlotPanel).go_on()

    def _alike(self) -> list[str]:
        """List the other sweeps that are judged by the same metric, newest first."""
        sweeps = self.workbench.queue.sweeps
        metric = self._page.sweep.metric if self._page is not None else ""
        return [
            each.sweep_id
            for each in sweeps
            if each.sweep_id != self._sweep_id and each.metric == metric
        ]

    def action_beside(self) -> None:
        """Show the next other sweep beside this one; after the last none."""
        choices = ["", *self._alike()]
        place = choices.index(self._beside) if self._beside in choices else 0
        self._beside = choices[(place + 1) % len(choices)]
        self._other, self._stamps = None, ()
        self._look_again()

    @work(group="look")
    async def _look_again(self) -> None:
        await self._read()

    def action_end(self) -> None:
        """End the sweep when it is asked twice."""
        if self.view is not None:
            self.end_sweep(self.view, "c")

    def action_back(self) -> None:
        """Go back from one part to all, then to the jobs."""
        if not self.unzoom():
            self.dismiss()


def _new_job(app: Session, run: RunSummary | None) -> None:
    """Open the form for a new job, filled in with the run of a trial."""
    if run is not None:
        again(app, run)


def _stamps(folders: Sequence[Path]) -> tuple[object, ...]:
    """Return what changes when the files of sweeps do."""
    found: list[object] = []
    for folder in folders:
        for name in (DEFINITION, PROGRESS, TRIALS):
            try:
                found.append((folder / name).stat().st_mtime_ns)
            except OSError:
                found.append(0)
    return tuple(found)
