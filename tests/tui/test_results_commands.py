"""The screen Results: each command, on what `eval` leaves."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.tui.checks import Check, cases_of, checks
from tests.tui.folders import recall_metrics, write_run
from tests.tui.session import Session, session
from tests.tui.suite import NEWEST_FIRST, on_metric, opens_form_again
from workbench.tui.screens.columns import ColumnsScreen
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.export import ExportScreen
from workbench.tui.screens.runs import RunsScreen

SCOPES_HERE = ("runs", "remove")


@checks("runs.open", "runs.again")
async def _(s: Session) -> None:
    await s.go_to("mf")
    await s.press("enter")
    assert isinstance(s.app.screen, DetailScreen)
    text = s.text()
    assert "mf  ✔ done" in text
    assert "0.2551  0.2431 to 0.2671" in text
    await s.press("escape")
    await opens_form_again(s, "mf")


@checks("runs.compare", "runs.scatter")
async def _(s: Session) -> None:
    await s.go_to("mf")
    await s.press("b", "j", "equals_sign")
    assert "2 runs compared" in s.text()
    await s.press("escape", "p")
    assert "ndcg@10 against coverage@10" in s.text()


@checks("runs.mark", "runs.mark-all", "runs.only-marked")
async def _(s: Session) -> None:
    await s.go_to("mf")
    await s.press("space")
    assert s.current == "item-cf", "the cursor goes on, so that several are marked quickly"
    assert s.row("mf").startswith("✱ ✔ mf")
    await s.press("k", "space")
    assert s.row("mf").startswith("  ✔ mf")
    await s.press("slash")
    await s.type("model:mf")
    await s.press("enter", "a", "escape")
    assert [label for label in s.labels if s.row(label).startswith("✱")] == [
        *("mf-long", "mf-bpr", "mf"),
    ]
    await s.press("a", "a")
    assert s.runs.options.marked == frozenset()
    await s.go_to("lr")
    await s.press("space", "space")
    await s.press("m")
    assert s.labels == ["lr", "mf-bpr"]
    await s.press("m")
    assert s.labels == NEWEST_FIRST


@checks("runs.baseline", "runs.delta")
async def _(s: Session) -> None:
    await s.go_to("item-cf")
    await s.press("b")
    assert s.row("item-cf").startswith("⚑ ✔ item-cf")
    assert "▲ +0.0162" in s.row("mf")  # .2551 - .2389
    assert "▼ -0.1268" in s.row("popularity")  # .1121 - .2389
    assert "not comparable: judged on another split" in s.row("ease")
    assert "no metric in common" in s.row("deepfm")
    assert "Δ to item-cf" in s.text()
    await s.press("b")
    assert "0.2551✦" in s.row("mf")
    assert s.runs.baseline is None
    await s.go_to("popularity")
    await s.press("b")
    assert "▲ +0.1268" in s.row("item-cf")
    await s.press("d")
    assert "▲ +113.1%" in s.row("item-cf")  # .1268 / .1121
    await s.press("d")
    assert "0.2389" in s.row("item-cf")
    await s.press("d")
    assert "▲ +0.1268" in s.row("item-cf")


@checks("runs.filter")
async def _(s: Session) -> None:
    await s.press("slash")
    await s.type("mf")
    assert s.labels == ["mf-long", "mf-bpr", "mf"]
    await s.type(" ndcg@10>.25")
    assert s.labels == ["mf"]
    await s.press("enter")
    assert s.app.focused is s.runs.grid
    assert "filter: mf ndcg@10>.25" in s.text()


@checks("runs.unchanged", "runs.columns", "runs.stages")
async def _(s: Session) -> None:
    titles = [head.title for head in s.runs.grid.table.heads]
    assert "protocol" not in titles, "all runs have the same"
    assert "seed" in titles, "ease has another"
    await s.press("u")
    assert "protocol" in [head.title for head in s.runs.grid.table.heads]
    assert "constant columns shown" in s.text()
    await s.press("u")
    assert "protocol" not in [head.title for head in s.runs.grid.table.heads]
    await s.press("x")
    assert isinstance(s.app.screen, ColumnsScreen)
    assert "[x] protocol" in s.text()
    await s.press("j", "j", "space", "K", "enter")  # protocol off, and above data
    titles = [head.title for head in s.runs.grid.table.heads]
    assert "protocol" not in titles
    assert "data" in titles
    assert "1 column off" in s.text()
    assert s.runs.options.order[:3] == ("model", "protocol", "dataset")
    await s.press("x", "a", "escape", "x", "a", "enter")
    assert s.runs.options.hidden == frozenset()
    assert s.runs.options.order == ()
    await s.press("v")
    lines = [line.strip() for line in s.text().splitlines()]
    assert lines[lines.index("ranking · 2") + 1].startswith("✔ deepfm")
    recall = lines[lines.index("recall · 8") + 1]
    assert recall.startswith("✔ pop-sample")
    await s.press("g")
    assert s.current == "pop-sample", "the heading is passed over"
    assert lines[3] == "recall · 8", "and stays in sight"
    await s.press(*["j"] * 8)
    assert s.current == "deepfm"
    await s.press("k")
    assert s.current == "popularity"
    await s.press("v")
    assert s.labels == NEWEST_FIRST


@checks("runs.cutoff", "runs.failed")
async def _(s: Session) -> None:
    await on_metric(s, "ndcg@10")
    await s.press("S")
    order = s.labels
    await s.press("K")
    titles = [head.title for head in s.runs.grid.table.heads]
    assert "ndcg@20" in titles
    assert not {"ndcg@10", "ndcg@50"} & set(titles), "one cut-off at a time"
    assert "auc" in titles, "metrics without one stay"
    assert s.runs.options.sort == ("ndcg@20", True), "what is sorted by turns along"
    await s.press("K", "K")
    titles = [head.title for head in s.runs.grid.table.heads]
    assert {"ndcg@10", "ndcg@20", "ndcg@50"} <= set(titles)
    assert "metrics at every K" in s.text()
    await s.press("K")
    assert s.runs.options.cutoff is None
    assert s.labels == order
    await s.press("escape")
    await s.press("h")
    assert s.labels == [label for label in NEWEST_FIRST if label != "ease-large"]
    assert "failed hidden" in s.text()
    await s.press("h")
    assert s.labels == NEWEST_FIRST


@checks("runs.remove", "runs.restore", "remove.archive", "remove.delete", "remove.close")
async def _(s: Session) -> None:
    await s.go_to("mf-long")
    await s.press("D")
    assert isinstance(s.app.screen, RunsScreen), "it runs"
    assert "mf-long is running: jobs that run or wait are cancelled on Jobs first" in s.text()
    await s.go_to("lr")
    await s.press("D")
    assert "lr  20260302-093004-run-0004" in s.text()
    await s.press("escape")
    assert s.labels == NEWEST_FIRST, "closed, nothing is done"
    await s.press("B")
    await s.see("Nothing is archived; D archives runs.")
    await s.press("escape")
    await s.go_to("mf-long")
    await s.press("space")
    await s.go_to("mf")
    await s.press("space", "k", "D")
    assert "1 run running or waiting: not touched" in s.text()
    await s.press("a")
    await s.until(lambda: isinstance(s.app.screen, RunsScreen) and "mf" not in s.labels)
    assert "mf-long" in s.labels
    archived = s.app.runs_dir.glob(".archive/*-run-*")
    assert [path.name for path in archived] == ["20260302-093002-run-0002"]
    await s.press("B")
    await s.see("mf  ml-100k  20260302-093002-run-0002")
    await s.press("enter")
    await s.see("Nothing is archived")
    await s.press("escape")
    await s.until(lambda: "mf" in s.labels)
    assert s.labels == NEWEST_FIRST
    await s.go_to("ease-large")
    await s.press("D", "d")
    assert "d again deletes 1 run. This cannot be undone." in s.text()
    assert len(list(s.app.runs_dir.glob("*-0007"))) == 1
    await s.press("d")
    await s.until(lambda: isinstance(s.app.screen, RunsScreen) and "ease-large" not in s.labels)
    assert not list(s.app.runs_dir.glob("**/*-0007")), "what was deleted is gone"


@checks("runs.seeds")
async def _(s: Session) -> None:
    # ndcg@10 .2, .3 and .25: mean .25, sample sd .05
    for seed, quality in enumerate((0.2, 0.3, 0.25)):
        metrics = recall_metrics(quality)
        write_run(s.app.runs_dir, "als", number=20 + seed, seed=seed, metrics=metrics)
    await s.until(lambda: s.labels.count("als") == 3)
    await s.press("f")
    assert s.labels.count("als") == 1
    assert "0.2500 ±.0500" in s.row("als")
    assert "mean ± sd" in s.text()
    await s.go_to("als")
    await s.see("mean of seeds 2 1 0")
    await s.press("space")
    assert len(s.runs.options.marked) == 3, "a mark is on all of them"
    await s.press("k", "b")
    assert "0.2500" in s.row("als")
    assert "▲ +0.0051" in s.row("mf")  # .2551 - .25
    await s.press("f")
    assert s.labels.count("als") == 3


@checks("runs.tag")
async def _(s: Session) -> None:
    await s.go_to("mf")
    await s.press("space", "space", "k", "t")
    assert "tags of 2 runs" in s.text()
    await s.type("no:tag")
    await s.press("enter")
    assert "'no:tag' is not a tag" in s.text()
    await s.press("ctrl+u")
    await s.type("paper tuned")
    await s.press("enter")
    await s.until(lambda: "#paper #tuned" in s.text())
    await s.press("slash")
    await s.type("tag:tuned")
    assert s.labels == ["mf", "item-cf"]
    await s.press("enter", "j", "space", "t", "ctrl+u", "enter")
    await s.until(lambda: s.labels == ["mf"])


@checks("runs.note")
async def _(s: Session) -> None:
    await s.go_to("mf")
    await s.press("i")
    await s.press(*"too slow", "enter", *"try [b]", "ctrl+s")
    await s.until(lambda: "too slow try [b]" in s.text())
    await s.press("slash")
    await s.type("note:slow")
    assert s.labels == ["mf"]


@checks("runs.clear")
async def _(s: Session) -> None:
    await on_metric(s, "ndcg@10")
    await s.go_to("mf")
    await s.press("space", "S", "m", "slash")
    await s.type("zzz")
    assert "No run passes the filter 'zzz'" in s.text()
    await s.press("escape")
    assert s.labels == ["mf"], "the filter goes first"
    await s.press("escape")
    assert s.labels[:2] == ["mf", "pop-sample"], "then the choice of marked runs"
    await s.press("escape")
    assert s.labels == NEWEST_FIRST, "then the order"


@checks("runs.copy", "runs.copy-table")
async def _(s: Session) -> None:
    await s.go_to("lr")
    await s.press("y")
    assert "run lr" in s.copied[0]
    assert "auc 0.7921" in s.copied[0]
    assert "ndcg" not in s.copied[0], "lr has none"
    await s.press("Y")
    lines = s.copied[1].splitlines()
    assert lines[0].startswith("| mark | state | run |")
    assert len(lines) == 2 + len(NEWEST_FIRST)
    assert len({line.count("|") for line in lines}) == 1


@checks("runs.export")
async def _(s: Session) -> None:
    await s.press("e")
    assert isinstance(s.app.screen, ExportScreen)
    await s.press("ctrl+u")
    await s.type("no.txt")
    await s.press("enter")
    assert "'no.txt' must end in .csv, .md, .json, .html" in s.text()
    await s.press("ctrl+u")
    await s.type("t.json")
    await s.press("enter")
    written = json.loads(Path("t.json").read_text())["runs"]
    assert [run["label"] for run in written] == NEWEST_FIRST
    assert written[7]["metrics"]["ndcg@10"] == 0.2551
    await s.press("e", "ctrl+u")
    await s.type("t.json")
    await s.press("enter")
    assert "t.json exists; press Enter again to replace it" in s.text()
    await s.press("enter")
    s.runs  # noqa: B018 - the dialogue is closed
    await s.press("e", "ctrl+u")
    await s.type("t.csv")
    await s.press("enter")
    rows = list(csv.reader(Path("t.csv").read_text().splitlines()))
    assert [row[2] for row in rows[1:]] == NEWEST_FIRST
    await s.press("e", "ctrl+u")
    await s.type("t.html")
    await s.press("enter")
    page = Path("t.html").read_text()
    assert page.count("<tr>") == 1 + len(NEWEST_FIRST)
    assert "<p>10 runs" in page


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.parent)
    async with session(suite) as running:
        await check(running)
