"""The one registry of commands: bindings, key line, help, palette and docs/tui.md come from it.

A command names its handler, the method ``action_<handler>`` of the screen, widget or app whose
scope it belongs to. That class puts ``bindings(scope)`` into its `BINDINGS`, and says in
`check_action` when the command has no use; then it is neither shown nor run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Scope = Literal["everywhere", "table", "runs", "detail"]

#: scope -> heading in the help screen and in the docs
SCOPES: dict[Scope, str] = {
    "runs": "Runs",
    "table": "Tables",
    "detail": "One run",
    "everywhere": "Everywhere",
}

_KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "backspace": "Backspace",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "f1": "F1",
    "ctrl+p": "Ctrl+P",
}


@dataclass(frozen=True, slots=True)
class Command:
    """Something a person can do.

    Parameters
    ----------
    id
        Stable name, ``scope.verb``: what a key map refers to.
    keys
        Textual key names; the first is the one shown.
    label
        One or two words for the key line and the palette.
    help
        A full sentence for the help screen and the docs.
    handler
        The action, e.g. ``"sort(True)"`` for the method ``action_sort``.
    in_key_line
        Whether the bottom line names it; the order of the registry is the order there.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    handler: str
    in_key_line: bool = False

    @property
    def scope(self) -> str:
        """The part of the program that the command belongs to."""
        return self.id.partition(".")[0]

    @property
    def shown_keys(self) -> tuple[str, ...]:
        """The keys as a person reads them."""
        return tuple(_KEY_NAMES.get(key, key) for key in self.keys)


COMMANDS: tuple[Command, ...] = (
    Command("runs.open", ("enter",), "open", "Open the run under the cursor.", "open", True),
    Command("runs.mark", ("space",), "mark", "Mark the run, or take the mark off.", "mark", True),
    Command(
        "runs.baseline",
        ("b",),
        "baseline",
        "Pin the run as the baseline that others are compared with; again: unpin it.",
        "baseline",
        True,
    ),
    Command(
        "runs.delta",
        ("d",),
        "delta",
        "Show values, differences from the baseline, or differences in percent.",
        "delta",
        True,
    ),
    Command(
        "runs.filter",
        ("slash",),
        "filter",
        "Filter the runs: words, `model:mf`, `state:failed`, `ndcg@10>.2`; all must hold.",
        "filter",
        True,
    ),
    Command(
        "table.sort-ascending",
        ("s",),
        "sort",
        "Sort by the column under the cursor, smallest first.",
        "sort(False)",
        True,
    ),
    Command(
        "table.sort-descending",
        ("S",),
        "sort down",
        "Sort by the column under the cursor, largest first.",
        "sort(True)",
    ),
    Command(
        "runs.unchanged",
        ("u",),
        "hide same",
        "Hide the columns in which all runs agree, or show them again.",
        "unchanged",
        True,
    ),
    Command(
        "runs.only-marked",
        ("m",),
        "only marked",
        "Show only the marked runs and the baseline, or all again.",
        "only_marked",
        True,
    ),
    Command(
        "runs.clear",
        ("escape",),
        "clear",
        "Step back: first the filter goes, then the choice of marked runs, then the sort order.",
        "clear",
    ),
    Command("runs.copy", ("y",), "copy", "Copy the run's row to the clipboard.", "copy", True),
    Command(
        "runs.copy-table",
        ("Y",),
        "copy table",
        "Copy the whole table, as shown, as Markdown.",
        "copy_table",
    ),
    Command(
        "runs.export",
        ("e",),
        "export",
        "Write the table, as shown, to a .csv, .md or .json file.",
        "export",
        True,
    ),
    Command("table.down", ("j", "down"), "down", "Go to the next row.", "move(1)"),
    Command("table.up", ("k", "up"), "up", "Go to the previous row.", "move(-1)"),
    Command("table.first", ("g", "home"), "first", "Go to the first row.", "first"),
    Command("table.last", ("G", "end"), "last", "Go to the last row.", "last"),
    Command("table.page-down", ("pagedown",), "page down", "Go down by a page.", "page(1)"),
    Command("table.page-up", ("pageup",), "page up", "Go up by a page.", "page(-1)"),
    Command(
        "table.right", ("right",), "next column", "Go to the column on the right.", "column(1)"
    ),
    Command(
        "table.left", ("left",), "previous column", "Go to the column on the left.", "column(-1)"
    ),
    Command("detail.back", ("escape", "backspace"), "back", "Return to the runs.", "back", True),
    Command("detail.next", ("n",), "next run", "Open the next run of the table.", "step(1)", True),
    Command("detail.previous", ("p",), "previous run", "Open the run above it.", "step(-1)", True),
    Command("detail.down", ("j", "down"), "down", "Scroll down.", "scroll(1)"),
    Command("detail.up", ("k", "up"), "up", "Scroll up.", "scroll(-1)"),
    Command("detail.page-down", ("pagedown",), "page down", "Scroll down by a page.", "page(1)"),
    Command("detail.page-up", ("pageup",), "page up", "Scroll up by a page.", "page(-1)"),
    Command("detail.top", ("g", "home"), "top", "Go to the beginning.", "top"),
    Command("detail.bottom", ("G", "end"), "bottom", "Go to the end.", "bottom"),
    Command("detail.copy", ("y",), "copy", "Copy what is shown of the run.", "copy", True),
    Command(
        "everywhere.palette",
        ("colon", "ctrl+p"),
        "commands",
        "Search all commands by name.",
        "command_palette",
        True,
    ),
    Command(
        "everywhere.help", ("question_mark", "f1"), "help", "Show what the keys do.", "help", True
    ),
    Command("everywhere.quit", ("q",), "quit", "Leave; runs go on.", "quit", True),
)


def commands_of(scope: Scope) -> list[Command]:
    """List the commands of one scope, in the order of the registry."""
    return [command for command in COMMANDS if command.scope == scope]


def bindings(scope: Scope) -> list[BindingType]:
    """Build the Textual bindings of a scope; their ids let a key map change the keys."""
    return [
        Binding(
            ",".join(command.keys),
            command.handler,
            command.label,
            show=command.in_key_line,
            id=command.id,
            tooltip=command.help,
        )
        for command in commands_of(scope)
    ]


def key_table() -> str:
    """Write all commands as Markdown tables, one a scope, for docs/tui.md."""
    parts: list[str] = []
    for scope, title in SCOPES.items():
        lines = [f"### {title}", "", "| keys | command | what it does |", "|---|---|---|"]
        for command in commands_of(scope):
            keys = " ".join(f"`{key}`" for key in command.shown_keys)
            lines.append(f"| {keys} | {command.label} | {command.help} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
