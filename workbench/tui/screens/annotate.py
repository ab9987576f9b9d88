"""Ask for the tags of runs, or the note on one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from recsys_core.errors import InputError
from workbench.store.annotations import annotate, check_note, parse_tags, read_annotations
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view.columns import name_of
from workbench.tui.widgets.lines import Entry


class Dialogue(ModalScreen[None]):
    """A framed field and a line for what is wrong with it."""

    CSS_PATH = "annotate.tcss"
    BINDINGS: ClassVar = [Binding("escape", "leave", "close", show=False)]
    #: the key that keeps what was typed
    KEEPS: ClassVar = "Enter"

    def __init__(self) -> None:
        super().__init__()
        self._given_up = ""

    @property
    def text(self) -> str:
        """What the field has."""
        raise NotImplementedError

    @property
    def before(self) -> str:
        """What it began with."""
        raise NotImplementedError

    def action_leave(self) -> None:
        """Close; what was typed is asked about once."""
        if self.text in (self.before, self._given_up):
            self.dismiss()
            return
        self._given_up = self.text
        problem = self.query_one("#problem", Static)
        problem.update(f"Esc again discards what you typed; {self.KEEPS} keeps it")

    def complain(self, error: InputError) -> None:
        """Say what is wrong."""
        self.query_one("#problem", Static).update(plain(str(error).replace("\n", "; ")))


class TagsScreen(Dialogue):
    """A line of tags; what is added or taken off is so for all `runs`."""

    def __init__(self, runs: Sequence[RunSummary]) -> None:
        super().__init__()
        self._runs = list(runs)
        self._before = {tag for run in runs for tag in run.tags}

    def compose(self) -> ComposeResult:
        """Make the field."""
        named = plain(name_of(self._runs[0]))
        with Vertical(id="annotate") as frame:
            whose = named if len(self._runs) == 1 else f"{len(self._runs)} runs"
            frame.border_title = Content(f"tags of {whose}")
            frame.border_subtitle = "Enter keeps · Esc closes"
            yield Static("Words, with spaces between; find them with tag:word", markup=False)
            yield Entry(self.before, compact=True)
            yield Static("", id="problem", markup=False)

    @property
    def text(self) -> str:
        """The line."""
        return self.query_one(Entry).value

    @property
    def before(self) -> str:
        """The tags as they are."""
        return " ".join(sorted(self._before))

    async def on_input_submitted(self, event: Entry.Submitted) -> None:
        """Write the tags."""
        try:
            tags = set(parse_tags(event.value))
            for run in self._runs:
                await asyncio.to_thread(self._write, run, tags)
        except InputError as error:
            self.complain(error)
            return
        self.dismiss()

    def _write(self, run: RunSummary, tags: set[str]) -> None:
        own = set(read_annotations(run.folder).tags)
        after = (own | (tags - self._before)) - (self._before - tags)
        annotate(run.folder, tags=tuple(sorted(after)))


class NoteScreen(Dialogue):
    """A few lines of text on one run."""

    KEEPS: ClassVar = "Ctrl+S"
    BINDINGS: ClassVar = [Binding("ctrl+s", "keep", "keep", show=False, priority=True)]

    def __init__(self, run: RunSummary) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        """Make the field."""
        with Vertical(id="annotate") as frame:
            title = f"note on {plain(name_of(self._run))}"
            frame.border_title = Content(title)
            frame.border_subtitle = "Ctrl+S keeps · Esc closes"
            yield TextArea(self._run.note, compact=True, soft_wrap=True)
            yield Static("", id="problem", markup=False)

    @property
    def text(self) -> str:
        """The lines."""
        return self.query_one(TextArea).text

    @property
    def before(self) -> str:
        """The note as it is."""
        return self._run.note

    async def action_keep(self) -> None:
        """Write the note."""
        try:
            note = check_note(self.query_one(TextArea).text)
            await asyncio.to_thread(annotate, self._run.folder, note=note)
        except InputError as error:
            self.complain(error)
            return
        self.dismiss()
