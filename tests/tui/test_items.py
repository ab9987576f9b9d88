"""The screen Items: each command, on the films; models are asked through a stand-in."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.tui.checks import Check, cases_of, checks
from tests.tui.session import Session, session
from tests.workbench.films import prepare_films, write_list_run
from workbench.store.runs import Run
from workbench.store.users import Browse
from workbench.store.users_items import ItemFacts, read_item
from workbench.tui import processes
from workbench.tui.screens import items
from workbench.tui.screens.items import ItemsScreen
from workbench.tui.screens.users import UsersScreen
from workbench.tui.screens.users_runs import ChooseRuns
from workbench.tui.view.items import Alike, alike_table

SCOPES_HERE = ("items",)
ITEM_CF = {0: ((3, 0.9), (2, 0.5), (4, 0.4)), 1: ((7, 0.8), (3, 0.2))}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    prepare_films(tmp_path / "data")
    write_list_run(folder, "item-cf", ITEM_CF)
    write_list_run(folder, "other", {0: ((4, 3.0),)})
    return folder


async def to_items(s: Session) -> ItemsScreen:
    await s.press("4")
    await s.until(lambda: isinstance(s.app.screen, ItemsScreen))
    here = s.app.screen
    assert isinstance(here, ItemsScreen)
    await s.until(lambda: "recommended among" in s.text())
    return here


@checks("items.find", "items.clear", "items.data", "items.runs")
async def _(s: Session) -> None:
    here = await to_items(s)
    assert here.item == 7, "the best known comes first"
    await s.press("slash")
    await s.type("alien")
    assert here.catalogue.table.keys == ("0", "5")
    await s.press("enter")
    assert s.app.focused is here.catalogue
    await s.until(lambda: "Horror, Sci-Fi  id 100  3 events, mean 4.67" in s.text())
    await s.press("slash", "escape")
    assert (here.search, len(here.catalogue.table.keys)) == ("", 8)
    assert here.check_action("data", ()) is False, "there is one data set"
    await s.press("r")
    assert isinstance(s.app.screen, ChooseRuns)
    await s.press("space", "enter")
    await s.until(lambda: "[item-cf]" in s.text() and "[other]" not in s.text())


@checks("items.similar")
async def _(s: Session) -> None:
    here = await to_items(s)
    await s.press("enter")
    await s.until(lambda: len(here.similar.table.keys) == 2)
    assert "like Popular (1990)" in s.text()
    assert "other: no similarities here" in s.text(), "a model that cannot tell says so"
    assert len(here._known) == 2, "each model is asked once"
    await s.press("tab", "j", "enter")
    await s.until(lambda: here.item == 5)
    assert s.app.focused is here.catalogue


@checks("items.fans")
async def _(s: Session) -> None:
    await to_items(s)
    await s.press("w")
    await s.until(lambda: isinstance(s.app.screen, UsersScreen))
    there = s.app.screen
    assert isinstance(there, UsersScreen)
    await s.until(lambda: tuple(there.people.grid.table.keys) == ("1", "2", "3", "5"))


async def answer(line: list[str]) -> processes.Done:
    """Stand in for `similar`: one model knows two items, the other none."""
    if "other" in line[line.index("--run") + 1]:
        return processes.Done(2, "", "no similarities here")
    found = [{"item_id": "100", "score": 0.5}, {"item_id": "105", "score": 0.25}]
    return processes.Done(0, json.dumps({"runs": [{"items": found}]}), "")


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "run_process", answer)
    async with session(runs, (120, 40)) as running:
        await check(running)


async def test_from_a_recommendation_to_its_item(runs: Path) -> None:
    async with session(runs, (120, 36)) as s:
        await s.press("3", "enter")
        await s.until(lambda: "Why" in s.text())
        there = s.app.screen
        assert isinstance(there, UsersScreen)
        await s.until(lambda: there.person.item is not None)
        wanted = there.person.item
        await s.press("i")
        await s.until(lambda: isinstance(s.app.screen, ItemsScreen))
        here = s.app.screen
        assert isinstance(here, ItemsScreen)
        await s.until(lambda: here.item == wanted)


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (processes.Done(-9, "", ""), "its process was ended by SIGKILL"),
        (processes.Done(3, "", ""), "its process ended with exit code 3"),
        (processes.Done(2, "", "warning: old\nerror: no model\ntrain it"), "no model"),
        (processes.Done(0, "a plug-in says hello", ""), "what it printed is not an answer: a plug"),
    ],
)
async def test_a_helper_that_does_not_answer_is_told_of(
    runs: Path, monkeypatch: pytest.MonkeyPatch, done: processes.Done, said: str
) -> None:
    asked: list[list[str]] = []

    async def ask(line: list[str]) -> processes.Done:
        asked.append(line)
        return done

    monkeypatch.setattr(items, "run_process", ask)
    async with session(runs, (200, 40)) as s:
        await to_items(s)
        await s.press("enter")
        await s.until(lambda: f"other: {said}" in s.text())
        assert len(asked) == 2
        await s.press("enter")
        await s.until(lambda: len(asked) == (4 if done.code < 0 else 2))


async def test_processes_that_are_killed_or_do_not_start() -> None:
    killed = await processes.run_process(["sh", "-c", "kill -9 $$"])
    assert (killed.code, killed.complaint()) == (-9, ["its process was ended by SIGKILL"])
    missing = await processes.run_process(["/no/such/program"])
    assert missing.complaint() == ["no process could be started: No such file or directory"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_titles_are_text_and_aligned_and_every_column_has_room(
    size: tuple[int, int], runs: Path
) -> None:
    """Beside the panel of one item, too, whose width the screen learns after it was drawn first."""
    async with session(runs, size) as s:
        here = await to_items(s)
        await s.until(
            lambda: (
                sum(head.width for head in here.catalogue.table.heads) < here.catalogue.size.width
            )
        )
        text = s.text()
        for title in (
            "events",
            "千と千尋の神隠し (2001)",
            "[red]לילה[/red]",
            "Evil\\x1b[2J Dead (1981)",
        ):
            assert title in text
        lines = s.app.screen._compositor.render_strips()
        assert {line.cell_length for line in lines} == {size[0]}


async def test_an_item_is_described_once(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn of it does not begin it anew: that would go on for ever."""
    described: list[int] = []

    def read(browse: Browse, item: int, of: list[Run]) -> ItemFacts:
        described.append(item)
        return read_item(browse, item, of)

    monkeypatch.setattr(items, "read_item", read)
    async with session(runs) as s:
        await to_items(s)
        await asyncio.sleep(2 * items._REST)
        once = len(described)
        await asyncio.sleep(4 * items._REST)
        assert len(described) == once


def test_ratings_and_exposure_are_counted(runs: Path) -> None:
    (first, *_) = sorted(runs.glob("*item-cf*"))
    with Browse(runs.parent / "data", "films") as browse:
        facts = read_item(browse, 7, [Run(first)])
        assert facts.ratings == {2.0: 1, 3.0: 1, 4.0: 2, 5.0: 2}
        assert facts.mean == pytest.approx((2 + 3 + 4 * 2 + 5 * 2) / 6)
        (exposure,) = facts.exposures
        assert (exposure.users, exposure.judged) == (1, 2)
        assert browse.search_items("star% wars") == []
        assert browse.search_items("107") == [7]


def test_lists_of_different_length_stand_side_by_side(runs: Path) -> None:
    with Browse(runs.parent / "data", "films") as browse:
        lists = [Alike("a", ((0, 0.5), (5, 0.25))), Alike("b", ((7, 3.0),))]
        table = alike_table(browse, lists, 80)
        assert [cell.text for cell in table.rows[1].cells] == [
            "2",
            "Aliens (1986)",
            "0.250",
            "-",
            "",
        ]


def test_titles_of_similar_items_have_room_for_a_few_words(runs: Path) -> None:
    with Browse(runs.parent / "data", "films") as browse:
        lists = [Alike(label, ((0, 0.5),)) for label in "abc"]
        titles = alike_table(browse, lists, 80).heads[1::2]
        # of 80 cells the rank takes 5, two lists 27 + 10 each; the third is reached with the arrows
        assert [head.width for head in titles] == [27] * 3


async def test_synthetic_items_are_called_synthetic(runs: Path) -> None:
    async with session(runs, (80, 24)) as s:
        here = await to_items(s)
        assert "synthetic" not in s.text()
        here.browse.synthetic = True
        here.watch_zoomed()
        await s.until(lambda: "8 items  films (synthetic)" in s.text())


@pytest.mark.parametrize("size", [(80, 24), (120, 24)])
async def test_what_is_asked_is_said_where_it_is_seen(
    size: tuple[int, int], runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on = list[str](), asyncio.Event()

    async def ask(line: list[str]) -> processes.Done:
        asked.append(line[line.index("--run") + 1])
        await go_on.wait()
        return await answer(line)

    monkeypatch.setattr(items, "run_process", ask)
    async with session(runs, size) as s:
        here = await to_items(s)
        await s.see("Enter asks the models")
        await s.press("enter")
        await s.see("asking other …")
        await s.press("enter", "j", "k", "enter")
        await s.see("asking other …")
        assert len(asked) == 1, "whoever presses the key again does not begin anew"
        go_on.set()
        await s.until(lambda: len(here.similar.table.keys) == 2)


async def test_a_run_of_scores_has_no_model_to_ask(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(line: list[str]) -> processes.Done:
        raise AssertionError(f"{line} takes seconds and tells nothing")

    for folder in runs.iterdir():
        result = json.loads((folder / "metrics.json").read_text())
        result |= {"origin": "external", "file_counts": {"rows": 3}, "fit_seconds": None}
        (folder / "metrics.json").write_text(json.dumps(result))
    monkeypatch.setattr(items, "run_process", ask)
    async with session(runs, (80, 24)) as s:
        await to_items(s)
        await s.press("enter")
        for label in ("item-cf", "other"):
            await s.see(f"{label}: its scores come from a file, so there is no model to ask")
        await s.see("r shows other runs")
