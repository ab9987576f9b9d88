"""Commands of the page of one sweep."""

from __future__ import annotations

from workbench.tui.commands.command import Command

SCOPES = {"sweep": "One sweep"}

COMMANDS: tuple[Command, ...] = (
    Command("sweep.open", ("enter",), "open", "Open the run of the trial.", "open", True),
    Command(
        "sweep.best",
        ("b",),
        "new job from best",
        "Open the form for a new job, filled in with the best trial.",
        "best",
        True,
    ),
    Command(
        "sweep.again",
        ("A",),
        "again",
        "Open the form for a new job, filled in with the trial under the cursor.",
        "again",
    ),
    Command(
        "sweep.plots", ("v",), "next plots", "Show the next plots where not all fit.", "plots", True
    ),
    Command(
        "sweep.beside",
        ("equals_sign",),
        "another beside",
        "Show another sweep beside this one: the next with the same metric, at last none.",
        "beside",
        True,
    ),
    Command(
        "sweep.end",
        ("c", "C"),
        "end sweep",
        "End the sweep: trials that wait or run are cancelled, results stay; asks first.",
        "end",
        True,
    ),
    Command("sweep.back", ("escape", "backspace"), "back", "Return to the jobs.", "back", True),
)
