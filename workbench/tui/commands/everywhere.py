"""Commands that work on every screen."""

from __future__ import annotations

from workbench.tui.commands.command import Command
from workbench.tui.modes import SCREENS

SCOPES = {
    "panes": "Parts side by side",
    "parts": "Parts of a screen",
    "everywhere": "Everywhere",
}

COMMANDS: tuple[Command, ...] = (
    *(
        Command(
            f"everywhere.{screen.name}",
            (screen.key,),
            screen.title.lower(),
            f"Go to the screen {screen.title}: {screen.about}.",
            f"go('{screen.name}')",
        )
        for screen in SCREENS
    ),
    Command(
        "everywhere.palette",
        ("colon", "ctrl+p"),
        "commands",
        "Search the commands of all screens, metrics and models, by name and by description.",
        "command_palette",
        True,
    ),
    Command(
        "everywhere.help",
        ("question_mark", "f1"),
        "help",
        "Show what the keys do; / searches.",
        "help",
        True,
    ),
    Command(
        "everywhere.messages",
        ("M",),
        "messages",
        "List the messages of the session, newest first.",
        "messages",
    ),
    Command(
        "everywhere.suspend",
        ("ctrl+z",),
        "suspend",
        "Give the terminal back to the shell; `fg` returns.",
        "suspend_process",
    ),
    Command(
        "parts.zoom",
        ("z",),
        "zoom",
        "Enlarge the focused part to the whole screen; press again, or Esc, to go back.",
        "zoom",
    ),
    Command(
        "panes.narrower",
        ("less_than_sign",),
        "narrower list",
        "Make the list narrower; the mouse can drag the line, too.",
        "resize(-4)",
    ),
    Command(
        "panes.wider",
        ("greater_than_sign",),
        "wider list",
        "Make the list wider.",
        "resize(4)",
    ),
    Command(
        "panes.shorter",
        ("left_curly_bracket",),
        "shorter list",
        "Give lines of the list to the curves below it; the mouse drags the line between them.",
        "resize_rows(-2)",
    ),
    Command(
        "panes.taller",
        ("right_curly_bracket",),
        "taller list",
        "Give the list more lines.",
        "resize_rows(2)",
    ),
    Command(
        "everywhere.quit",
        ("q",),
        "quit",
        "Leave; while jobs run, it asks whether they should go on.",
        "quit",
        True,
    ),
)
