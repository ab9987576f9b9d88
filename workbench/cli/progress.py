"""Progress on stderr: bars in a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from recsys_core.events import Event
from workbench.cli.options import JobOptions
from workbench.jobs.interrupts import interruptible
from workbench.jobs.logs import describe, values
from workbench.store.text import plain

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from workbench.jobs.execute import Outcome

#: seconds between lines of plain progress that has no values
_PATIENCE = 10.0


class Display(Protocol):
    """What shows the progress of jobs, of which several may be under way."""

    def begin(self, name: str, number: int, total: int) -> None:
        """Start job `number` of `total` and turn to it; number 0 is loading the data."""

    def turn_to(self, number: int) -> None:
        """Take what follows to be about job `number`, which has begun."""

    def event(self, event: Event) -> None:
        """Show progress of the job."""

    def end(self, outcome: Outcome) -> None:
        """Show what became of the job."""

    def note(self, text: str) -> None:
        """Show a line."""


@contextmanager
def at_work(options: JobOptions) -> Iterator[Display]:
    """Show progress inside the block, and let ctrl-C and SIGTERM end it in order.

    It is opened before the heavy imports: they take seconds.
    """
    with interruptible(), open_display(quiet=options.quiet, plain=options.plain) as display:
        display.begin("start", 0, 0)
        display.event(Event("start", message="loading libraries"))
        yield display


@contextmanager
def open_display(*, quiet: bool, plain: bool) -> Iterator[Display]:
    """Choose how to show progress."""
    if quiet:
        yield Nothing()
    elif plain or not sys.stderr.isatty():
        yield Lines()
    else:
        with open_bars() as bars:
            yield bars


class Nothing:
    """Shows no progress."""

    def begin(self, name: str, number: int, total: int) -> None:
        """Show nothing."""

    def turn_to(self, number: int) -> None:
        """Show nothing."""

    def event(self, event: Event) -> None:
        """Show nothing."""

    def end(self, outcome: Outcome) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""


class Lines:
    """One line per event that says something."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[str, float]] = {}
        self._prefix = ""
        self._started = 0.0
        self._shown = 0.0

    def begin(self, name: str, number: int, total: int) -> None:
        """Name the job in the lines that follow."""
        prefix = f"[{number}/{total}] {name}: " if number else f"{name}: "
        self._shown = time.monotonic()
        self._begun[number] = (prefix, self._shown)
        self.turn_to(number)

    def turn_to(self, number: int) -> None:
        """Name that job in the lines that follow."""
        self._prefix, self._started = self._begun[number]

    def event(self, event: Event) -> None:
        """Write messages and values; other progress every ten seconds."""
        now = time.monotonic()
        if event.message or event.metrics or now - self._shown > _PATIENCE:
            self._shown = now
            self.note(self._prefix + describe(event))

    def end(self, outcome: Outcome) -> None:
        """Write the outcome and what it took."""
        self.note(self._prefix + _ending(outcome, time.monotonic() - self._started))

    def note(self, text: str) -> None:
        """Write a line."""
        sys.stderr.write(plain(text) + "\n")
        sys.stderr.flush()


def _ending(outcome: Outcome, seconds: float) -> str:
    if outcome.reused:
        return f"reused {outcome.run.run_id}"
    return f"{outcome.state} in {seconds:.1f} s, {outcome.run.run_id}"


@dataclass
class _Bar:
    """The bar of one job's stage."""

    task: TaskID
    name: str
    started: float
    stage: str = ""


class Bars:
    """One bar over all jobs and one for the stage of each job under way."""

    def __init__(self, progress: Progress, jobs: TaskID) -> None:
        self._progress = progress
        self._jobs = jobs
        self._bars: dict[int, _Bar] = {}
        self._number = 0

    def begin(self, name: str, number: int, total: int) -> None:
        """Show which job is under way."""
        for done in {0, number} & self._bars.keys():
            self._progress.remove_task(self._bars.pop(done).task)
        task = self._progress.add_task("", total=None, visible=False, values="")
        self._bars[number] = _Bar(task, plain(name), time.monotonic())
        self._number = number
        if number:
            self._progress.update(self._jobs, total=total, visible=True)

    def turn_to(self, number: int) -> None:
        """Move that job's bar from now on."""
        self._number = number

    def event(self, event: Event) -> None:
        """Move the bar of the stage."""
        from rich.text import Text

        bar = self._bars[self._number]
        if event.stage != bar.stage:
            bar.stage = event.stage
            self._progress.reset(bar.task, total=None)
        self._progress.update(
            bar.task,
            description=f"{bar.name} {plain(event.stage)}",
            total=event.total,
            completed=event.step,
            values=Text(plain(event.message or "  ".join(values(event)))),
            visible=True,
        )

    def end(self, outcome: Outcome) -> None:
        """Leave a line about the job."""
        bar = self._bars.pop(self._number)
        mark = "✓" if outcome.state == "succeeded" else "✗"
        self.note(f"{mark} {bar.name}: {_ending(outcome, time.monotonic() - bar.started)}")
        self._progress.remove_task(bar.task)
        self._progress.advance(self._jobs)

    def note(self, text: str) -> None:
        """Write a line above the bars."""
        from rich.text import Text

        self._progress.console.print(Text(plain(text)))


@contextmanager
def open_bars() -> Iterator[Bars]:
    """Draw bars on stderr; they are gone afterwards."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        Elapsed(),
        TextColumn("{task.fields[values]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        jobs = progress.add_task("jobs", total=None, visible=False, values="")
        yield Bars(progress, jobs)
