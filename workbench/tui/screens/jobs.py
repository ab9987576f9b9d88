"""Jobs: what runs, waits and has ended; what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import work

from recsys_core.errors import InputError
from workbench.store.text import plain, plain_lines
from workbench.tui.commands import BY_ID, bindings
from workbench.tui.screens.jobs_shown import JobsShown
from workbench.tui.view import changes
from workbench.tui.view.jobs import MOST_MARKED, why_not
from workbench.tui.view.sweeps import SweepView, question_of, sweep_to_end
from workbench.tui.widgets.curves import CurvePanel
from workbench.tui.widgets.grid import Grid


class JobsScreen(JobsShown):
    """The jobs, with what keys do."""

    CSS_PATH = "jobs.tcss"
    BINDINGS: ClassVar = bindings("jobs")

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Open the run that was clicked twice."""
        self.action_open()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        run = self.current
        if action in ("resize", "resize_rows"):
            return self.can_move(action)
        if action in ("open", "log", "mark", "again"):
            return run is not None
        if action == "cancel":
            return run is not None and run.state in ("queued", "running")
        if action == "end_sweep":
            return self._sweep is not None
        if action == "requeue":
            return run is not None and run.state in ("failed", "cancelled", "interrupted")
        if action in ("shift", "priority"):
            return run is not None and run.state == "queued"
        panel = self.query_one(CurvePanel)
        if action == "curve":
            return panel.more > 0
        if action in ("log_axis", "smooth", "fold"):
            return bool(panel.names)
        if action == "clear":
            return bool(self.marked) or self.zoomed or panel.is_read
        return True

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        if action == "curve" and self.query_one(CurvePanel).names:
            return "all values are in sight"
        return why_not(self.current, action)

    def _ask(self, request: Callable[[], str]) -> None:
        """Do something to the job under the cursor, which stays there whatever becomes of it."""
        self._placed = None
        self._request(request)

    @work(group="requests")
    async def _request(self, request: Callable[[], str]) -> None:
        """Do something to the queue, off the thread that answers keys, and say what came of it."""
        try:
            self.notify(plain(await asyncio.to_thread(request)), markup=False)
        except InputError as error:
            self.notify(plain_lines(str(error)), severity="error", markup=False)

    def action_add(self) -> None:
        """Open the dialog for a new job."""
        from workbench.tui.screens.new_job import NewJobScreen

        self.app.push_screen(NewJobScreen(self.current), self._added)

    def action_again(self) -> None:
        """Open the dialog for a new job, filled in with the one under the cursor."""
        from workbench.tui.screens.new_job import NewJobScreen

        if self.current is not None:
            self.app.push_screen(NewJobScreen(self.current, again=True), self._added)

    def _added(self, ids: str | None) -> None:
        """Go to the job that was added, as soon as it is listed."""
        if ids:
            self._wanted, *more = ids.split()
            what = self._wanted if not more else f"{1 + len(more)} jobs"
            self.notify(plain(f"added {what}"), markup=False)
            self._draw()

    def action_cancel(self) -> None:
        """Cancel the job."""
        run = self.current
        if run is not None:
            self._ask(lambda: changes.cancel(run))

    @property
    def _sweep(self) -> SweepView | None:
        """The sweep that can be ended from here."""
        folder = self.current.folder if self.current is not None else None
        return sweep_to_end(self.workbench.queue.sweeps, folder)

    def action_end_sweep(self) -> None:
        """Ask whether the sweep is to end; a second time, while the question stands, end it."""
        sweep, app = self._sweep, self.workbench
        if sweep is None:
            return
        question = question_of(sweep, app.settings.shown_keys(BY_ID["jobs.end-sweep"])[0])
        if app.said is not None and app.said.text == question:
            self._ask(lambda: changes.end_sweep(sweep, app.runs_dir))
        else:
            self.notify(question, severity="warning", markup=False)

    def action_requeue(self, resume: bool) -> None:
        """Put a job without a result back into the queue."""
        run, data_dir = self.current, self.workbench.data_dir
        if run is not None:
            self._ask(lambda: changes.requeue(run, data_dir, resume=resume))

    def action_pause(self) -> None:
        """Pause the queue, or go on."""
        self._request(lambda: changes.pause(self.workbench.runs_dir))

    def action_shift(self, places: int) -> None:
        """Move a job that waits among those that wait."""
        row = self.grid.cursor_row
        other = row + places
        if not 0 <= other < len(self._shown) or self._shown[other].state != "queued":
            end = "first" if places < 0 else "last"
            self.notify(f"it is the {end} waiting job already", markup=False)
            return
        sooner, before = (row, other) if places < 0 else (other, row)
        pair = self._shown[sooner], self._shown[before]
        self._ask(lambda: changes.swap(*pair))

    def action_priority(self, step: int) -> None:
        """Change the priority of a job that waits."""
        run = self.current
        if run is not None:
            self._ask(lambda: changes.change_priority(run, step))

    def action_log(self) -> None:
        """Read the job's log."""
        from workbench.tui.screens.job_log import LogScreen

        if self.current is not None:
            self.app.push_screen(LogScreen(self.current))

    def action_open(self) -> None:
        """Open the run under the cursor."""
        from workbench.tui.screens.detail import DetailScreen

        if self.current is not None:
            order = [run.run_id for run in self._shown]
            self.app.push_screen(DetailScreen(self.current.run_id, order))

    def action_mark(self) -> None:
        """Draw the run's curves whatever the cursor is on, or no longer."""
        run = self.current
        if run is None:
            return
        if run.run_id in self.marked:
            self.marked = tuple(run_id for run_id in self.marked if run_id != run.run_id)
        elif len(self.marked) < MOST_MARKED:
            self.marked = (*self.marked, run.run_id)
        else:
            self.notify(f"{MOST_MARKED} runs at most; Esc removes all marks", markup=False)

    def action_curve(self) -> None:
        """Show the values that follow those in sight."""
        panel, options = self.query_one(CurvePanel), self.curve_options
        if panel.is_large:
            panel.action_choose(1)
        else:
            self.curve_options = replace(options, first=options.first + panel.more)

    def action_log_axis(self) -> None:
        """Switch between a linear and a logarithmic axis."""
        self.curve_options = replace(self.curve_options, log=not self.curve_options.log)

    def action_smooth(self) -> None:
        """Go on to the next smoothing."""
        self.curve_options = self.curve_options.smoother()

    def action_fold(self) -> None:
        """Draw the seeds of a job as one line in a band, or one run alone."""
        self.curve_options = replace(self.curve_options, seeds=not self.curve_options.seeds)

    def action_clear(self) -> None:
        """Go back from the cursor, one chart and one part to all, then take all marks off."""
        if not self.query_one(CurvePanel).back() and not self.unzoom():
            self.marked = ()
