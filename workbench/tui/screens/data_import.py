"""Ask what is to be imported: a path, what a plain table needs, and what lies beside it."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import Suggester, SuggestFromList
from textual.widgets import Static

from workbench.store.text import plain
from workbench.tui.view.import_form import (
    FIELDS,
    GROUPS,
    ImportField,
    Raw,
    complete,
    path_state,
    problem_of,
)
from workbench.tui.widgets.lines import Entry, put


class ImportScreen(ModalScreen[Raw | None]):
    """The form; it ends with what is to be imported, or with nothing.

    Parameters
    ----------
    typed
        What was typed before, when that could not be imported.
    """

    CSS_PATH = "data_import.tcss"
    BINDINGS: ClassVar = [
        Binding("escape", "leave", "close", show=False),
        Binding("down", "app.focus_next", "next field", show=False),
        Binding("up", "app.focus_previous", "field above", show=False),
    ]

    def __init__(self, typed: Raw) -> None:
        super().__init__()
        self._typed = typed
        #: what a first Esc was pressed on
        self._given_up: Raw | None = None

    def compose(self) -> ComposeResult:
        """Make the fields, and below them what the one with the focus is for."""
        with Vertical(id="import") as frame:
            frame.border_title = "import events"
            frame.border_subtitle = "↑ ↓ fields · Enter imports · Esc closes"
            with VerticalScroll(id="import-fields", can_focus=False):
                for heading, fields in GROUPS.items():
                    if heading:
                        yield Static(heading, classes="heading", markup=False)
                    for field in fields:
                        with Horizontal():
                            yield Static(field.label, classes="label", markup=False)
                            yield _entry(field, getattr(self._typed, field.key))
            yield Static(id="import-help", markup=False)
            yield Static(id="import-state", markup=False)

    def on_mount(self) -> None:
        """Begin with the path."""
        self._say()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Say what the field is for."""
        about = next((field.help for field in FIELDS if field.key == event.widget.id), "")
        put(self.query_one("#import-help", Static), about)

    def on_input_changed(self, _event: Entry.Changed) -> None:
        """Say what is at the path."""
        self._say()

    def _raw(self) -> Raw:
        typed = {field.key: self.query_one(f"#{field.key}", Entry).value for field in FIELDS}
        return Raw(**{key: text.strip() for key, text in typed.items()})

    def action_leave(self) -> None:
        """Close; what was typed is asked about once."""
        raw = self._raw()
        if raw in (self._typed, self._given_up):
            self.dismiss(None)
            return
        self._given_up = raw
        put(self._state, "Esc again discards what you typed; Enter imports")

    @property
    def _state(self) -> Static:
        return self.query_one("#import-state", Static)

    def _say(self) -> bool:
        """Say what is at the path and what is wrong, and whether all is well."""
        raw = self._raw()
        state, good = path_state(raw.path)
        if good:
            problem = problem_of(raw)
            state, good = (f"✖ {problem}", False) if problem else (state, True)
        put(self._state, plain(state))
        self._state.set_class(not good, "-wrong")
        return good

    def on_input_submitted(self, _event: Entry.Submitted) -> None:
        """Import, where there is something."""
        raw = self._raw()
        if self._say() and raw.path:
            self.dismiss(raw)
        elif not raw.path or not path_state(raw.path)[1]:
            self.query_one("#path", Entry).focus()


def _entry(field: ImportField, value: str) -> Entry:
    suggester: Suggester | None = None
    if field.files:
        suggester = PathSuggester("=" if field.is_vectors else "")
    elif field.choices:
        suggester = SuggestFromList(field.choices)
    return Entry(value, placeholder=field.example, id=field.key, compact=True, suggester=suggester)


class PathSuggester(Suggester):
    """Completes a path by what is there; hidden names only when their dot was typed.

    Parameters
    ----------
    after
        What the path stands after; empty: it is all.
    """

    def __init__(self, after: str = "") -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._after = after

    async def get_suggestion(self, value: str) -> str | None:
        """Return the first path that begins like `value`."""
        return await asyncio.to_thread(complete, value, self._after)
