"""Commands of the screen Users: who is listed, and one user's history beside lists of runs."""

from __future__ import annotations

from workbench.tui.commands.command import Command

SCOPES = {"users": "Users"}

COMMANDS: tuple[Command, ...] = (
    Command(
        "users.open",
        ("enter",),
        "open",
        "Show the user's history next to what runs recommend; Tab switches between them.",
        "open",
        True,
    ),
    Command(
        "users.find",
        ("slash",),
        "find",
        "Find users: an id, `age=25`, `genre=Horror`, `min-history=50`, `worst=ndcg@10`, "
        "`gain=ndcg@10`, `liked=ITEM`.",
        "find",
        True,
    ),
    Command(
        "users.rotate",
        ("m",),
        "next run",
        "Show the list of the next run; in the list of users: its metric.",
        "rotate(1)",
        True,
    ),
    Command(
        "users.panel",
        ("v",),
        "why/genres",
        "Show below why an item is recommended, or the genres of history and lists.",
        "panel",
        True,
    ),
    Command(
        "users.own",
        ("o",),
        "only what differs",
        "Show only items that no other list has, or all again; `=` marks items in another list, "
        "too.",
        "own",
    ),
    Command(
        "users.similar",
        ("i",),
        "item",
        "Go to the item under the cursor: similar items, who recommends it.",
        "item",
        True,
    ),
    Command("users.next", ("n",), "next user", "Show the next user of the list.", "step(1)", True),
    Command(
        "users.previous", ("p",), "previous user", "Show the previous user of the list.", "step(-1)"
    ),
    Command("users.runs", ("r",), "runs", "Choose the runs whose lists are shown.", "runs", True),
    Command(
        "users.fans", ("w",), "who likes it", "List the users who liked the item.", "fans", True
    ),
    Command(
        "users.ask",
        ("c",),
        "ask models",
        "Compute the lists anew from the models, with reasons; takes seconds.",
        "ask",
    ),
    Command("users.data", ("d",), "data set", "Show the users of the next data set.", "data"),
    Command("users.copy", ("y",), "copy", "Copy the details of the user.", "copy", True),
    Command(
        "users.clear",
        ("escape",),
        "back",
        "Step back: from a user to the list, then clear the search.",
        "clear",
    ),
)
