"""The page of compared runs: each command, and that its numbers are those of `compare`."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from tests.tui.checks import Check, cases_of, checks
from tests.tui.compared import BASE, BETTER, amend, compare, run_of, section, write_compared
from tests.tui.folders import write_run
from tests.tui.session import Session, session
from workbench.reports.compare import compare_runs
from workbench.reports.folder import read_report_run
from workbench.store.listing import list_runs
from workbench.store.runs import RESULTS
from workbench.tui.screens import compare_shown
from workbench.tui.screens.export import ExportScreen
from workbench.tui.screens.runs import RunsScreen
from workbench.tui.screens.users import UsersScreen
from workbench.tui.view.baseline import baseline_of
from workbench.tui.view.choices import Options
from workbench.tui.view.comparison import chosen_rows, compare_rows, rows_marked
from workbench.tui.view.fold import fold_seeds, unfolded
from workbench.tui.view.forest import Scale
from workbench.tui.view.significance import Members, Verdicts, compare_pair

SCOPES_HERE = ("compare",)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return write_compared(tmp_path)


def line_of(s: Session, name: str, start: str) -> str:
    """The first line of a section in which a text stands."""
    return next(line for line in section(s, name).splitlines() if start in line)


@checks("compare.open")
async def _(s: Session) -> None:
    page = await compare(s, ["better"], baseline="base")
    await s.until(lambda: page.grid.display)
    await s.press("enter")
    assert page.grid.has_focus
    # of users 1, 3 and 5 who gain .2 the first one has most events, three
    assert page.grid.cursor_key == "gain 1"
    await s.press("enter")
    users = s.app.screen
    assert isinstance(users, UsersScreen)
    await s.until(lambda: users.person.inspection is not None and len(users.person.panes) > 1)
    assert users.people.question == "gain=ndcg@10"
    assert users.people.grid.cursor_key == "1"
    assert [run.run_id.rpartition("-")[0][16:] for run in users.runs_shown][:1] == ["base"]
    await s.see("[base] ndcg@10  [better] gain over it")


@checks("compare.export")
async def _(s: Session) -> None:
    await compare(s, ["better", "other"], baseline="base")
    await s.press("e")
    assert isinstance(s.app.screen, ExportScreen)
    for name in ("t.csv", "t.json"):
        await s.press("ctrl+u")
        await s.type(name)
        await s.press("enter")
        await s.press("e")
    rows = list(csv.DictReader(Path("t.csv").read_text().splitlines()))
    assert [(row["run"], row["value"]) for row in rows[:3]] == [
        ("A base", "0.5000"),
        ("B other", "0.5000"),
        ("C better", "0.6500"),
    ]
    assert (rows[2]["difference"], rows[3]["difference"]) == ("▲ +0.1500*", "")
    assert list(map(float, (rows[1]["its 95 % interval from"], rows[1]["to"]))) == [-0.0742, 0.0742]
    written = json.loads(Path("t.json").read_text())
    (found,) = (
        one
        for one in written["differences"]
        if one["metric"] == "ndcg@10" and "better" in one["run_id"]
    )
    gains = [after - before for after, before in zip(BETTER, BASE, strict=True)]
    test = stats.ttest_1samp(gains, 0)
    assert found["delta"] == pytest.approx(0.15)
    assert found["delta_ci95"] == pytest.approx(tuple(test.confidence_interval()))
    assert found["p_value"] == pytest.approx(2 * test.pvalue), "of two comparisons"


@checks("compare.metric", "compare.next", "compare.previous")
async def _(s: Session) -> None:
    page = await compare(s, ["better", "other"], baseline="base")
    await s.until(lambda: "gain of B" in section(s, "changes"))
    await s.until(lambda: page.grid.display)
    assert "gain of B other over A base in ndcg@10" in section(s, "changes")
    assert "▼ 33%  = 33%  ▲ 33% of the users" in section(s, "changes")
    await s.press("n")
    await s.until(lambda: "▲ 100%" in section(s, "changes"))
    assert "gain of C better over A base" in section(s, "changes")
    await s.press("p")
    await s.until(lambda: "gain of B other" in section(s, "changes"))
    await s.press("m")
    assert "nothing here" in s.text() or "no users" in s.text(), "there is one metric of users"


@checks(
    *("compare.section", "compare.section-back", "compare.down", "compare.up"),
    *("compare.page-down", "compare.page-up", "compare.top", "compare.bottom"),
    *("compare.by", "compare.by-back"),
)
async def _(s: Session) -> None:
    page = await compare(s, ["better", "base"])
    await s.press("right_square_bracket")
    assert "Metrics, differences from A" in s.text().splitlines()[3]
    below = page.scroll.scroll_y
    await s.press("right_square_bracket")
    assert page.scroll.scroll_y > below
    await s.press("left_square_bracket")
    assert page.scroll.scroll_y == below
    await s.press("g", "j", "down", "k")
    assert page.scroll.scroll_y == 1
    await s.press("pagedown")
    assert page.scroll.scroll_y > 2
    await s.press("pageup", "up", "G")
    assert page.scroll.scroll_y == page.scroll.max_scroll_y > 0
    await s.press("g")
    assert page.scroll.scroll_y == 0
    await s.until(lambda: "ndcg@10 by age" in section(s, "groups"))
    await s.press("b")
    await s.until(lambda: "ndcg@10 by gender" in section(s, "groups"))
    await s.press("B", "B")
    await s.until(lambda: "by popularity" in section(s, "groups"))


@checks("compare.copy", "compare.back")
async def _(s: Session) -> None:
    page = await compare(s, ["better", "base"])
    await s.until(lambda: page.grid.display)
    await s.press("y")
    assert "Metrics, differences from A" in s.copied[0]
    await s.press("enter", "escape")
    assert s.app.screen is page, "the users first"
    await s.press("escape")
    assert isinstance(s.app.screen, RunsScreen)


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs.parent)
    async with session(runs) as running:
        await check(running)


async def test_the_numbers_are_those_of_compare(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same differences, intervals and p-values, corrected over the same runs."""
    asked: list[tuple[str, str]] = []

    def test(ours: Members, theirs: Members, metrics: Sequence[str]) -> Verdicts:
        asked.extend((ours[0].run_id, metric) for metric in metrics)
        return compare_pair(ours, theirs, metrics)

    monkeypatch.setattr(compare_shown, "compare_pair", test)
    for label in ("other", "better", "base"):
        run = run_of(runs, label)
        amend(run, metrics=run.metrics["metrics"] | {"ndcg@50": 0.5})
    labels = ["other", "better", "base"]  # as the table has them, newest first
    told = compare_runs([read_report_run(run_of(runs, label).path) for label in labels])
    (ndcg,) = (entry for entry in told["metrics"] if entry["metric"] == "ndcg@10")
    async with session(runs, (170, 50)) as s:
        await compare(s, labels)
        assert "(Holm over 2 compared runs)" in section(s, "metrics")
        found = {(run_of(runs, label).run_id, "ndcg@50") for label in ("better", "base")}
        assert found <= set(asked)
        assert len(asked) == len(set(asked)), "no metric is tested twice"
        for letter, label, value in zip("BC", labels[1:], ndcg["values"][1:], strict=True):
            low, high = value["delta_ci95"]
            line = line_of(s, "metrics", f"{letter} {label}")
            assert f"{value['value']:.4f}" in line
            assert f"{value['delta']:+.4f}" in line
            assert f"{low:+.4f} to {high:+.4f}" in line
            assert f"{value['p_value']:.3f}" in line
        settings = section(s, "settings")
        assert "neighbours  30  20  10" in settings
        assert "shrinkage" not in settings, "all have the same"
        assert "same data set, protocol and test rows" in section(s, "data")
        assert "B better" in section(s, "curve")
        assert "A, C: no curve" in section(s, "curve")


async def test_against_the_baseline_the_numbers_are_those_of_the_page_of_a_run(
    runs: Path,
) -> None:
    """Four runs were judged on those rows: two more than are compared here."""
    async with session(runs, (170, 50)) as s:
        await s.go_to("base")
        await s.press("b")
        await s.go_to("better")
        await s.until(lambda: "testing" not in s.text())
        await s.press("enter")
        (alone,) = (line for line in section(s, "result").splitlines() if "ndcg@10" in line)
        title = section(s, "result").splitlines()[0]
        await s.press("escape", "equals_sign")  # without marks: the cursor's and the baseline
        await s.until(lambda: "testing" not in section(s, "metrics"))
        line = line_of(s, "metrics", "B better")
        assert "Holm over 3 runs" in title
        assert "(Holm over 3 runs against the baseline)" in section(s, "metrics")
        *_, difference, low, _, high, p = alone.split()
        assert f"▲ {difference}  {low} to {high}" in line
        assert f" {p}  " in line


async def test_runs_that_cannot_be_compared_say_why(runs: Path) -> None:
    base = run_of(runs, "base")
    lineage = [{"run": base.run_id, "split": "last-out", "judged": 6, "seen": 4}]
    update = {"run": base.run_id, "lineage": lineage, "changes": {}}
    amend(run_of(runs, "apart"), updated_from=update)
    async with session(runs, (120, 40)) as s:
        await s.pilot.pause()
        await compare(s, ["apart (updated)", "ranker"], baseline="base")
        told = section(s, "compared").replace("\n", " ")
        assert "learned from 4 of the 6 rows" in told
        assert "B ranker (ranking) and A base (recall) have no metric in common" in told
        assert "0.7000" in line_of(s, "metrics", "B ranker"), "values stand there all the same"
        assert "▲" not in section(s, "metrics")
        assert not section(s, "changes"), "no users to hold against each other"


async def test_a_damaged_run_takes_only_its_own_place(runs: Path) -> None:
    (run_of(runs, "better").path / RESULTS).write_bytes(b"no database")
    async with session(runs, (120, 40)) as s:
        await compare(s, ["better", "other"], baseline="base")
        assert "+0.1500" in line_of(s, "metrics", "C better"), "known from its metrics.json"
        assert "1.000" in line_of(s, "metrics", "B other"), "and the other one is tested"
        await s.press("n")
        await s.until(lambda: "damaged" in section(s, "changes"))


async def test_too_many_or_too_few_marks_are_told(runs: Path) -> None:
    async with session(runs) as s:
        await s.press("equals_sign")
        assert "Space marks two to four runs" in s.text()
        await s.press("a", "equals_sign")
        assert "5 runs are marked: two to four are compared" in s.text()


def test_folded_seeds_are_compared_by_their_means_also_where_a_filter_hides_them(
    tmp_path: Path,
) -> None:
    for number, label in enumerate(("mf", "mf", "ease")):
        write_run(tmp_path, label, number=number, seed=number, metrics={"ndcg@10": 0.1 * number})
    runs = list_runs(tmp_path)  # newest first: ease, mf of seed 1, mf of seed 0
    marked = frozenset(run.run_id for run in runs)
    options = Options(marked=marked, fold_seeds=True, baseline=runs[0].run_id)
    shown = fold_seeds(runs[:1])
    rows = chosen_rows(rows_marked(shown, runs, options), baseline_of(runs, options), None)
    assert [len(row.members) for row in rows] == [1, 2]
    assert rows[1].run.metrics["ndcg@10"] == pytest.approx((0.0 + 0.1) / 2)
    comparison = compare_rows(rows, runs, shown, options)
    assert comparison.pinned
    assert comparison.own.keys() == comparison.family.keys()
    assert comparison.name(rows[1]) == "B mf"
    alone = replace(options, fold_seeds=False, baseline=None)
    rows = chosen_rows(rows_marked(unfolded(runs), runs, alone), None, None)
    assert [row.run for row in rows] == runs, "the first of the table is the reference"


def test_bars_stand_on_one_scale() -> None:
    scale = Scale.around([-0.02, 0.04], 21)  # and a margin: -.0224 to .0424, .0031 a cell
    assert scale.axis() == "-0.022 0       +0.042"
    assert scale.bar("●", 0.03, (0.02, 0.04)) == "       │     ├──●───┤"
    assert scale.bar("○", -0.01, (-0.02, 0.01)) == "├───○──┼──┤          "
    assert scale.bar("●", 0.0, (0.0, 0.0)).strip() == "●", "all users alike: nothing to draw"
