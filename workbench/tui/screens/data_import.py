"""Ask what is to be imported: a path, and what a plain table needs."""

from __future__ import annotations

import asyncio
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Static

from recsys_core.data.registered import check_name
from recsys_core.errors import InputError
from workbench.store.text import plain
from workbench.tui.data_work import Raw
from workbench.tui.widgets.lines import Entry

#: field of `Raw` -> label, what stands in the empty field
_FIELDS = {
    "path": ("path", "folder, zip or file; → completes"),
    "name": ("name", "what it is recognised as"),
    "columns": ("columns", "tables: user=id,item=book,rating=stars"),
    "rating_range": ("ratings", "tables: lowest,highest; 0,10"),
    "bad_rows": ("bad rows", "error: stop at the first; skip: leave out and count"),
}
_BAD_ROWS = ("", "error", "skip")
#: entries of a folder that are counted
_MANY = 1000


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
        """Make the fields."""
        with Vertical(id="import") as frame:
            frame.border_title = "import ratings"
            frame.border_subtitle = "↑ ↓ fields · Enter imports · Esc closes"
            yield Static(_ABOUT, markup=False)
            for key, (label, example) in _FIELDS.items():
                with Horizontal():
                    yield Static(label, classes="label", markup=False)
                    yield Entry(
                        getattr(self._typed, key),
                        placeholder=example,
                        id=key,
                        compact=True,
                        suggester=PathSuggester() if key == "path" else None,
                    )
            yield Static(id="path-state", markup=False)

    def on_mount(self) -> None:
        """Begin with the path."""
        self._say()

    def on_input_changed(self, _event: Entry.Changed) -> None:
        """Say what is at the path."""
        self._say()

    def _value(self, key: str) -> str:
        return self.query_one(f"#{key}", Entry).value.strip()

    def _raw(self) -> Raw:
        return Raw(*map(self._value, _FIELDS))

    def action_leave(self) -> None:
        """Close; what was typed is asked about once."""
        raw = self._raw()
        if raw in (self._typed, self._given_up):
            self.dismiss(None)
            return
        self._given_up = raw
        line = self.query_one("#path-state", Static)
        line.update("Esc again discards what you typed; Enter imports")

    def _say(self) -> bool:
        """Say what is at the path and what is wrong, and whether all is well."""
        state, good = path_state(self._value("path"))
        if good:
            problem = self._problem()
            state, good = (f"✖ {problem}", False) if problem else (state, True)
        line = self.query_one("#path-state", Static)
        line.update(plain(state))
        line.set_class(not good, "-wrong")
        return good

    def _problem(self) -> str:
        name = self._value("name")
        try:
            if name:
                check_name(name)
        except InputError as error:
            return str(error).replace("\n", ": ")
        return "" if self._value("bad_rows") in _BAD_ROWS else "bad rows: error or skip"

    def on_input_submitted(self, _event: Entry.Submitted) -> None:
        """Import, where there is something."""
        if self._say() and self._value("path"):
            self.dismiss(self._raw())
        else:
            self.query_one("#path", Entry).focus()


class PathSuggester(Suggester):
    """Completes a path by what is there; hidden names only when their dot was typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Return the first path that begins like `value`."""
        return await asyncio.to_thread(_complete, value)


def _complete(value: str) -> str | None:
    folder, slash, start = value.rpartition("/")
    try:
        names = sorted(
            entry.name + ("/" if entry.is_dir() else "")
            for entry in Path(folder + slash or ".").expanduser().iterdir()
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        )
    except OSError:
        return None
    return f"{folder}{slash}{names[0]}" if names and value else None


def path_state(text: str) -> tuple[str, bool]:
    """Say what is at a path, and whether that is well so far."""
    if not text:
        return "MovieLens, RecBole's atomic files, CSV and similar text, parquet", True
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            count = sum(1 for _ in islice(path.iterdir(), _MANY))
            return f"a folder with {count:,}{' or more' * (count == _MANY)} entries", True
        if path.is_file():
            return f"a file of {path.stat().st_size:,} bytes", True
    except OSError as error:
        return f"✖ cannot be read: {error.strerror}", False
    return "✖ no such file or folder", False


_ABOUT = "Ratings on this machine become a data set; the files themselves are only read."
