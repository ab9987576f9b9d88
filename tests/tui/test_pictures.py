"""Pictures of the screens; after a wanted change run this file with --snapshot-update and look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from recsys_core.data.sample import make_sample
from tests.tui.compared import write_compared
from tests.tui.data_sets import Commands, small_catalogue
from tests.tui.folders import recall_metrics, write_jobs, write_run
from tests.tui.session import Session
from tests.tui.sweep_folders import write_sweep
from tests.workbench.films import prepare_films, write_list_run
from workbench.jobs.catalogue import Catalogue
from workbench.tui import data_work
from workbench.tui.app import WorkbenchApp
from workbench.tui.screens import data_shown
from workbench.tui.settings import Settings
from workbench.tui.widgets.lines import TitleLine

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 50)
TO_MF = ["j"] * 7


@pytest.fixture
def here(suite: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runs folder that has the same name wherever the tests run."""
    monkeypatch.chdir(suite.parent)
    return Path("runs")


def test_first_steps(snap_compare: Callable[..., bool]) -> None:
    nowhere = Path("/home/you/project/runs")
    assert snap_compare(WorkbenchApp(nowhere, Path("data")), terminal_size=SMALL)


def session_of(pilot: Pilot[None]) -> Session:
    app = pilot.app
    assert isinstance(app, WorkbenchApp)
    return Session(app, pilot)


def keys(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys and wait until the differences are tested."""

    async def press(pilot: Pilot[None]) -> None:
        def tested() -> bool:
            return not any("testing" in line.remark for line in pilot.app.query(TitleLine))

        await pilot.press(*names)
        await pilot.pause()
        await session_of(pilot).until(tested, "the differences are not tested")

    return press


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_runs_against_a_baseline(
    snap_compare: Callable[..., bool], here: Path, size: tuple[int, int]
) -> None:
    press = keys(*TO_MF, "b", "k", "space")
    assert snap_compare(WorkbenchApp(here, Path("data")), run_before=press, terminal_size=size)


def test_folded_seeds_below_headings(snap_compare: Callable[..., bool], here: Path) -> None:
    for seed, quality in enumerate((0.2, 0.3, 0.25)):
        metrics = recall_metrics(quality)
        write_run(here, "als [b] 推荐", number=20 + seed, seed=seed, metrics=metrics)
    press = keys("f", "v")
    assert snap_compare(WorkbenchApp(here, Path("data")), run_before=press, terminal_size=SMALL)


def test_one_run(snap_compare: Callable[..., bool], here: Path) -> None:
    open_it = keys(*TO_MF, "b", "k", "enter")

    async def press(pilot: Pilot[None]) -> None:
        await open_it(pilot)
        await session_of(pilot).see("They need data set 'ml-100k'")

    assert snap_compare(WorkbenchApp(here, Path("data")), run_before=press, terminal_size=LARGE)


@pytest.mark.parametrize(
    ("size", "theme"),
    [(SMALL, ""), (MIDDLE, "workbench-light"), (LARGE, "")],
    ids=["80x24", "120x40-light", "200x50"],
)
def test_runs_compared(
    snap_compare: Callable[..., bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    theme: str,
) -> None:
    write_compared(tmp_path)
    monkeypatch.chdir(tmp_path)
    wait = steps(
        ("j space space space space b equals_sign", "4 runs compared"),
        ("", "Holm over"),
        ("" if size == SMALL else "n", "significant" if size == SMALL else "of D better over"),
        ("", "Groups: ndcg@10 by age" if size == LARGE else "Metrics"),
    )
    app = WorkbenchApp(Path("runs"), Path("data"), Settings(theme=theme))
    assert snap_compare(app, run_before=wait, terminal_size=size)


@pytest.mark.parametrize(
    ("size", "theme"), [(SMALL, "workbench-light"), (MIDDLE, "")], ids=["80x24-light", "120x40"]
)
def test_metric_against_metric(
    snap_compare: Callable[..., bool], here: Path, size: tuple[int, int], theme: str
) -> None:
    app = WorkbenchApp(here, Path("data"), Settings(theme=theme))
    press = ["p", "n", "left"]
    assert snap_compare(app, press=press, terminal_size=size)


def test_help(snap_compare: Callable[..., bool], here: Path) -> None:
    press = ["question_mark"]
    assert snap_compare(WorkbenchApp(here, Path("data")), press=press, terminal_size=(100, 40))


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x50"])
def test_jobs(
    snap_compare: Callable[..., bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    write_jobs(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    last = "fitting mf-live" if size == LARGE else "valid ndcg@10"
    wait = steps(("1", "mf-live   y linear"), ("", "best so far: step 50"), ("", last))
    app = WorkbenchApp(Path("runs"), Path("data"))
    assert snap_compare(app, run_before=wait, terminal_size=size)


@pytest.mark.parametrize("size", [SMALL, (120, 40), LARGE], ids=["80x24", "120x40", "200x50"])
def test_a_sweep(
    snap_compare: Callable[..., bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    write_sweep(tmp_path / "runs", 40, wanted=60, state="active", running=True)
    write_sweep(tmp_path / "runs", 24, name="mf-b", first=60, shift=0.002)
    monkeypatch.chdir(tmp_path)
    beside = [] if size == SMALL else [("equals_sign", "best trials")]
    last = ("j j", "30 ") if size == SMALL else ("j j", "by dim")
    wait = steps(("1", "≈ mf 40/60"), ("enter", "by trial 27"), *beside, last)
    app = WorkbenchApp(Path("runs"), Path("data"))
    assert snap_compare(app, run_before=wait, terminal_size=size)


@pytest.mark.parametrize("size", [SMALL, (120, 40)], ids=["80x24", "120x40"])
def test_jobs_with_sweeps(
    snap_compare: Callable[..., bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
) -> None:
    write_sweep(tmp_path / "runs", 9, wanted=12, state="active")
    write_sweep(tmp_path / "runs", 5, name="mf-b", first=40)
    monkeypatch.chdir(tmp_path)
    wait = steps(("1", "≈ mf 9/12"), ("t", "  mf-8"), ("space", "● ≈ mf"))
    app = WorkbenchApp(Path("runs"), Path("data"))
    assert snap_compare(app, run_before=wait, terminal_size=size)


def steps(*each: tuple[str, str]) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press keys and wait for a text, again and again; then for what is still read from files."""

    async def go(pilot: Pilot[None]) -> None:
        s = session_of(pilot)
        for names, text in each:
            await pilot.press(*names.split())
            await s.see(text)
        await s.until(lambda: "reading …" not in s.text(), "still reading")
        for line in pilot.app.screen.query(TitleLine):
            if line.remark.startswith("/"):
                line.remark = "/home/you/project/data"
        await pilot.pause()

    return go


@pytest.fixture
def film_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs on the films."""
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    prepare_films(Path("data"))
    lists = {0: ((3, 0.9), (2, 0.5), (4, 0.4)), 1: ((7, 0.8), (3, 0.2))}
    write_list_run(Path("runs"), "item-cf", lists, ndcg={0: 0.2, 1: 1.0}, created=1.7e9)
    other = {0: ((4, 3.0), (2, 1.0)), 1: ((3, 1.0),)}
    write_list_run(Path("runs"), "other", other, ndcg={0: 0.7, 1: 0.0}, created=1.8e9)
    return Path("runs")


def test_users(snap_compare: Callable[..., bool], film_runs: Path) -> None:
    app = WorkbenchApp(film_runs, Path("data"))
    wait = steps(("3", "18-24, F"), ("enter", "Rated by the same users"))
    assert snap_compare(app, run_before=wait, terminal_size=LARGE)


def test_items(snap_compare: Callable[..., bool], film_runs: Path) -> None:
    app = WorkbenchApp(film_runs, Path("data"))
    assert snap_compare(app, run_before=steps(("4", "recommended")), terminal_size=SMALL)


@pytest.mark.parametrize(
    ("size", "each"),
    [
        (SMALL, [("5", "long tail"), ("v", "users by their events")]),
        (LARGE, [("5", "long tail"), ("", "movielens  1/10"), ("n n n", "movielens-full  4/10")]),
    ],
    ids=["80x24", "200x50"],
)
def test_data(
    snap_compare: Callable[..., bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    each: list[tuple[str, str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    stand_in = Commands(Path("data"), make_sample())
    stand_in.register("sample")

    async def ready(say: object) -> Catalogue:
        return small_catalogue()

    monkeypatch.setattr(data_work, "follow_process", stand_in)
    monkeypatch.setattr(data_shown, "open_catalogue", ready)
    app = WorkbenchApp(Path("runs"), Path("data"))
    assert snap_compare(app, run_before=steps(*each), terminal_size=size)
