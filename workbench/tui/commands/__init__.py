"""The one registry of commands: bindings, key line, help, palette and docs/tui.md come from it.

A command names its handler, the method ``action_<handler>`` of the screen, widget or app whose
scope it belongs to. That class puts ``bindings(scope)`` into its `BINDINGS`, and says in
`check_action` when the command has no use; then it is neither shown nor run.

One file a screen: its scopes with their headings, and its commands.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

from workbench.tui.commands import data, everywhere, items, jobs, results, sweeps, users
from workbench.tui.commands.command import Command

__all__ = ["BY_ID", "COMMANDS", "SCOPES", "Command", "bindings", "commands_of", "key_table"]
__all__ += ["screen_of", "together"]

#: in the order of the help screen; everywhere comes last
_FILES = (jobs, sweeps, results, users, items, data, everywhere)

#: scope -> heading in the help screen and in the docs
SCOPES: dict[str, str] = {scope: title for file in _FILES for scope, title in file.SCOPES.items()}

COMMANDS: tuple[Command, ...] = tuple(command for file in _FILES for command in file.COMMANDS)
BY_ID: dict[str, Command] = {command.id: command for command in COMMANDS}


def commands_of(scope: str) -> list[Command]:
    """List the commands of one scope, in the order of the registry."""
    return [command for command in COMMANDS if command.scope == scope]


#: scope -> name of the screen whose commands these are
_SCREENS = {"jobs": "jobs", "runs": "results", "users": "users", "items": "items", "data": "data"}


def screen_of(command: Command) -> str:
    """Name the screen with a key that a command belongs to; empty: every screen, or a dialog."""
    return _SCREENS.get(command.scope, "")


def together(scope: str, other: str) -> bool:
    """Tell whether commands of two scopes can work at the same moment.

    Those of everywhere and of parts always do, those of tables on the first screen of each file.
    """
    if scope == other or {"everywhere", "parts"} & {scope, other}:
        return True
    screens = {next(iter(file.SCOPES)) for file in _FILES}
    return "table" in (scope, other) and bool(screens & {scope, other})


def bindings(scope: str) -> list[BindingType]:
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
    """Write all commands as Markdown tables, one per scope, for docs/tui.md."""
    parts: list[str] = []
    for scope, title in SCOPES.items():
        lines = [f"### {title}", "", "| keys | command | id | what it does |", "|---|---|---|---|"]
        for command in commands_of(scope):
            keys = " ".join(f"`{key}`" for key in command.shown_keys)
            lines.append(f"| {keys} | {command.label} | `{command.id}` | {command.help} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
