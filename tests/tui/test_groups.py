"""The groups of a run on its page: what is drawn, what each key does, and where it leads."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recsys_core.data.prepared import write_prepared
from tests.tui.checks import Check, cases_of, checks
from tests.tui.session import Session, session
from tests.tui.team_runs import team_users, write_hits
from tests.workbench.grouped import prepare_teams, teams
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.users import UsersScreen
from workbench.tui.widgets.groups import GroupsView

SCOPES_HERE = ("grouping", "groups")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two runs; the newer one is better for the red team alone."""
    place = tmp_path_factory.mktemp("groups")
    folder = place / "runs"
    write_prepared(place / "data", team_users(), {"path": "by hand"}, {})
    write_hits(folder, "base", [10, 20, 0, 0], 1.8e9)
    write_hits(folder, "mf", [30, 20, 5, 1], 1.8e9 + 60)
    return folder


async def _page(s: Session) -> GroupsView:
    """Compare mf with base and open its page."""
    await s.go_to("base")
    await s.press("b")
    await s.go_to("mf")
    await s.press("enter")
    assert isinstance(s.app.screen, DetailScreen)
    await s.until(lambda: _view(s).chosen is not None)
    return _view(s)


def _view(s: Session) -> GroupsView:
    return s.app.screen.query_one(GroupsView)


def _lines(view: GroupsView) -> list[str]:
    assert view.section is not None
    return [line.strip() for line in str(view.section).splitlines()]


async def test_what_is_drawn(runs: Path) -> None:
    async with session(runs, (80, 40)) as s:
        view = await _page(s)
        lines = _lines(view)
        assert lines[0] == "Groups: ndcg@1 by team, against base (Holm over 2)"
        assert lines[1] == "by [team] activity popularity"
        team, blue, few, unknown, whole = lines[4], lines[3], lines[5], lines[6], lines[7]
        assert team.split()[:6] == ["red", "40", "0.7500", "━━━━━━━╸", "▲", "+0.5000*"]
        assert blue.split()[:6] == ["blue", "40", "0.5000", "━━━━━", "=", "+0.0000~"]
        assert few.split()[:3] == ["few", "5", "1.0000"]
        assert "▲ +1.0000 few" in few, "not starred, whatever the difference"
        assert unknown.split()[:2] == ["unknown", "1"]
        assert whole.split()[:3] == ["all", "86", "0.6512"]  # (30 + 20 + 5 + 1) / 86
        text = " ".join(lines)
        assert "ndcg@1 is worst for blue, best for red. The gap is 0.2500, " in text
        assert "few: under 30 users, not tested and in no gap." in text
        # lists: i1 for 56 users, with no train row, else i0 with 86; histories: i0
        assert "Popularity: 30 train rows per listed item, 86 per item of the histories" in text
        assert "tail items: 65.1% of the lists, 0.0% of the histories." in text


async def test_narrow_and_without_a_baseline(runs: Path) -> None:
    async with session(runs, (60, 24)) as s:
        await s.go_to("mf")
        await s.press("enter")
        await s.until(lambda: _view(s).chosen is not None)
        lines = _lines(_view(s))
        assert lines[0] == "Groups: ndcg@1 by team"
        assert all(len(line) <= 60 for line in lines)
        assert "few" in lines[5]


@checks("grouping.go", "groups.down", "groups.up", "groups.leave")
async def _(s: Session) -> None:
    view = await _page(s)
    assert not view.has_focus
    await s.press("enter")
    assert any(line.startswith("▸ blue") for line in _lines(view))
    await s.press("j", "down", "k")
    assert any(line.startswith("▸ red") for line in _lines(view))
    await s.press("escape")
    assert not any("▸" in line for line in _lines(view))


@checks("grouping.by", "grouping.by-back")
async def _(s: Session) -> None:
    view = await _page(s)
    await s.press("b")
    await s.until(lambda: "by activity" in _lines(view)[0])
    await s.press("B", "B")
    await s.until(lambda: "by popularity" in _lines(view)[0])
    assert "head" in " ".join(_lines(view))


@checks("grouping.metric")
async def _(s: Session) -> None:
    view = await _page(s)
    await s.press("m")
    assert _lines(view)[0].startswith("Groups: recall@1 by team")


@checks("groups.users")
async def _(s: Session) -> None:
    await _page(s)
    await s.press("enter", "j", "enter")
    await s.until(lambda: isinstance(s.app.screen, UsersScreen))
    await s.see("40 of 86 users")
    await s.see("find: team=red worst=ndcg@1")
    await s.see("[mf] ndcg@1  [base] gain over it")  # the worst ones for the run of the page


async def test_items_have_no_users_to_list(runs: Path) -> None:
    async with session(runs, (120, 40)) as s:
        view = await _page(s)
        await s.press("B")
        await s.until(lambda: "by popularity" in _lines(view)[0])
        await s.press("enter", "enter")
        assert isinstance(s.app.screen, DetailScreen)
        await s.see("popularity divides items: 'head' is not a group of users to list.")


@pytest.mark.parametrize("there", [False, True])
async def test_a_data_set_that_is_gone_or_another(runs: Path, tmp_path: Path, there: bool) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    if there:
        prepare_teams(tmp_path / "data", teams())
    async with session(tmp_path / "runs", (120, 40)) as s:
        await s.go_to("mf")
        await s.press("enter")
        said = "is not the one the run was trained on" if there else "is not in the data folder"
        await s.until(lambda: said in " ".join(_lines(_view(s))))


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_each_command(check: Check, runs: Path) -> None:
    async with session(runs, (120, 40)) as s:
        await check(s)
