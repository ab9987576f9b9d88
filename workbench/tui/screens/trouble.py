"""An unexpected error as a panel; the session goes on."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.store.text import plain


class TroubleScreen(ModalScreen[None]):
    """Says what went wrong, where the traceback is, and that nothing is lost."""

    CSS_PATH = "trouble.tcss"
    BINDINGS: ClassVar = [Binding("escape,enter,space,q", "dismiss", "close", show=False)]

    def __init__(self, problem: str, where: str) -> None:
        super().__init__()
        self._text = (
            f"{plain(problem)}\n\nThis is a defect of the program; runs and jobs are not touched "
            f"by it.\n{plain(where)}"
        )

    def compose(self) -> ComposeResult:
        """Put the text into a frame."""
        with Vertical(id="trouble") as frame:
            frame.border_title = "that did not work"
            frame.border_subtitle = "Esc continues"
            yield Static(self._text, markup=False)
