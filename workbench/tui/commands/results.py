"""Commands of the screen Results: the runs side by side, tables, one run."""

from __future__ import annotations

from workbench.tui.commands.command import Command

SCOPES = {"runs": "Results", "table": "Tables", "detail": "One run"}

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
)
