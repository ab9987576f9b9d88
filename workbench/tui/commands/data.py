"""Commands of the screen Data: what is here, what can be had, what it is like."""

from __future__ import annotations

from workbench.tui.commands.command import Command

SCOPES = {"data": "Data"}

COMMANDS: tuple[Command, ...] = (
    Command(
        "data.open",
        ("enter",),
        "look into",
        "Go from the list to the details of the data set; Tab goes further.",
        "open",
    ),
    Command(
        "data.part",
        ("v",),
        "next part",
        "Show the next part: facts, plots, protocols, features.",
        "part(1)",
        True,
    ),
    Command("data.part-back", ("V",), "part before", "Show the part before.", "part(-1)"),
    Command(
        "data.fetch",
        ("f",),
        "fetch",
        "Download the published data set and prepare it; what was cut off is resumed.",
        "fetch",
        True,
    ),
    Command(
        "data.import",
        ("i",),
        "import",
        "Prepare events from a folder, zip or file of this machine.",
        "import",
        True,
    ),
    Command(
        "data.schema",
        ("n",),
        "next schema",
        "Show the next feature schema.",
        "schema(1)",
        True,
    ),
    Command("data.schema-back", ("p",), "schema before", "Show the schema before.", "schema(-1)"),
    Command(
        "data.measure",
        ("m",),
        "measure",
        "Measure the features of the schema on the data set, split by the protocol under the "
        "cursor: missing values, and the AUC of each alone; takes seconds.",
        "measure",
        True,
    ),
    Command("data.train", ("a",), "train on it", "Add a job on the data set.", "train", True),
    Command("data.users", ("u",), "users", "Show the users of the data set.", "users", True),
    Command("data.copy", ("y",), "copy", "Copy the facts of the data set as text.", "copy"),
    Command(
        "data.clear",
        ("escape",),
        "cancel, back",
        "Cancel what is under way; then close the message; then go back to the list.",
        "clear",
    ),
)
