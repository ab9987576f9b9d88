"""The interactive session: one process that reads run folders and never loads a model."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import work
from textual.command import Provider
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES, Theme

from recsys_core.errors import InputError
from recsys_core.extensions import EXTENSIONS, import_none, points_of
from workbench.store.files import StoreError
from workbench.store.listing import RunListing, RunSummary
from workbench.store.text import plain
from workbench.tui.answering import Answering
from workbench.tui.commands import bindings
from workbench.tui.compositor import forget_colours
from workbench.tui.hangup import on_hangup, on_terminate
from workbench.tui.modes import BY_NAME, SCREENS
from workbench.tui.settings import Settings, read_settings
from workbench.tui.state import SessionState, read_state, write_state
from workbench.tui.stylesheet import RememberedStylesheet
from workbench.tui.theme import ANSI, DEFAULT, FOREIGN, THEMES, readable
from workbench.tui.tracebacks import log_error, summary_of
from workbench.tui.view.queue import QueueState

if TYPE_CHECKING:
    from workbench.tui.view.queue_reading import QueueReader

#: the screen is brought up to date this often; when reading takes long, less often
_POLL_SECONDS = 0.25
#: reading may take this share of the time at most
_POLL_SHARE = 0.1
#: the mode that the session opens with, whichever screen that is
_FIRST = "first"
_WELCOME = "welcome"


def _palette() -> type[Provider]:
    from workbench.tui.palette import CommandsProvider

    return CommandsProvider


class WorkbenchApp(Answering):
    """Shows the runs of a folder, or how to get some, and follows what happens in it."""

    CSS_PATH = "app.tcss"
    TITLE = "recsys-workbench"
    BINDINGS: ClassVar = bindings("everywhere")
    DEFAULT_MODE = _FIRST
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {_palette}

    def __init__(
        self,
        runs_dir: Path,
        data_dir: Path,
        settings: Settings = Settings(),  # noqa: B008 - frozen
        state: SessionState | None = None,
    ) -> None:
        super().__init__(runs_dir, data_dir, settings, state or SessionState())
        self.errors: list[Exception] = []
        self.animation_level = "none"  # nothing moves but what the runs do
        self._opened_with = ""
        self._awaited: set[str] = set()
        self._listing = RunListing(runs_dir)
        self._queue_reader: QueueReader | None = None
        self.stylesheet = RememberedStylesheet(variables=self.get_css_variables())
        for theme in (*THEMES, *ANSI):
            self.register_theme(theme)
        self.theme = self._wanted_theme()
        self.set_keymap(settings.keymap())
        if self.state.screen in BY_NAME:
            self.set_reactive(WorkbenchApp.chosen, self.state.screen)
        self.add_mode(_FIRST, self._first_screen)
        self.add_mode(_WELCOME, _welcome_screen)
        for screen in SCREENS:
            self.add_mode(screen.name, screen.make)

    def _first_screen(self) -> Screen[Any]:
        """Make the first screen; the runs are read before it is drawn, for jobs the queue, too."""
        try:
            self.runs = self._listing.refresh()
            if self._jobs_only():
                self.chosen = "jobs"
            if self.runs and self.chosen == "jobs":
                self.queue = self._read_queue(self.runs)
        except StoreError as error:
            self.trouble = str(error)
        self._opened_with = self._wanted()
        return _welcome_screen() if self._opened_with == _WELCOME else BY_NAME[self.chosen].make()

    def _wanted_theme(self) -> str:
        """Choose what the settings say, else what was chosen last, as far as there is such one."""
        wanted = self.settings.theme or self.state.theme
        return wanted if wanted in self.available_themes else DEFAULT

    def get_theme(self, theme_name: str) -> Theme | None:
        """Look up a theme, in colours that can be read as text."""
        theme = super().get_theme(theme_name)
        return readable(theme.name) if theme and theme.name in FOREIGN else theme

    def keep_state(self) -> None:
        """Leave the choices for the next session on this runs folder."""
        self.state.screen = self.chosen
        self.state.theme = self.theme
        write_state(self.runs_dir, self.state)

    # Screens

    def _wanted(self) -> str:
        """Name the mode that the chosen screen has now."""
        nothing = not (self.runs or self.trouble)
        return _WELCOME if nothing and BY_NAME[self.chosen].needs_runs else self.chosen

    def _jobs_only(self) -> bool:
        """Tell whether there is no result yet, but something that will become one."""
        done = any(run.state == "succeeded" for run in self.runs)
        return not done and any(run.state in ("queued", "running") for run in self.runs)

    def _show_wanted(self) -> None:
        """Change the screen where another one is wanted: chosen, first run came, last one went."""
        if self._opened_with and not self._is_asked():
            wanted = self._wanted()
            self.switch_mode(_FIRST if wanted == self._opened_with else wanted)

    def _is_asked(self) -> bool:
        """Tell whether a dialog lies over the first steps: it is answered first."""
        mode = self._opened_with if self.current_mode == _FIRST else self.current_mode
        return mode == _WELCOME and len(self.screen_stack) > 1

    def watch_chosen(self) -> None:
        """Show the right screen."""
        self._show_wanted()

    def watch_runs(self) -> None:
        """Show the right screen."""
        self._show_wanted()
        self._lead_on()

    def watch_queue(self, before: QueueState, after: QueueState) -> None:
        """Say it when a sweep has ended."""
        if not before.sweeps:
            return
        from workbench.tui.view.sweeps import ended, ending_text

        for sweep in ended(before.sweeps, after.sweeps):
            severity: SeverityLevel = "error" if sweep.state == "failed" else "information"
            self.notify(ending_text(sweep), severity=severity, timeout=10, markup=False)

    def watch_trouble(self) -> None:
        """Show the right screen."""
        self._show_wanted()

    def start_baselines(self, run_ids: Iterable[str]) -> None:
        """Show the jobs of the first steps while they run, then how they compare."""
        self._awaited = set(run_ids)
        self.chosen = "jobs"

    def _lead_on(self) -> None:
        """Go to the results when the jobs of the first steps have ended, unless somebody left."""
        open_ids = {run.run_id for run in self.runs if run.state in ("queued", "running")}
        known = {run.run_id for run in self.runs}
        if not self._awaited or not self._awaited <= known or self._awaited & open_ids:
            return
        self._awaited = set()
        if self.chosen == "jobs" and len(self.screen_stack) == 1:
            self.chosen = "results"
            self.notify("The baselines are done; this is how they compare.", markup=False)

    # Life

    def on_mount(self) -> None:
        """Give the terminal back on a signal, and start to follow the run folders."""
        loop = asyncio.get_running_loop()
        on_terminate(loop, self._leave)
        on_hangup(self.keep_state, lambda code: loop.call_soon_threadsafe(self._leave, code))
        # after `fg` the terminal shows nothing of what was drawn
        self.app_resume_signal.subscribe(self, lambda _: self.screen.refresh())
        self.screen_change_signal.subscribe(self, lambda _: forget_colours())
        idle = [] if self.is_headless else [self.prepare_users]
        for work_on in (self._follow, self._learn_metrics, *idle):
            self.call_after_refresh(work_on)

    @work(group="prepare")
    async def prepare_users(self) -> None:
        """Put together what takes longest to open; it reads nothing until it is shown."""
        users = BY_NAME["users"]
        await asyncio.to_thread(users.load)
        if self._opened_with != users.name and users.name not in self._screen_stacks:
            screen, _ = self._get_screen(users.make())
            self._load_screen_css(screen)
            screen._css_update_count = self._css_update_count
            self._screen_stacks[users.name] = [screen]

    @work(group="extensions")
    async def _learn_metrics(self) -> None:
        """Know the metrics of extensions, where any are installed; this process imports none."""
        if not await asyncio.to_thread(points_of, EXTENSIONS):
            return
        from workbench.tui.catalogue import open_catalogue

        try:
            catalogue = await open_catalogue(lambda _: None)
        except StoreError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        for problem in catalogue.problems:
            self.notify(plain(problem), severity="warning", markup=False)
        self.mutate_reactive(WorkbenchApp.runs)  # which of two values is better may be known now

    def _leave(self, code: int) -> None:
        self.exit(return_code=code)

    # Errors

    async def run_action(
        self,
        action: Any,
        default_namespace: Any = None,
        namespaces: Any = None,
    ) -> bool:
        """Run a command; an error in it is shown and the session goes on."""
        try:
            done = await super().run_action(action, default_namespace, namespaces)
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
            self.report(error)
            done = True
        return done

    def report(self, error: Exception) -> None:
        """Show an unexpected error as a panel and log it; the same one again only counts."""
        known = [summary_of(earlier) for earlier in self.errors]
        self.errors.append(error)
        problem = summary_of(error)
        if problem not in known:
            from workbench.tui.screens.trouble import TroubleScreen

            self.push_screen(TroubleScreen(problem, log_error(error)))

    def _handle_exception(self, error: Exception) -> None:
        """End on an error that leaves a part of the screen dead; the terminal is given back."""
        self.errors.append(error)
        where = log_error(error)
        super()._handle_exception(error)
        self._exit_renderables[:] = [Text(f"error: {plain(summary_of(error))}\n{where}")]

    # Reading

    def _read(self) -> tuple[tuple[RunSummary, ...], QueueState]:
        """Read what changed; called off the thread that answers keys."""
        runs = self._listing.refresh()
        return runs, self._read_queue(runs)

    def _read_queue(self, runs: tuple[RunSummary, ...]) -> QueueState:
        if self._queue_reader is None:
            from workbench.tui.view.queue_reading import QueueReader

            self._queue_reader = QueueReader(self.runs_dir)
        return self._queue_reader.refresh(runs)

    def _take(self, runs: tuple[RunSummary, ...], queue: QueueState) -> None:
        self.runs = runs
        self.queue = queue
        self.trouble = ""

    @work(group="follow")
    async def _follow(self) -> None:
        """Read what changed, again and again."""
        while True:
            started = time.monotonic()
            try:
                self._take(*await asyncio.to_thread(self._read))
            except StoreError as error:
                self.trouble = str(error)
            except Exception as error:  # noqa: BLE001 - a screen failed to show what was read
                self.report(error)
            spent = time.monotonic() - started
            await asyncio.sleep(max(_POLL_SECONDS, spent / _POLL_SHARE))

    # Commands

    async def action_quit(self) -> None:
        """Leave; while jobs are under way ask first."""
        from workbench.tui.view.changes import under_way

        queue = self.queue
        works = queue.supervised and not queue.paused
        jobs = under_way(self.runs, works)
        # also one between two trials, when none of its jobs is there
        sweeps = [sweep for sweep in queue.sweeps if sweep.state == "active" and (works or jobs)]
        if jobs or sweeps:
            from workbench.tui.screens.quit import QuitScreen

            self.push_screen(QuitScreen(self.runs_dir, jobs, sweeps))
        else:
            self.exit()

    def action_help(self) -> None:
        """Show what the keys do, and what the metric of the column under the cursor is."""
        explain = getattr(self.screen, "explain_column", str)
        self._help(explain())

    def explain_metric(self, metric: str) -> None:
        """Show what a metric is, before what the keys do."""
        from recsys_core.evaluation.names import meaning_of

        self._help(f"{metric}: {meaning_of(metric)}")

    def _help(self, metric: str) -> None:
        from workbench.tui.screens.help import HelpScreen

        ids = {entry.binding.id or "" for entry in self.screen.active_bindings.values()}
        here = {name.partition(".")[0] for name in ids} - {"everywhere"}
        self.push_screen(HelpScreen(here, metric))


def _welcome_screen() -> Screen[Any]:
    from workbench.tui.screens.welcome import WelcomeScreen

    return WelcomeScreen()


def run_app(runs_dir: Path, data_dir: Path) -> int:
    """Run the interactive session and return its exit code.

    Parameters
    ----------
    runs_dir
        Folder of run folders; it need not exist yet.
    data_dir
        Folder of prepared data sets.

    Raises
    ------
    InputError
        Standard input or output is no terminal, or the configuration file is wrong.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        remedy = "in a script use a subcommand, e.g. recsys-workbench --headless eval"
        raise InputError("the interactive session needs a terminal", remedy)
    return run_session(open_app(runs_dir, data_dir))


def open_app(runs_dir: Path, data_dir: Path) -> WorkbenchApp:
    """Make the app as its configuration file and the last session say.

    Raises
    ------
    InputError
        The configuration file is wrong.
    """
    settings = read_settings([*BUILTIN_THEMES, *(theme.name for theme in THEMES)])
    return WorkbenchApp(runs_dir, data_dir, settings, read_state(runs_dir))


def run_session(app: WorkbenchApp) -> int:
    """Run the app, keep its choices for the next session, and return its exit code."""
    import_none()
    gc.freeze()  # modules stay: looking through them for garbage would hold up keys
    app.run()
    try:
        app.keep_state()
    except StoreError as error:
        sys.stderr.write(f"the choices of this session are not kept: {plain(error.problem)}\n")
    return app.return_code or 0
