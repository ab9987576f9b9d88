"""All keys, from the registry."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
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


def _text() -> Content:
    parts: list[Content] = []
    for scope, title in SCOPES.items():
        parts.append(Content.styled(title, "bold $primary"))
        parts += [_line(" ".join(item.shown_keys), item.help) for item in commands_of(scope)]
        parts.append(Content(""))
    parts.append(Content.styled("Signs", "bold $primary"))
    parts += [_line(sign, meaning) for sign, meaning in _SIGNS]
    return Content("\n").join(parts)


def _line(left: str, right: str) -> Content:
    space = " " * max(1, 14 - cell_len(left))
    return Content.assemble("  ", Content.styled(left, "bold"), space, right)
