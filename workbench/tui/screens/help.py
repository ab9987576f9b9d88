"""All keys, from the registry, signs and metrics; searched by what they do or mean."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from recsys_core.evaluation.names import meaning_of, row_metrics, topk_metrics
from workbench.tui.commands import SCOPES, commands_of
from workbench.tui.settings import Settings
from workbench.tui.widgets.lines import Entry

if TYPE_CHECKING:
    from workbench.tui.session import Session

Pair = tuple[str, str]

_SIGNS = (
    ("✔ ▸ ◦ ✖ ⊘ ⊖ ↯", "done, running, queued, failed, cancelled, pruned, interrupted"),
    ("✦", "best of its column among runs judged on the same split"),
    ("★", "the best trial of a sweep, on validation rows"),
    ("⚑ ✱", "the pinned baseline; a marked run"),
    ("▲ ▼ =", "better than the baseline, worse, the same; the sign is the value's"),
    ("* ~", "significant, not significant: paired test over users, p < .05 corrected"),
)


class HelpScreen(ModalScreen[None]):
    """What the keys do and the signs mean; any of Esc, ? and q closes it, / searches."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar = [
        Binding("escape,question_mark,f1,q,enter", "leave", "close", show=False),
        Binding("slash", "find", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, here: Set[str], column: str = "") -> None:
        """Begin with the metric of the `column` and the scopes of the screen that asks, `here`."""
        super().__init__()
        self._here = here
        self._column = column

    def compose(self) -> ComposeResult:
        """Put the search line and the text into a frame."""
        with Vertical(id="frame") as frame:
            frame.border_title = "keys and signs"
            frame.border_subtitle = "/ searches · Esc closes"
            yield Entry(
                id="find",
                compact=True,
                placeholder="/ to search keys, signs and metrics",
            )
            with VerticalScroll():
                yield Static(id="text", markup=False)

    def on_mount(self) -> None:
        """Show everything."""
        self.query_one(VerticalScroll).focus()
        self._show("")

    def _show(self, words: str) -> None:
        app: Session = self.app  # type: ignore[assignment]
        found = help_sections(app.settings, self._here, words, self._column)
        self.query_one("#text", Static).update(_text(found, words))

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Show what fits."""
        self._show(event.value)
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def on_input_submitted(self, _event: Entry.Submitted) -> None:
        """Go to what was found."""
        self.query_one(VerticalScroll).focus()

    def action_find(self) -> None:
        """Go to the search line."""
        self.query_one(Entry).focus()

    def action_leave(self) -> None:
        """Empty the search line, or close."""
        entry = self.query_one(Entry)
        if entry.value:
            entry.value = ""
            self.query_one(VerticalScroll).focus()
        else:
            self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def help_sections(
    settings: Settings, here: Set[str], words: str = "", column: str = ""
) -> list[tuple[str, list[Pair]]]:
    """List the keys below their headings, signs and metrics: those with all `words`.

    Parameters
    ----------
    here
        The scopes that come first.
    column
        A metric and its meaning, ``"auc: 0 to 1, …"``, before all else.
    """
    wanted = words.lower().split()

    def fits(*texts: str) -> bool:
        text = " ".join(texts).lower()
        return all(word in text for word in wanted)

    name, _, meaning = column.partition(": ")
    sections = [("The metric under the cursor", [(name, meaning)] if name and fits(column) else [])]
    for scope, title in sorted(SCOPES.items(), key=lambda entry: entry[0] not in here):
        keys = [(" ".join(settings.shown_keys(item)), item) for item in commands_of(scope)]
        pairs = [(key, item.help) for key, item in keys if fits(title, key, item.label, item.help)]
        sections.append((title, pairs))
    metrics = [(metric, meaning_of(f"{metric}@10")) for metric in topk_metrics()]
    metrics += [(metric, meaning_of(metric)) for metric in row_metrics()]
    sections.append(("Signs", [pair for pair in _SIGNS if fits(*pair)]))
    sections.append(("Metrics", [pair for pair in metrics if fits(*pair)]))
    return [(title, pairs) for title, pairs in sections if pairs]


def _text(sections: Sequence[tuple[str, Sequence[Pair]]], words: str) -> Group:
    if not sections:
        return Group(Text(f"No key, sign or metric has '{words}'."))
    parts: list[Text | Table] = []
    for title, pairs in sections:
        parts += [Text(title, "bold"), _two_columns(pairs), Text()]
    return Group(*parts[:-1])


def _two_columns(pairs: Sequence[Pair]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=13)
    table.add_column()
    for left, right in pairs:
        table.add_row(Text(f"  {left}", "bold"), Text(right))
    return table
