"""What a person sees when things happen in the runs folder."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
from rich.color import Color

from tests.tui.folders import (
    add_events,
    recall_metrics,
    this_process,
    write_run,
)
from tests.tui.session import session
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.view.table import Table
from workbench.tui.widgets.filter import FilterLine
from workbench.tui.widgets.lines import KeyLine


async def test_first_steps_until_the_first_run_comes(empty: Path) -> None:
    async with session(empty, (80, 24)) as s:
        text = s.text()
        assert (
            "recsys-workbench --headless eval --dataset sample --models popularity,item-cf" in text
        )
        assert [c.id for c in s.app.screen.query_one(KeyLine).fitting()] == [
            "welcome.start",
            "welcome.add",
            "everywhere.palette",
            "everywhere.help",
            "everywhere.quit",
        ]
        write_run(empty, "popularity", state="running", status=this_process())
        await s.until(lambda: isinstance(s.app.screen, RunsScreen))
        await s.until(lambda: s.labels == ["popularity"])
        assert "popularity" in s.row("popularity")
        assert "No runs yet" not in s.text()
        shutil.rmtree(empty)
        await s.until(lambda: "No runs yet" in s.text())


async def test_a_job_is_followed_to_its_end(empty: Path) -> None:
    fit = {"stage": "fit", "step": 1, "total": 4, "metrics": {"loss": 0.5}}
    folder = write_run(empty, "mf", state="running", status=this_process(), events=[fit])
    async with session(empty) as s:
        await s.press("2")
        assert "▸ mf    fit  ███░░░░░░░░░ 1/4  loss 0.5000" in s.row("mf")
        assert "▸ 1 running" in s.text()
        add_events(folder, fit | {"step": 3, "metrics": {"loss": 0.25}})
        await s.until(lambda: "█████████░░░ 3/4  loss 0.2500" in s.row("mf"))
        shutil.rmtree(folder)
        write_run(empty, "mf", metrics=recall_metrics(0.25))
        await s.until(lambda: "✔ mf     0.2500" in s.row("mf"))
        assert "running" not in s.text()


async def test_what_a_screen_drew_goes_with_it(suite: Path) -> None:
    async with session(suite) as s:
        await s.press("enter")
        await s.until(lambda: isinstance(s.app.screen, DetailScreen))
        drawn = weakref.ref(s.app.screen.query_one(KeyLine)._styles_cache)
        await s.press("escape")
        await s.until(lambda: isinstance(s.app.screen, RunsScreen))
        shutil.rmtree(suite / "20260302-093008-run-0008")  # the screen followed the runs
        await s.until(lambda: len(s.app.runs) == 9)

        def freed() -> bool:
            gc.collect()
            return drawn() is None

        await s.press("1", "2")
        await s.until(freed)


async def test_the_cursor_stays_on_its_run(suite: Path) -> None:
    async with session(suite) as s:
        await s.go_to("mf")
        write_run(suite, "newest", number=30)
        await s.until(lambda: "newest" in s.labels)
        assert s.labels[0] == "newest"
        assert s.current == "mf"


async def test_nothing_is_drawn_again_while_nothing_changes(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(suite) as s:
        tables: list[Table] = []
        monkeypatch.setattr(s.runs.grid, "show", tables.append)
        shutil.rmtree(suite / "20260302-093008-run-0008")  # the one that runs
        await s.until(lambda: len(tables) == 1)
        await asyncio.sleep(1.2)
        assert len(tables) == 1


async def test_a_run_that_is_removed_while_it_is_open(suite: Path) -> None:
    async with session(suite) as s:
        await s.go_to("mf")
        await s.press("enter")
        shutil.rmtree(suite / "20260302-093002-run-0002")
        await s.until(lambda: "its folder is gone" in s.text())
        await s.press("escape")
        assert "mf" not in s.labels


async def test_a_damaged_run_is_named_and_does_no_harm(suite: Path) -> None:
    (suite / "20260302-093002-run-0002" / "metrics.json").write_text('{"label": "mf", ')
    (suite / "20260302-093003-run-0003" / "status.json").write_bytes(b"\xff\x00")
    async with session(suite) as s:
        text = s.text()
        assert "metrics.json: damaged" in text
        assert "status.json: damaged" in text
        assert "0.2389" in s.row("item-cf")
        for label in ("mf-bpr", "mf"):
            await s.go_to(label)
            await s.press("enter", "escape")


async def test_a_job_whose_process_is_gone_is_interrupted(empty: Path) -> None:
    gone = this_process() | {"process_started": 1.0}
    write_run(empty, "mf", state="running", status=gone)
    async with session(empty) as s:
        assert "↯ mf    interrupted: the process that ran it is gone" in s.row("mf")


async def test_titles_are_shown_as_text_and_aligned(empty: Path) -> None:
    labels = ["[red]x[/red] [/]", "\x1b[31mred\x07", "推荐系统 测试", "\u202eabc", "plain"]
    for number, label in enumerate(labels):
        write_run(empty, label, number=number, model="mf", params={"name[b]": "[link=x]\x1b]0;"})
    async with session(empty) as s:
        lines = s.text().splitlines()[3:8]
        text = "\n".join(lines)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[red]x[/red] [/]" in text
        assert r"\x1b[31mred\x07" in text
        assert "推荐系统 测试" in text
        from rich.cells import cell_len

        assert (
            len({cell_len(line[: line.index("mf") if "mf " in line else 0]) for line in lines}) == 1
        )
        for _ in labels:
            await s.press("enter", "escape", "j")


async def test_too_small_is_said_politely(suite: Path) -> None:
    async with session(suite, (59, 20)) as s:
        assert "This needs 60x16 characters;" in s.text()
        assert "the terminal has 59x20." in s.text()
        assert "ndcg" not in s.text()
        await s.pilot.resize_terminal(80, 24)
        await s.until(lambda: "ndcg@10" in s.text())


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 30), (200, 50)])
async def test_every_line_fits_its_terminal(suite: Path, size: tuple[int, int]) -> None:
    async with session(suite, size) as s:
        for keys in ([], ["b"], ["enter"], ["escape", "question_mark"], ["escape", "e"]):
            await s.press(*keys)
            lines = s.text().splitlines()
            assert len(lines) == size[1]


async def test_synthetic_data_is_labelled(empty: Path) -> None:
    write_run(empty, "popularity", dataset="sample")
    async with session(empty) as s:
        assert s.text().count("sample (synthetic)") >= 2, "in the title and beside the run"
        await s.press("enter")
        text = s.text()
        assert text.index("real people)") > text.index("sample (synthetic,")


async def test_more_columns_are_told_beside_a_scrollbar(suite: Path) -> None:
    """The sign stood under the scrollbar where there are more rows than lines."""
    async with session(suite, (80, 24)) as s:
        assert " »" in s.text()
    for number in range(30):
        write_run(suite, f"more-{number}", number=100 + number, metrics=recall_metrics(0.1))
    async with session(suite, (80, 24)) as s:
        await s.until(lambda: s.runs.grid.show_vertical_scrollbar)
        await s.pilot.pause()
        assert " »" in s.text()


async def test_mouse(suite: Path) -> None:
    async with session(suite) as s:
        await s.pilot.click("#runs", offset=(6, 4))
        assert s.current == "ease"
        heads = s.runs.grid.render_line(0).text
        await s.pilot.click("#runs", offset=(heads.index("ndcg@10") + 2, 0))
        assert s.labels[0] == "mf", "a first click on numbers puts the largest first"
        await s.pilot.click("#runs", offset=(heads.index("ndcg@10") + 2, 0))
        assert s.labels[0] == "popularity"
        grid = s.runs.grid
        without = [head for head in grid.table.heads if head.key != "ndcg@10"]
        grid.table = replace(grid.table, heads=tuple(without))  # laid out anew, not painted yet
        asked = grid.table.sort
        grid._sort_by_click(heads.index("ndcg@10") + 2)
        await s.pilot.pause()
        assert s.runs.options.sort == asked, "what was clicked is gone: nothing else is sorted by"
        grid._sort_by_click(heads.index("recall@10") + 2)
        await s.pilot.pause()
        assert s.runs.options.sort == ("recall@10", True), "it is what is drawn there"
        await s.pilot.click("#runs", offset=(6, 1), times=2)
        assert isinstance(s.app.screen, DetailScreen)


async def test_detail_compares_settings_with_the_baseline(suite: Path) -> None:
    async with session(suite, (200, 50)) as s:
        await s.go_to("mf")
        await s.press("b")
        await s.go_to("mf-bpr")
        await s.press("enter")
        text = s.text()
        assert "against mf" in text
        assert "▼ -0.0144" in text  # .2407 - .2551
        assert "bpr  (baseline: sampled-softmax)" in text
        assert "valid/ndcg@10" in text
        await s.press("n", "p", "p")
        assert "lr  ✔ done" in s.text()


STAGES = {
    "ndcg@10": 0.31,
    "channel/item-cf/recall@10": 0.21,
    "merge/ndcg@10": 0.28,
    "segment/occupation=technician-engineer/recall@10": 0.2,
}


async def test_metrics_of_stages_stand_apart_in_one_line_each(tmp_path: Path) -> None:
    write_run(tmp_path, "first", metrics={**STAGES, "merge/ndcg@10": 0.25}, stage="two-stage")
    params = {"channels": [{"model": "item-cf", "run": ""}, {"model": "ease", "params": {}}]}
    write_run(tmp_path, "third", metrics=STAGES, number=2, stage="two-stage", params=params)
    async with session(tmp_path, (200, 50)) as s:
        await s.go_to("first")
        await s.press("b")
        await s.go_to("third")
        await s.press("enter")
        text = s.text()
        assert "Stages and groups" in text
        assert "merge: the merged candidates before ranking" in text
        assert "  ndcg@10  0.2800  0.2680 to 0.2920  ▲ +0.0300" in text
        assert "  occupation=technician-engineer/recall@10  0.2000" in text
        assert "model: item-cf; model: ease" in text


async def test_runs_without_a_common_split_are_not_compared_in_detail(suite: Path) -> None:
    async with session(suite) as s:
        await s.go_to("mf")
        await s.press("b")
        await s.go_to("ease")
        await s.press("enter")
        assert "not comparable with mf" in s.text()
        assert "▼" not in s.text()


async def test_the_metric_of_the_column_is_explained(suite: Path) -> None:
    async with session(suite, (120, 30)) as s:
        await s.press("right")
        await s.see("recall@10: 0 to 1, more is better: share of a user's relevant items in the")
        await s.press("question_mark")
        assert "The metric under the cursor" in s.text()
        assert "recall@10    0 to 1, more is better: share of a user's" in s.text()


async def test_a_wrong_filter_says_what_is_right(suite: Path) -> None:
    async with session(suite) as s:
        await s.press("slash")
        await s.type("modle:x")
        assert "unknown field 'modle': did you mean 'model'?" in s.text()
        await s.press("enter")
        assert s.app.focused is not s.runs.grid, "it can be put right"
        await s.press("ctrl+u")
        await s.type("ndgc@10>.13")
        await s.press("enter")
        told = "unknown metric or setting 'ndgc@10': did you mean 'ndcg@10'?"
        assert told in s.text(), "whole, however long"
        assert s.app.focused is not s.runs.grid
        await s.press("ctrl+u")
        await s.type("label:mf-b")
        await s.press("tab", "enter")
        assert s.labels == ["mf-bpr"]
        await s.press("slash", "ctrl+u", "up")
        assert s.runs.query_one("#filter", FilterLine).value == "label:mf-bpr", "asked before"


async def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "runs"
    blocked.write_text("a file")
    async with session(blocked) as s:
        told = " ".join(s.text().split())  # the path may be long enough to break the line
        assert "cannot be read: Not a directory" in told
        blocked.unlink()
        write_run(blocked, "mf")
        await s.until(lambda: s.labels == ["mf"])


async def test_live_curve_of_a_job(empty: Path) -> None:
    steps = [{"stage": "fit", "step": n, "total": 9, "metrics": {"loss": 1 / n}} for n in (1, 2, 3)]
    write_run(empty, "mf", state="running", status=this_process(), events=steps)
    async with session(empty, (100, 40)) as s:
        await s.press("enter")
        assert "Learning curve" in s.text()
        assert re.search(r"1 +2 +step\b", s.text())


def test_results_are_json_as_the_readme_says(suite: Path) -> None:
    """The folders the tests are written for are what the store reads."""
    from workbench.store.listing import list_runs

    runs = {run.label: run for run in list_runs(suite)}
    assert not [run.problem for run in runs.values() if run.problem]
    assert runs["mf"].metrics["ndcg@10"] == 0.2551
    assert (
        json.loads((suite / "20260302-093002-run-0002" / "spec.yaml").read_text())["model"] == "mf"
    )


@pytest.mark.parametrize(("theme", "unreadable"), [("ansi-dark", "blue"), ("ansi-light", "cyan")])
async def test_sixteen_colours_leave_out_the_one_that_nobody_reads(
    suite: Path, theme: str, unreadable: str
) -> None:
    async with session(suite, (100, 30)) as s:
        s.app.theme = theme
        await s.pilot.pause()
        strips = s.app.screen._compositor.render_strips()
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        colours = {style.color.number for style in styles if style.color is not None}
        assert Color.parse("green").number in colours
        assert Color.parse(unreadable).number not in colours
