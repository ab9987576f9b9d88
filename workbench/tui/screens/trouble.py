"""An unexpected error as a panel; the session goes on."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.store.text import plain


class TroubleScreen(ModalScreen[None]):
    """Says what went wrong, where the traceback is, and that nothing is lost.

    The key of a command that works on the screen below closes it, too, and is done there.
    """

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
            frame.border_subtitle = "Esc goes on"
            yield Static(self._text, markup=False)

    def on_key(self, event: events.Key) -> None:
        """Hand the key of a command on to the screen below."""
        below = self.app.screen_stack[-2]
        if event.key in below.active_bindings and event.key not in self._bindings.key_to_bindings:
            event.stop()
            self.dismiss()
            self.app.post_message(events.Key(event.key, event.character))
