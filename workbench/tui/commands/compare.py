"""Commands of the page of compared runs, and of the plot of all runs in two metrics."""

from __future__ import annotations

from workbench.tui.commands.command import Command

COMPARE: tuple[Command, ...] = (
    Command(
        "compare.open",
        ("enter",),
        "users",
        "Go to the users whose metric changes most; there, open the user under the cursor on "
        "Users, with the same two runs.",
        "open",
        True,
    ),
    Command(
        "compare.metric",
        ("m",),
        "metric",
        "Show users and groups in the next metric.",
        "metric",
        True,
    ),
    Command(
        "compare.next",
        ("n",),
        "next run",
        "Show the users of the next run against the reference.",
        "other(1)",
        True,
    ),
    Command(
        "compare.previous",
        ("p",),
        "previous run",
        "Show the users of the run before.",
        "other(-1)",
    ),
    Command(
        "compare.by",
        ("b",),
        "by …",
        "Divide users or items by the next attribute: age, activity, genre, popularity …",
        "by(1)",
        True,
    ),
    Command("compare.by-back", ("B",), "by … before", "Divide by the attribute before.", "by(-1)"),
    Command(
        "compare.section",
        ("right_square_bracket",),
        "next section",
        "Go to the section below.",
        "section(1)",
        True,
    ),
    Command(
        "compare.section-back",
        ("left_square_bracket",),
        "section above",
        "Go to the section above.",
        "section(-1)",
    ),
    Command("compare.down", ("j", "down"), "down", "Scroll down.", "scroll(1)"),
    Command("compare.up", ("k", "up"), "up", "Scroll up.", "scroll(-1)"),
    Command("compare.page-down", ("pagedown",), "page down", "Scroll down by a page.", "page(1)"),
    Command("compare.page-up", ("pageup",), "page up", "Scroll up by a page.", "page(-1)"),
    Command("compare.top", ("g", "home"), "top", "Go to the beginning.", "top"),
    Command("compare.bottom", ("G", "end"), "bottom", "Go to the end.", "bottom"),
    Command("compare.copy", ("y",), "copy", "Copy the comparison as text.", "copy", True),
    Command(
        "compare.export",
        ("e",),
        "export",
        "Write all metrics and differences to CSV, Markdown, JSON or HTML.",
        "export",
        True,
    ),
    Command(
        "compare.back",
        ("escape", "backspace"),
        "back",
        "Leave the users, then return to the runs.",
        "back",
        True,
    ),
)

SCATTER: tuple[Command, ...] = (
    Command("scatter.open", ("enter",), "open", "Open the run under the cursor.", "open", True),
    Command(
        "scatter.x",
        ("x",),
        "next x",
        "Show the next metric on the x axis; the last one is the time to fit.",
        "axis(0, 1)",
        True,
    ),
    Command("scatter.x-back", ("X",), "x before", "Show the metric before it.", "axis(0, -1)"),
    Command(
        "scatter.y", ("y",), "next y", "Show the next metric on the y axis.", "axis(1, 1)", True
    ),
    Command("scatter.y-back", ("Y",), "y before", "Show the metric before it.", "axis(1, -1)"),
    Command("scatter.swap", ("w",), "swap", "Swap the axes.", "swap", True),
    Command(
        "scatter.next",
        ("n",),
        "next of front",
        "Go to the next run of the Pareto front, which no other run beats.",
        "front(1)",
        True,
    ),
    Command(
        "scatter.previous",
        ("p",),
        "front, back",
        "Go to the run of the front before it.",
        "front(-1)",
    ),
    Command(
        "scatter.right",
        ("l", "right"),
        "right",
        "Go to the run with the next larger x.",
        "move(1, False)",
    ),
    Command(
        "scatter.left",
        ("h", "left"),
        "left",
        "Go to the run with the next smaller x.",
        "move(-1, False)",
    ),
    Command(
        "scatter.up", ("k", "up"), "up", "Go to the run with the next larger y.", "move(1, True)"
    ),
    Command(
        "scatter.down",
        ("j", "down"),
        "down",
        "Go to the run with the next smaller y.",
        "move(-1, True)",
    ),
    Command(
        "scatter.back",
        ("escape", "backspace"),
        "back",
        "Return to the runs; the cursor goes to the run that was looked at.",
        "back",
        True,
    ),
)
