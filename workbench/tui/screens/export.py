"""Ask where to write the table."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from recsys_core.errors import InputError
from workbench.store.text import plain
from workbench.tui.view.texts import FORMATS, Exported, export
from workbench.tui.widgets.lines import Entry

_SUGGESTION = "report.csv"


class ExportScreen(ModalScreen[None]):
    """A file name; its ending chooses CSV, Markdown, JSON or HTML."""

    CSS_PATH = "export.tcss"
    BINDINGS: ClassVar = [Binding("escape", "dismiss", "close", show=False)]

    def __init__(self, what: Exported) -> None:
        super().__init__()
        self._what = what
        self._refused = ""

    def compose(self) -> ComposeResult:
        """Make the field and a line for what goes wrong."""
        with Vertical(id="export") as frame:
            frame.border_title = "export the table"
            frame.border_subtitle = "Enter writes · Esc closes"
            endings = " ".join(FORMATS)
            yield Static(f"File ({endings}; JSON has full precision):", markup=False)
            yield Entry(_SUGGESTION, compact=True)
            yield Static("", id="problem", markup=False)

    def on_input_submitted(self, event: Entry.Submitted) -> None:
        """Write the file; a name that exists has to be confirmed by a second Enter."""
        path = Path(event.value.strip()).expanduser()
        try:
            export(path, self._what, overwrite=self._refused == event.value)
        except InputError as error:
            self._refused = event.value
            self.query_one("#problem", Static).update(plain(str(error).replace("\n", "; ")))
            return
        self.app.notify(f"Wrote {plain(str(path.absolute()))}", markup=False)
        self.dismiss()
