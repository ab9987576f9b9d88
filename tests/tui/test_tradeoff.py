"""The plot of all runs in two metrics: each command, and which runs are on the front."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.checks import Check, cases_of, checks
from tests.tui.folders import write_run
from tests.tui.session import Session, session
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.screens.scatter import ScatterScreen
from workbench.tui.view.tradeoff import TradeOff, pareto_front

SCOPES_HERE = ("scatter",)
#: label -> ndcg@10, coverage@10, gini@10; b is beaten by c, in gini by a as well
_VALUES = {
    "a": (0.30, 0.1, 0.2),
    "b": (0.20, 0.2, 0.9),
    "c": (0.25, 0.3, 0.5),
    "d": (0.10, 0.4, 0.8),
}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    names = "ndcg@10", "coverage@10", "gini@10"
    for number, (label, values) in enumerate(_VALUES.items()):
        metrics = dict(zip(names, values, strict=True)) | {"ndcg@20": 0.5}
        write_run(tmp_path / "runs", label, number=number, metrics=metrics)
    return tmp_path / "runs"


async def plot(s: Session, at: str = "b") -> ScatterScreen:
    await s.go_to(at)
    await s.press("p")
    screen = s.app.screen
    assert isinstance(screen, ScatterScreen)
    return screen


def found(s: Session) -> TradeOff:
    screen = s.app.screen
    assert isinstance(screen, ScatterScreen)
    assert screen.found is not None
    return screen.found


def front(s: Session) -> list[str]:
    return [point.row.run.label for point in found(s).front]


@checks("scatter.x", "scatter.x-back", "scatter.y", "scatter.y-back", "scatter.swap")
async def _(s: Session) -> None:
    await plot(s)
    assert "ndcg@10 against coverage@10" in s.text()
    assert front(s) == ["a", "c", "d"]
    await s.press("x")
    assert "gini@10 (less is better) →" in s.text()
    assert front(s) == ["a"], "the best and the most even"
    await s.press("x")
    assert "fit time (less is better, log) →" in s.text(), "no metric at another cut-off"
    await s.press("X", "X", "y")
    assert "↑ coverage@10" in s.text()
    await s.press("Y", "w")
    assert "coverage@10 against ndcg@10" in s.text()
    assert front(s) == ["d", "c", "a"], "from left to right"


@checks("scatter.right", "scatter.left", "scatter.up", "scatter.down")
async def _(s: Session) -> None:
    await plot(s)
    assert "◆ b · ndcg@10 0.2000 · coverage@10 0.2000" in s.text()
    assert "beaten by 1 run; on the front by c" in s.text()
    await s.press("right")
    assert "◆ c ·" in s.text()
    await s.press("h", "left", "left")
    assert "◆ a ·" in s.text(), "further left there is nothing"
    await s.press("down")
    assert "◆ c ·" in s.text()
    await s.press("k", "j", "j", "l")
    assert "◆ c ·" in s.text(), "b is below c, and c at the right of b"


@checks("scatter.next", "scatter.previous", "scatter.open", "scatter.back")
async def _(s: Session) -> None:
    await plot(s)
    await s.press("n", "n")
    assert "◆ c ·" in s.text()
    await s.press("p", "p")
    assert "◆ d ·" in s.text(), "before the first comes the last"
    await s.press("enter")
    assert isinstance(s.app.screen, DetailScreen)
    assert "d  ✔ done" in s.text()
    await s.press("escape")
    assert "◆ d ·" in s.text()
    await s.press("escape")
    assert s.current == "d", "where the cursor was"


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, runs: Path) -> None:
    async with session(runs) as running:
        await check(running)


async def test_filtered_runs_of_one_split_beat_each_other(runs: Path) -> None:
    """Those judged on other rows are shown apart, those of the table alone are shown."""
    write_run(runs, "apart", number=7, split="other", metrics={"ndcg@10": 0.9, "coverage@10": 0.9})
    write_run(runs, "lr", number=8, stage="ranking", metrics={"auc": 0.7})
    async with session(runs, (120, 30)) as s:
        await s.press("slash", *"-label:d", "enter")
        await plot(s, "apart")
        assert front(s) == ["a", "c"]
        assert "Pareto front, 2 of 3 runs" in s.text()
        assert "+ judged on other rows" in s.text()
        assert "1 run without one of them" in s.text()
        assert "it beats none, and none beats it" in s.text()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12),
    st.booleans(),
    st.booleans(),
)
def test_the_front_is_what_nothing_beats(
    points: list[tuple[int, int]], x_more: bool, y_more: bool
) -> None:
    def beats(one: tuple[int, int], other: tuple[int, int]) -> bool:
        gains = [
            (a - b) * (1 if more else -1)
            for a, b, more in zip(one, other, (x_more, y_more), strict=True)
        ]
        return min(gains) >= 0 and max(gains) > 0

    unbeaten = {
        place
        for place, point in enumerate(points)
        if not any(beats(other, point) for other in points)
    }
    assert pareto_front(points, x_more=x_more, y_more=y_more) == unbeaten
