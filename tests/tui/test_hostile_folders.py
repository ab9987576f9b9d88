"""A session over runs folders with damaged runs: each is looked at, and nothing ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.folders import write_run
from tests.tui.session import session
from tests.workbench.hostile import HARMLESS, LISTED, SHOWN, damaged_copies
from workbench.store.listing import RunSummary, list_runs
from workbench.tui.view.detail import curve_section, read_files, sections
from workbench.tui.view.jobs import JobsView, build_jobs, changed, facts, state_line
from workbench.tui.view.live import CurveReader, log_tail
from workbench.tui.view.result import Against

DAMAGES = LISTED | SHOWN | HARMLESS
#: one of each kind that reaches another part of a screen
WALKED = (
    "status.json deep",
    "status.json far",
    "status.json reason",
    "metrics.json label",
    "metrics.json text",
    "metrics.json interval",
    "metrics.json odd cutoff",
    "annotations.json deep",
    "spec.yaml date",
    "environment.json types",
    "events.jsonl pipe",
)


@pytest.fixture
def hostile(empty: Path) -> Path:
    """Return a runs folder with a good run and a copy of it a damage."""
    good = write_run(empty, "good", number=1)
    write_run(empty, "other", number=2)
    copies = damaged_copies(good, DAMAGES.items())
    unread = empty / copies["log.txt pipe"].name
    (unread / "status.json").write_text('{"state": "running", "created": 1}')
    return empty


def test_every_damaged_run_can_be_described(hostile: Path) -> None:
    runs = list_runs(hostile)
    good = next(run for run in runs if run.label == "other")
    view = JobsView(tuple(runs), curves=CurveReader().refresh(runs))
    table, order = build_jobs(view, 200)
    assert len(list(table.rows)) == len(order) == len(DAMAGES) + 2
    for run in runs:
        _describe(run, good, view)


def _describe(run: RunSummary, baseline: RunSummary, view: JobsView) -> None:
    files = read_files(run)
    for section in sections(run, files, Against(baseline)).values():
        assert "\n" not in "".join(cell.text for line in section.lines for cell in line)
    curve_section(files, 100)
    lines = [changed(run), facts(run), state_line(run, view)]
    assert all(line.isprintable() for line in lines)
    assert len(log_tail(run)) <= 4_000


async def test_the_cursor_walks_over_damaged_runs(empty: Path) -> None:
    good = write_run(empty, "good", number=1)
    damaged_copies(good, [(name, DAMAGES[name]) for name in WALKED])
    async with session(empty, (80, 24)) as s:
        for _ in WALKED:
            await s.press("j")
        await s.press("enter")
        await s.press("escape", "1", "k")
        for _ in WALKED:
            await s.press("k")
        assert "metrics.json: damaged: metrics.ndcg" in s.text()
