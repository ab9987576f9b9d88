"""Commands of the screen Items: the catalogue, and what runs make of one item."""

from __future__ import annotations

from workbench.tui.commands.command import Command

SCOPES = {"items": "Items"}

COMMANDS: tuple[Command, ...] = (
    Command(
        "items.similar",
        ("enter",),
        "similar",
        "Ask the models for similar items; on a similar item: go to it.",
        "similar",
        True,
    ),
    Command("items.find", ("slash",), "find", "Find items by words of the title.", "find", True),
    Command(
        "items.fans",
        ("w",),
        "who likes it",
        "List the users who liked the item, on the screen Users.",
        "fans",
        True,
    ),
    Command("items.runs", ("r",), "runs", "Choose the runs that are shown.", "runs", True),
    Command("items.data", ("d",), "data set", "Show the items of the next data set.", "data"),
    Command(
        "items.clear",
        ("escape",),
        "back",
        "Go back to the catalogue; then end the search.",
        "clear",
    ),
)
