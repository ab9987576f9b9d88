"""Jobs: what runs, waits and has ended; what can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.commands import BY_ID, bindings
from workbench.tui.screens.asking import AskingScreen
from workbench.tui.screens.jobs_shown import JobsShown
from workbench.tui.view import changes
from workbench.tui.view.job_rows import SweepRow
from workbench.tui.view.jobs import MOST_MARKED, why_not
from workbench.tui.view.sweeps import SweepView, sweep_to_end
from workbench.tui.widgets.curves import CurvePanel
from workbench.tui.widgets.grid import Grid


class JobsScreen(AskingScreen, JobsShown):
    """The jobs, with what keys do."""

    CSS_PATH = "jobs.tcss"
    BINDINGS: ClassVar = bindings("jobs")

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Open the run that was clicked twice."""
        self.action_open()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action in ("resize", "resize_rows"):
            return self.can_move(action)
        if action == "end_sweep":
            return self._sweep is not None
        panel = self.query_one(CurvePanel)
        if action == "curve":
            return panel.more > 0
        if action in ("log_axis", "smooth", "fold"):
            return bool(panel.names)
        if action == "clear":
            return bool(self.marked or self._marked_sweep) or self.zoomed or panel.is_read
        if self.current_sweep is not None:
            return self._use_of_sweep(self.current_sweep, action)
        return self._use_of_job(self.current, action)

    def _use_of_job(self, run: RunSummary | None, action: str) -> bool:
        if action in ("open", "log", "mark", "again"):
            return run is not None
        states = {
            "cancel": ("queued", "running"),
            "requeue": ("failed", "cancelled", "interrupted"),
            "shift": ("queued",),
            "priority": ("queued",),
        }.get(action)
        if states is not None:
            return run is not None and run.state in states
        return action != "trials"

    def _use_of_sweep(self, row: SweepRow, action: str) -> bool:
        if action == "trials":
            return bool(row.trials)
        if action == "again":
            return row.best is not None
        if action == "cancel":
            return row.sweep.state == "active"
        return action not in ("log", "requeue", "shift", "priority")

    def awaits(self, action: str) -> str:
        """Say what a command needs and is still being read."""
        of_curves = action in ("curve", "log_axis", "smooth", "fold")
        return self.query_one(CurvePanel).awaits(action) if of_curves else ""

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now."""
        if action == "curve" and self.query_one(CurvePanel).names:
            return "all values are in sight"
        row = self.current_sweep
        return why_not(self.current, action, row.sweep if row is not None else None)

    def _ask(self, request: Callable[[], str]) -> None:
        """Do something to the job under the cursor, which stays there whatever becomes of it."""
        self._placed = None
        self.request(request)

    def action_add(self) -> None:
        """Open the dialog for a new job."""
        from workbench.tui.screens.new_job import NewJobScreen

        self.app.push_screen(NewJobScreen(self.current), self._added)

    def action_again(self) -> None:
        """Open the dialog for a new job, filled in with the one under the cursor.

        Of a sweep with the best trial.
        """
        from workbench.tui.screens.new_job import NewJobScreen

        run = self.current if self.current_sweep is None else self.current_sweep.best
        if run is not None:
            self.app.push_screen(NewJobScreen(run, again=True), self._added)

    def _added(self, ids: str | None) -> None:
        """Go to the job that was added, as soon as it is listed."""
        if ids:
            self._wanted, *more = ids.split()
            what = self._wanted if not more else f"{1 + len(more)} jobs"
            self.notify(plain(f"added {what}"), markup=False)
            self._draw()

    def action_cancel(self) -> None:
        """Cancel the job; a sweep only when it is asked twice."""
        run = self.current
        if self.current_sweep is not None:
            self._end(self.current_sweep.sweep, "jobs.cancel")
        elif run is not None:
            self._ask(lambda: changes.cancel(run))

    @property
    def _sweep(self) -> SweepView | None:
        """The sweep that can be ended from here."""
        if self.current_sweep is not None:
            sweep = self.current_sweep.sweep
            return sweep if sweep.state == "active" else None
        folder = self.current.folder if self.current is not None else None
        return sweep_to_end(self.workbench.queue.sweeps, folder)

    def action_end_sweep(self) -> None:
        """Ask whether the sweep is to end; a second time, while the question stands, end it."""
        if self._sweep is not None:
            self._end(self._sweep, "jobs.end-sweep")

    def _end(self, sweep: SweepView, command: str) -> None:
        if self.end_sweep(sweep, self.workbench.settings.shown_keys(BY_ID[command])[0]):
            self._placed = None

    def action_requeue(self, resume: bool) -> None:
        """Put a job without a result back into the queue."""
        run, data_dir = self.current, self.workbench.data_dir
        if run is not None:
            self._ask(lambda: changes.requeue(run, data_dir, resume=resume))

    def action_pause(self) -> None:
        """Pause the queue, or go on."""
        self.request(lambda: changes.pause(self.workbench.runs_dir))

    def action_shift(self, places: int) -> None:
        """Move a job that waits among those that wait."""
        waiting = [run for run in self.shown if run.state == "queued"]
        if self.current not in waiting:
            return
        place = waiting.index(self.current)
        other = place + places
        if not 0 <= other < len(waiting):
            end = "first" if places < 0 else "last"
            self.notify(f"it is the {end} waiting job already", markup=False)
            return
        pair = waiting[max(place, other)], waiting[min(place, other)]
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
        """Open the run under the cursor, or the page of the sweep."""
        from workbench.tui.screens.detail import DetailScreen

        if self.current_sweep is not None:
            self._open_sweep(self.current_sweep.sweep.sweep_id)
        elif self.current is not None:
            order = [run.run_id for run in self.shown]
            self.app.push_screen(DetailScreen(self.current.run_id, order))

    def _open_sweep(self, sweep_id: str) -> None:
        from workbench.tui.screens.sweep import SweepScreen

        marked = self._marked_sweep if self._marked_sweep != sweep_id else ""
        self.app.push_screen(SweepScreen(sweep_id, marked))

    def action_trials(self) -> None:
        """Show the trials of the sweep, or no longer."""
        if self.current_sweep is not None:
            self.fold(self.current_sweep)

    def action_mark(self) -> None:
        """Draw the run's curves whatever the cursor is on, or no longer; mark one sweep."""
        run, row = self.current, self.current_sweep
        if row is not None:
            sweep_id = row.sweep.sweep_id
            self._marked_sweep = "" if self._marked_sweep == sweep_id else sweep_id
            self._draw()
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
            self._marked_sweep = ""
            self.marked = ()
            self._draw()
