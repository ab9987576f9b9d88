"""What the session has said, the newest first."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui.messages import LOOKS, Messages


class MessagesScreen(ModalScreen[None]):
    """The list of messages in full; Esc closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [
        Binding("escape,M,q,enter", "dismiss", "close", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    def __init__(self, messages: Messages) -> None:
        super().__init__()
        self._messages = messages

    def compose(self) -> ComposeResult:
        """Put the list into a frame."""
        frame = VerticalScroll(Static(self._text(), markup=False), classes="help")
        frame.border_title = "messages"
        frame.border_subtitle = "Esc closes"
        yield frame

    def _text(self) -> Content:
        lines = []
        for said in self._messages.newest:
            when = datetime.fromtimestamp(said.when).strftime("%H:%M:%S")
            text = Content.styled(said.line, LOOKS[said.severity][1])
            lines.append(Content.assemble(Content.styled(f"{when}  ", "$secondary"), text))
        return Content("\n").join(lines or [Content("No messages yet.")])

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
