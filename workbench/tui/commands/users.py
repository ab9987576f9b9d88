"""Commands of the screen Users: who is listed, and one user's history beside lists of runs."""

from __future__ import annotations

from workbench.tui.commands.command import Command

SCOPES = {"users": "Users"}

COMMANDS: tuple[Command, ...] = (
    Command(
        "users.open",
        ("enter",),
        "open",
        "Show the history of the user beside what runs recommend; Tab goes from one to the other.",
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
        "Show the list of the next run; among the users: its metric.",
        "rotate(1)",
        True,
    ),
    Command(
        "users.panel",
        ("v",),
        "why/genres",
        "Below: why an item is recommended, or the genres of history and lists.",
        "panel",
        True,
    ),
    Command(
        "users.own",
        ("o",),
        "only what differs",
        "Show of each list only what no other has, or all again; `=` marks what another has, too.",
        "own",
    ),
    Command(
        "users.similar",
        ("i",),
        "item",
        "Go to the item under the cursor: what is like it, who recommends it.",
        "item",
        True,
    ),
    Command("users.next", ("n",), "next user", "Show the next user of the list.", "step(1)", True),
    Command("users.previous", ("p",), "previous user", "Show the user above.", "step(-1)"),
    Command("users.runs", ("r",), "runs", "Choose the runs whose lists are shown.", "runs", True),
    Command(
        "users.fans", ("w",), "who likes it", "List the users who liked the item.", "fans", True
    ),
    Command(
        "users.ask",
        ("c",),
        "ask models",
        "Ask the models again, and for their reasons; takes seconds.",
        "ask",
    ),
    Command("users.data", ("d",), "data set", "Show the users of the next data set.", "data"),
    Command("users.copy", ("y",), "copy", "Copy what is shown of the user.", "copy", True),
    Command(
        "users.clear",
        ("escape",),
        "back",
        "Step back: from a user to the list, then the search goes.",
        "clear",
    ),
)
