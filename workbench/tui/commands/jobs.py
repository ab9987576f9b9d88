"""Commands of the screen Jobs, its log and its dialogs."""

from __future__ import annotations

from workbench.tui.commands.command import Command

SCOPES = {
    "jobs": "Jobs",
    "curves": "Curves, with the focus (Tab)",
    "new-job": "New job",
    "log": "Log of a job",
    "welcome": "First steps",
    "quit": "Leaving while jobs run",
}

COMMANDS: tuple[Command, ...] = (
    Command(
        "jobs.add", ("a",), "add", "Add a job, or a sweep over fields of a model.", "add", True
    ),
    Command(
        "jobs.again",
        ("A",),
        "again",
        "Open the form for a new job, filled in with the job under the cursor, or with the best "
        "trial of the sweep.",
        "again",
        True,
    ),
    Command(
        "jobs.cancel",
        ("c",),
        "cancel",
        "Cancel the job; its checkpoint is kept. On a sweep: end it; asks first.",
        "cancel",
        True,
    ),
    Command(
        "jobs.end-sweep",
        ("C",),
        "end sweep",
        "End the sweep of the trial under the cursor, or the only one under way; asks first.",
        "end_sweep",
        True,
    ),
    Command(
        "jobs.retry",
        ("r",),
        "retry",
        "Run a job without a result again from the start, as the same run.",
        "requeue(False)",
        True,
    ),
    Command(
        "jobs.resume",
        ("R",),
        "resume",
        "Resume a job without a result from its last checkpoint.",
        "requeue(True)",
        True,
    ),
    Command(
        "jobs.pause",
        ("p",),
        "pause",
        "Pause the queue, so no more jobs start; press again to continue.",
        "pause",
        True,
    ),
    Command("jobs.log", ("l",), "log", "Read the job's log, and follow it.", "log", True),
    Command(
        "jobs.open",
        ("enter",),
        "open",
        "Open the run: result, settings, data; or the page of the sweep.",
        "open",
        True,
    ),
    Command(
        "jobs.trials",
        ("t",),
        "trials",
        "Show the trials of the sweep below it, or fold them; so do → and ←.",
        "trials",
        True,
    ),
    Command(
        "jobs.mark",
        ("space",),
        "mark",
        "Overlay this run's curves on those of the job under the cursor; press again to remove "
        "them. A marked sweep is shown beside the one that is opened.",
        "mark",
        True,
    ),
    Command("jobs.later", ("J",), "later", "Move a waiting job down in the queue.", "shift(1)"),
    Command("jobs.sooner", ("K",), "sooner", "Move a waiting job up in the queue.", "shift(-1)"),
    Command(
        "jobs.priority-up",
        ("plus", "equals_sign"),
        "more urgent",
        "Raise the priority of a waiting job.",
        "priority(1)",
    ),
    Command(
        "jobs.priority-down",
        ("minus",),
        "less urgent",
        "Lower the priority of a waiting job.",
        "priority(-1)",
    ),
    Command(
        "jobs.curve",
        ("v",),
        "next curves",
        "Show the next values of the curves, where not all fit.",
        "curve",
        True,
    ),
    Command("jobs.log-axis", ("o",), "log axis", "Linear or logarithmic axis.", "log_axis", True),
    Command(
        "jobs.smooth", ("m",), "smooth", "Smooth the curves more, or not at all.", "smooth", True
    ),
    Command(
        "jobs.seeds",
        ("f",),
        "seeds",
        "Draw the seeds of a job as their mean in a band from the least to the greatest.",
        "fold",
        True,
    ),
    Command(
        "jobs.clear",
        ("escape",),
        "clear",
        "Go back from the cursor and from one chart to all; then remove all marks.",
        "clear",
    ),
    Command(
        "curves.right",
        ("right",),
        "read values",
        "Move the cursor of all charts to the next report; the titles show its values.",
        "read(1)",
        True,
    ),
    Command(
        "curves.left",
        ("left",),
        "back",
        "Move the cursor to the report before.",
        "read(-1)",
    ),
    Command("curves.last", ("end",), "last", "Move the cursor to the last report.", "read_end(1)"),
    Command(
        "curves.first", ("home",), "first", "Move the cursor to the first report.", "read_end(-1)"
    ),
    Command("curves.next", ("down", "j"), "next chart", "Go to the next chart.", "choose(1)"),
    Command(
        "curves.previous", ("up", "k"), "chart before", "Go to the chart before.", "choose(-1)"
    ),
    Command(
        "curves.enlarge",
        ("enter",),
        "enlarge",
        "Give one chart all the room; press again, or Esc, to go back.",
        "enlarge",
        True,
    ),
    Command("new-job.submit", ("enter",), "add the job", "Check all, and add the job.", "submit"),
    Command("new-job.down", ("down",), "next field", "Go to the next field.", "move(1)"),
    Command("new-job.up", ("up",), "field above", "Go to the field above.", "move(-1)"),
    Command("new-job.page-down", ("pagedown",), "page down", "Go down by a page.", "page(1)"),
    Command("new-job.page-up", ("pageup",), "page up", "Go up by a page.", "page(-1)"),
    Command(
        "new-job.complete",
        ("tab",),
        "complete",
        "Insert the next value that matches the typed text.",
        "complete(1)",
    ),
    Command(
        "new-job.complete-back",
        ("shift+tab",),
        "complete back",
        "Insert the previous value.",
        "complete(-1)",
    ),
    Command(
        "new-job.find",
        ("slash", "ctrl+f"),
        "find a field",
        "Find a field by a part of its name; `=` goes on to its value. `/` is text where a path "
        "begins.",
        "find",
    ),
    Command(
        "new-job.edit",
        ("ctrl+e",),
        "edit as YAML",
        "Edit the field in your editor (`$VISUAL`, `$EDITOR`) as YAML; on *copy from* the whole "
        "job.",
        "edit",
    ),
    Command(
        "new-job.add-part",
        ("plus", "ctrl+n"),
        "add a part",
        "Add a channel, or a step of re-ranking, after the one under the cursor.",
        "add_part",
    ),
    Command(
        "new-job.remove-part",
        ("minus", "ctrl+r"),
        "remove the part",
        "Remove the channel, or the step of re-ranking, under the cursor.",
        "remove_part",
    ),
    Command("new-job.close", ("escape",), "close", "Close without adding.", "close"),
    Command("log.back", ("escape", "l", "backspace"), "back", "Return to the jobs.", "back", True),
    Command(
        "log.follow",
        ("f",),
        "follow",
        "Follow new lines at the end, or stop following.",
        "follow",
        True,
    ),
    Command("log.search", ("slash",), "search", "Search for text.", "search", True),
    Command("log.next", ("n",), "next", "Go to the next line with the text.", "find(1)", True),
    Command(
        "log.previous",
        ("N",),
        "previous",
        "Go to the previous line with the text.",
        "find(-1)",
        True,
    ),
    Command("log.down", ("j", "down"), "down", "Scroll down.", "scroll(1)"),
    Command("log.up", ("k", "up"), "up", "Scroll up.", "scroll(-1)"),
    Command("log.page-down", ("pagedown",), "page down", "Scroll down by a page.", "page(1)"),
    Command("log.page-up", ("pageup",), "page up", "Scroll up by a page.", "page(-1)"),
    Command("log.top", ("g", "home"), "top", "Go to the beginning.", "top"),
    Command("log.bottom", ("G", "end"), "bottom", "Go to the end.", "bottom"),
    Command(
        "welcome.start",
        ("enter",),
        "train baselines",
        "Train three baselines on a small data set and compare them.",
        "start",
        True,
    ),
    Command("welcome.add", ("a",), "add", "Choose data, model and fields of a job.", "add", True),
    Command(
        "quit.leave", ("enter", "l"), "leave running", "Leave; the jobs keep running.", "leave"
    ),
    Command(
        "quit.cancel",
        ("C",),
        "cancel all",
        "Cancel all of them and leave; R resumes them.",
        "cancel",
    ),
    Command("quit.stay", ("escape", "s"), "stay", "Stay in the session.", "stay"),
)
