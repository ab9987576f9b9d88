"""The interactive session: one process that reads run folders and never loads a model."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.reactive import reactive
from textual.screen import Screen

from recsys_core.errors import InputError
from workbench.store.files import StoreError
from workbench.store.listing import RunListing, RunSummary
from workbench.tui.commands import COMMANDS, Command, bindings
from workbench.tui.modes import BY_NAME, SCREENS
from workbench.tui.theme import DEFAULT, THEMES
from workbench.tui.view.queue import QueueReader, QueueState

#: the screen is brought up to date this often; when reading takes long, less often
_POLL_SECONDS = 0.25
#: reading may take this share of the time at most
_POLL_SHARE = 0.1
#: the mode that the session opens with, whichever screen that is
_FIRST = "first"
_WELCOME = "welcome"


class WorkbenchApp(App[None]):
    """Shows the runs of a folder, or how to get some, and follows what happens in it."""

    CSS_PATH = "app.tcss"
    TITLE = "recsys-workbench"
    BINDINGS: ClassVar = bindings("everywhere")
    DEFAULT_MODE = _FIRST
    ENABLE_COMMAND_PALETTE = True

    runs: reactive[tuple[RunSummary, ...]] = reactive((), init=False, always_update=False)
    queue: reactive[QueueState] = reactive(QueueState(), init=False)
    trouble: reactive[str] = reactive("", init=False)
    #: name of the screen that was chosen by its key
    chosen: reactive[str] = reactive("results", init=False)
    now = staticmethod(time.time)

    def __init__(self, runs_dir: Path, data_dir: Path) -> None:
        super().__init__()
        self.runs_dir = runs_dir
        self.data_dir = data_dir
        self.animation_level = "none"  # nothing moves but what the runs do
        self._opened_with = ""
        self._listing = RunListing(runs_dir)
        self._queue_reader = QueueReader(runs_dir)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = DEFAULT
        self.add_mode(_FIRST, self._first_screen)
        self.add_mode(_WELCOME, _welcome_screen)
        for screen in SCREENS:
            self.add_mode(screen.name, screen.make)

    def _first_screen(self) -> Screen[Any]:
        """Make the first screen; the runs are read before it is drawn."""
        try:
            self._take(*self._read())
        except StoreError as error:
            self.trouble = str(error)
        self._opened_with = self._wanted()
        return _welcome_screen() if self._opened_with == _WELCOME else BY_NAME[self.chosen].make()

    # Screens

    def _wanted(self) -> str:
        """Name the mode that the chosen screen has now."""
        nothing = not (self.runs or self.trouble)
        return _WELCOME if nothing and BY_NAME[self.chosen].needs_runs else self.chosen

    def _show_wanted(self) -> None:
        """Change the screen where another one is wanted: chosen, first run came, last one went."""
        if self._opened_with:
            wanted = self._wanted()
            self.switch_mode(_FIRST if wanted == self._opened_with else wanted)

    def watch_chosen(self) -> None:
        """Show the right screen."""
        self._show_wanted()

    def watch_runs(self) -> None:
        """Show the right screen."""
        self._show_wanted()

    def watch_trouble(self) -> None:
        """Show the right screen."""
        self._show_wanted()

    def action_go(self, name: str) -> None:
        """Go to a screen of `modes.SCREENS`."""
        self.chosen = name

    # Life

    def on_mount(self) -> None:
        """Give the terminal back on a signal, and start to follow the run folders."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave, 128 + number)
        self.call_after_refresh(self._start_following)

    def _start_following(self) -> None:
        self.run_worker(self._follow(), group="follow")

    def _leave(self, code: int) -> None:
        self.exit(return_code=code)

    # Reading

    def _read(self) -> tuple[tuple[RunSummary, ...], QueueState]:
        """Read what changed; called off the thread that answers keys."""
        runs = self._listing.refresh()
        return runs, self._queue_reader.refresh(runs)

    def _take(self, runs: tuple[RunSummary, ...], queue: QueueState) -> None:
        self.runs = runs
        self.queue = queue
        self.trouble = ""

    async def _follow(self) -> None:
        """Read what changed, again and again."""
        while True:
            started = time.monotonic()
            try:
                self._take(*await asyncio.to_thread(self._read))
            except StoreError as error:
                self.trouble = str(error)
            spent = time.monotonic() - started
            await asyncio.sleep(max(_POLL_SECONDS, spent / _POLL_SHARE))

    # Commands

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Fill the palette with the registry's commands that work here, and the themes."""
        active = {entry.binding.id: entry for entry in screen.active_bindings.values()}
        for command in COMMANDS:
            entry = active.get(command.id)
            if entry is not None and entry.enabled:
                yield self._palette_entry(command, entry.node)
        yield SystemCommand("theme", "Change the colours.", self.action_change_theme)

    def _palette_entry(self, command: Command, node: Any) -> SystemCommand:
        async def run() -> None:
            await self.run_action(command.handler, node)

        title = f"{command.label} ({command.shown_keys[0]})"
        return SystemCommand(title, command.help, run)

    def action_help(self) -> None:
        """Show what the keys do."""
        from workbench.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())


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
        Standard input or output is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "the interactive session needs a terminal",
            "in a script use a subcommand, e.g. recsys-workbench --headless eval",
        )
    app = WorkbenchApp(runs_dir, data_dir)
    app.run()
    return app.return_code or 0
