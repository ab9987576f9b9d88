"""The words around the table of runs: title, remark, why it is empty, why a key does nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show
from workbench.tui.view.choices import Options
from workbench.tui.view.columns import name_of


def counts(runs: Sequence[RunSummary], shown: int) -> str:
    """Count the runs, and those in states that need a look."""
    states = Counter(run.state for run in runs)
    total = sum(states.values())
    number = f"{shown} of {total}" if shown != total else str(total)
    parts = [f"{number} run{'' if total == 1 else 's'}"]
    for state in ("running", "queued", "failed", "interrupted"):
        if states[state]:
            look = show.state_look(state)
            parts.append(f"{look.glyph} {states[state]} {look.word}")
    return "  ".join(parts)


def in_common(runs: Sequence[RunSummary]) -> list[str]:
    """Name the data set and the protocol when all runs share them."""
    data = {(run.dataset, run.synthetic) for run in runs}
    protocols = {run.protocol for run in runs}
    common = []
    if len(data) == 1:
        name, synthetic = data.pop()
        common.append(f"{plain(name)} (synthetic)" if synthetic else plain(name))
    if len(protocols) == 1:
        common.append(plain(protocols.pop()))
    return common


def remark(options: Options, baseline: RunSummary | None, untested: int) -> str:
    """Say what was chosen, what the runs are compared with, how many tests are to come."""
    parts = options.remarks()
    if baseline is not None:
        sign = {"value": "baseline", "delta": "Δ to", "percent": "Δ % to"}[options.mode]
        parts.append(f"{sign} {plain(name_of(baseline))}")
    if untested:
        parts.append(f"testing, {untested} to go")
    return " · ".join(parts)


def why_nothing(options: Options, trouble: str) -> str:
    """Say why the table is empty, and which key helps."""
    if trouble:
        return plain(trouble.replace("\n", ": "))
    if options.filter_text:
        return f"No run passes the filter '{plain(options.filter_text)}'. Esc removes it."
    if options.only_marked:
        return "No run is marked. Esc shows all."
    return "No run has a result: all failed or were cancelled. h shows them."


def why_not(action: str, run: RunSummary | None) -> str:
    """Say why a command has no use now; empty for one that has nothing to do with the runs."""
    if action == "delta":
        return "no baseline yet: b pins the run under the cursor as one"
    if action == "only_marked":
        return "no run is marked: Space marks the one under the cursor"
    if action == "cutoff":
        return "there is only one cut-off K"
    if run is None:
        return "there is no run here"
    is_now = f"{plain(name_of(run))} is {show.run_look(run).word}"
    if action == "baseline" and run.refit_of:
        return f"{plain(name_of(run))} was not judged: a baseline needs metrics"
    if action == "baseline":
        return f"{is_now}: a baseline needs a result"
    if action == "remove":
        return f"{is_now}: jobs that run or wait are cancelled on Jobs first"
    return ""
