"""The groups of a run on its page: what is drawn, what each key does, and where it leads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.dataset import Categorical, Dataset
from recsys_core.data.prepared import write_prepared
from tests.tui.checks import Check, cases_of, checks
from tests.tui.session import Session, session
from tests.workbench.grouped import prepare_teams, teams, write_teams_run
from workbench.store.files import write_json
from workbench.store.results import Tables, write_results
from workbench.store.runs import METRICS, RESULTS
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.users import UsersScreen
from workbench.tui.widgets.groups import GroupsView

SCOPES_HERE = ("grouping", "groups")
#: users of each team; the last one has no team
SIZES = {"red": 40, "blue": 40, "few": 5}
USERS = 86


def _dataset() -> Dataset:
    """86 users of three teams and none, each with two events on two items."""
    teams = np.repeat([0, 1, 2, -1], [*SIZES.values(), 1]).astype(np.int32)
    return Dataset(
        name="teams",
        user=np.repeat(np.arange(USERS, dtype=np.int32), 2),
        item=np.tile(np.arange(2, dtype=np.int32), USERS),
        rating=np.full(2 * USERS, 5, dtype=np.float32),
        timestamp=np.arange(2 * USERS),
        user_ids=np.array([f"u{number}" for number in range(USERS)]),
        item_ids=np.array(["i0", "i1"]),
        user_columns={"team": Categorical(teams, np.array(list(SIZES)))},
        item_columns={},
    )


def _write(runs_dir: Path, label: str, hits: list[int], created: float) -> None:
    """Make a run that hits for so many users of each team: list of one item, i1 where it hits."""
    dataset = _dataset()
    hit = np.concatenate(
        [np.arange(size) < n for size, n in zip((*SIZES.values(), 1), hits, strict=True)]
    ).astype(float)
    run = write_teams_run(runs_dir, label, dataset, created=created)
    values = dict.fromkeys(("ndcg@1", "recall@1", "hit@1"), hit)
    tables = Tables(
        user_ids=dataset.user_ids,
        item_ids=dataset.item_ids,
        users=np.arange(USERS),
        user_metrics=values,
        recommendations=(np.arange(USERS), hit[:, None].astype(int), np.zeros((USERS, 1))),
        parts=(np.full(USERS, 2), bytes([0, 2]) * USERS),
    )
    write_results(run.path / RESULTS, tables)
    metrics = {name: float(value.mean()) for name, value in values.items()}
    write_json(run.path / METRICS, run.metrics | {"metrics": metrics})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two runs; the newer one is better for the red team alone."""
    place = tmp_path_factory.mktemp("groups")
    folder = place / "runs"
    write_prepared(place / "data", _dataset(), {"path": "by hand"}, {})
    _write(folder, "base", [10, 20, 0, 0], 1.8e9)
    _write(folder, "mf", [30, 20, 5, 1], 1.8e9 + 60)
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
        assert "ndcg@1 is worst for blue: gap to red 0.2500, " in text
        assert "few: under 30 users, not tested and in no gap." in text
        # lists: i1 for 56 users, with no train row, else i0 with 86; histories: i0
        assert "Popularity: 30 train rows per listed item, 86 per item of the histories" in text
        assert "tail items: 65.1 % of the lists, 0.0 % of the histories." in text


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
        await s.see("popularity divides items: 'head' is no group of users to list.")


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
