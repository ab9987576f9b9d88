"""All keys, from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui.commands import SCOPES, commands_of

_SIGNS = (
    ("✔ ▸ ◦ ✖ ⊘ ↯", "done, running, queued, failed, cancelled, interrupted"),
    ("✦", "best of its column among runs judged on the same split"),
    ("⚑ ✱", "the pinned baseline; a marked run"),
    ("▲ ▼ =", "better than the baseline, worse, the same; the sign is the value's"),
)


class HelpScreen(ModalScreen[None]):
    """What the keys do and the signs mean; any of Esc, ? and q closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [
        Binding("escape,question_mark,f1,q,enter", "dismiss", "close", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Put the text into a frame."""
        frame = VerticalScroll(Static(_text(), markup=False), id="help")
        frame.border_title = "keys and signs"
        frame.border_subtitle = "Esc closes"
        yield frame

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#help", VerticalScroll).scroll_relative(y=lines, animate=False)


def _text() -> Group:
    parts: list[Text | Table] = []
    for scope, title in SCOPES.items():
        pairs = [(" ".join(item.shown_keys), item.help) for item in commands_of(scope)]
        parts += [Text(title, "bold"), _two_columns(pairs), Text()]
    return Group(*parts, Text("Signs", "bold"), _two_columns(_SIGNS))


def _two_columns(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=13)
    table.add_column()
    for left, right in pairs:
        table.add_row(Text(f"  {left}", "bold"), Text(right))
    return table
