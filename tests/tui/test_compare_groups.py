"""The groups of compared runs: values counted by hand, and what is said where there are none."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from recsys_core.data.prepared import write_prepared
from tests.tui.compared import amend, compare, run_of, section
from tests.tui.session import Session, session
from tests.tui.team_runs import team_users, write_hits
from workbench.store.groups import GroupReader
from workbench.store.runs import RESULTS
from workbench.tui.view.compare_groups import read_compared_groups


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder of three runs: mf is better for the red team alone, als for the blue."""
    folder = tmp_path / "runs"
    write_prepared(tmp_path / "data", team_users(), {"path": "by hand"}, {})
    for number, (label, hits) in enumerate(
        (("base", [10, 20, 0, 0]), ("mf", [30, 20, 5, 1]), ("als", [10, 32, 0, 0]))
    ):
        write_hits(folder, label, hits, 1.8e9 + 60 * number)
    return folder


async def groups(s: Session, said: str = "Groups: ") -> list[str]:
    """The lines of the section, when it says so."""
    await s.until(lambda: said in section(s, "groups"))
    return [line.strip() for line in section(s, "groups").splitlines()]


async def test_values_and_differences_are_in_columns(runs: Path) -> None:
    async with session(runs, (200, 50)) as s:
        await compare(s, ["mf", "als"], baseline="base")
        lines = await groups(s)
        # two groups are large enough, and two runs stand against the reference
        title = "Groups: ndcg@1 by team, differences from A base (Holm over 4)"
        assert lines[:2] == [title, "by [team] activity popularity"]
        assert " ".join(lines[2].split()) == "team users A B B - A C C - A"
        found = [" ".join(line.split()) for line in lines[3:8]]
        assert "red 40 0.2500 0.2500 = +0.0000~ 0.7500 ▲ +0.5000*" in found
        assert "blue 40 0.5000 0.8000 ▲ +0.3000* 0.5000 = +0.0000~" in found
        assert "few few 5 0.0000 0.0000 = +0.0000 1.0000 ▲ +1.0000" in found
        assert "unknown few 1 0.0000 0.0000 = +0.0000 1.0000 ▲ +1.0000" in found
        # 30, 42 and 56 of 86 hit
        assert found[-1] == "all 86 0.3488 0.4884 ▲ +0.1395* 0.6512 ▲ +0.3023*"
        assert "* significant, ~ may be chance." in lines
        assert "few: under 30 users, not tested." in lines


@pytest.mark.parametrize("width", [80, 140])
async def test_without_room_differences_remain(runs: Path, width: int) -> None:
    async with session(runs, (width, 24)) as s:
        await compare(s, ["mf", "als"], baseline="base")
        lines = await groups(s)
        room = 76 if width == 80 else 56
        assert all(len(line) <= room for line in lines[1:])
        red = next(line for line in lines if line.startswith("red"))
        assert "▲ +0.5000*" in red
        assert ("0.7500" in red) == (width == 80)


async def test_groups_are_in_the_metric_of_the_users_and_are_copied(runs: Path) -> None:
    async with session(runs, (120, 40)) as s:
        await compare(s, ["mf"], baseline="base")
        await groups(s)
        await s.press("m")
        await groups(s, "Groups: recall@1 by team")
        assert "in recall@1" in section(s, "changes")
        await s.press("b")
        await groups(s, "Groups: recall@1 by activity")
        await s.press("y")
        assert "Groups: recall@1 by activity" in s.copied[0]


def test_a_metric_that_groups_lack_is_told(runs: Path) -> None:
    compared = [run_of(runs, label) for label in ("base", "mf")]
    found = read_compared_groups(GroupReader(), runs.parent / "data", compared, 0, "novelty@1")
    assert found.problems == ["There is no novelty@1 of groups by team."]
    assert len(found.attributes) == 3, "b turns to another attribute all the same"


def test_runs_without_a_metric_of_groups(runs: Path) -> None:
    compared = [run_of(runs, label) for label in ("base", "mf")]
    for run in compared:
        with closing(sqlite3.connect(run.path / RESULTS)) as results, results:
            results.execute("DELETE FROM user_metrics")
        amend(run, metrics={"coverage@1": 0.5})
    found = read_compared_groups(GroupReader(), runs.parent / "data", compared, -1, "")
    assert found.matrix is None
    assert "no metric of groups of items is in" in found.problems[0]


async def test_a_damaged_run_takes_only_its_own_column(runs: Path) -> None:
    (run_of(runs, "als").path / RESULTS).write_bytes(b"no database")
    async with session(runs, (200, 50)) as s:
        await compare(s, ["mf", "als"], baseline="base")
        lines = await groups(s)
        assert " ".join(lines[2].split()) == "team users A C C - A"
        assert "damaged" in " ".join(lines)
        assert "Holm over 2" in lines[0]


async def test_a_damaged_reference_and_a_data_set_that_is_gone(runs: Path) -> None:
    (run_of(runs, "base").path / RESULTS).write_bytes(b"no database")
    async with session(runs, (120, 40)) as s:
        await compare(s, ["mf", "als"], baseline="base")
        assert "damaged" in " ".join(await groups(s, "Groups by team"))
    shutil.rmtree(runs.parent / "data" / "teams")
    async with session(runs, (120, 40)) as s:
        await compare(s, ["mf", "als"], baseline="base")
        await groups(s, "They need data set 'teams', which is not in the data folder.")


async def test_runs_that_cannot_be_compared_say_why_once_more(runs: Path) -> None:
    run = run_of(runs, "mf")
    amend(run, protocol=run.metrics["protocol"] | {"fingerprint": "another"})
    async with session(runs, (120, 40)) as s:
        await compare(s, ["mf"], baseline="base")
        _, *why = await groups(s, "Groups")
        told = " ".join(section(s, "compared").replace("✗", "").split())
        assert why
        assert " ".join(why) in told
        await s.press("b")
        assert "there are no groups" in s.text()
