"""All keys, from the registry."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from recsys_core.evaluation.names import ROW_METRICS, TOPK_METRICS, meaning_of
from workbench.tui.commands import SCOPES, commands_of
from workbench.tui.settings import Settings

if TYPE_CHECKING:
    from workbench.tui.app import WorkbenchApp

_SIGNS = (
    ("✔ ▸ ◦ ✖ ⊘ ↯", "done, running, queued, failed, cancelled, interrupted"),
    ("✦", "best of its column among runs judged on the same split"),
    ("⚑ ✱", "the pinned baseline; a marked run"),
    ("▲ ▼ =", "better than the baseline, worse, the same; the sign is the value's"),
    ("* ~", "more than chance, perhaps chance: paired test over users, p < .05 corrected"),
)


class HelpScreen(ModalScreen[None]):
    """What the keys do and the signs mean; any of Esc, ? and q closes it."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [
        Binding("escape,question_mark,f1,q,enter", "dismiss", "close", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
    ]

    def __init__(self, here: Set[str], column: str = "") -> None:
        """Begin with the metric of the `column` and the scopes of the screen that asks, `here`."""
        super().__init__()
        self._here = here
        self._column = column

    def compose(self) -> ComposeResult:
        """Put the text into a frame."""
        app: WorkbenchApp = self.app  # type: ignore[assignment]
        frame = VerticalScroll(
            Static(_text(app.settings, self._here, self._column), markup=False), id="help"
        )
        frame.border_title = "keys and signs"
        frame.border_subtitle = "Esc closes"
        yield frame

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#help", VerticalScroll).scroll_relative(y=lines, animate=False)


def _text(settings: Settings, here: Set[str], column: str) -> Group:
    parts: list[Text | Table] = []
    if column:
        parts += [Text("The metric under the cursor", "bold"), Text(f"  {column}"), Text()]
    for scope, title in sorted(SCOPES.items(), key=lambda entry: entry[0] not in here):
        pairs = [(" ".join(settings.shown_keys(item)), item.help) for item in commands_of(scope)]
        parts += [Text(title, "bold"), _two_columns(pairs), Text()]
    metrics = [(name, meaning_of(f"{name}@10")) for name in TOPK_METRICS]
    metrics += [(name, meaning_of(name)) for name in ROW_METRICS]
    parts += [Text("Signs", "bold"), _two_columns(_SIGNS), Text()]
    return Group(*parts, Text("Metrics", "bold"), _two_columns(metrics))


def _two_columns(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=13)
    table.add_column()
    for left, right in pairs:
        table.add_row(Text(f"  {left}", "bold"), Text(right))
    return table
