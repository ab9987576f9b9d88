"""What a run gains over another for each user: read, counted and drawn above the list."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import pytest

from tests.tui.session import session
from tests.tui.two_lists import to_users, write_two_lists
from tests.workbench.films import films, prepare_films, write_list_run
from workbench.store.users_gains import gains_of_users
from workbench.tui.view import gains as view
from workbench.tui.view.gains import Gains, count_gains, gain_columns, gain_section

NAN = float("nan")


def test_gains_are_differences_of_users_whom_both_judged(tmp_path: Path) -> None:
    prepare_films(tmp_path / "data")
    first = write_list_run(tmp_path, "a", {}, ndcg={0: 0.25, 1: 1.0, 3: 0.5})
    second = write_list_run(tmp_path, "b", {}, ndcg={0: 0.75, 1: 0.0, 2: 0.5})
    gains = gains_of_users([first, second], "ndcg@10", films().n_users)
    assert gains[:2].tolist() == [0.5, -1.0]
    assert all(map(math.isnan, gains[2:]))


@pytest.mark.parametrize(
    ("gains", "counted"),
    [
        # two columns a side: up to .5 and up to 1 of the largest, the middle one is 0
        ([0.0, -1.0, 0.5, 0.4, NAN], Gains((1, 0, 1, 2, 0), 1.0, 1, 1, 2)),
        ([0.001, -0.1], Gains((1, 0, 0, 1, 0), 0.1, 1, 0, 1)),
        ([0.0, 1e-17], Gains((0, 0, 2, 0, 0), 1e-17, 0, 2, 0)),
        ([0.0], Gains((0, 0, 1, 0, 0), 0.0, 0, 1, 0)),
        ([NAN], None),
    ],
)
@pytest.mark.parametrize("many", [2_000, 0], ids=["loop", "arrays"])
def test_gains_are_counted_by_size(
    gains: list[float], counted: Gains | None, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "_MANY", many)
    assert count_gains(gains, range(len(gains)), 5) == counted
    assert count_gains(array("d", gains), array("i", range(len(gains))), 5) == counted


def test_who_is_not_found_is_not_counted() -> None:
    assert count_gains([0.5, -1.0, 0.25], [0, 2], 3) == Gains((0, 0, 2), 0.5, 0, 0, 2)


@pytest.mark.parametrize("width", [12, 42, 58, 118])
def test_zero_has_a_column_in_the_middle(width: int) -> None:
    columns = gain_columns(width)
    assert columns % 2 == 1
    assert columns <= max(width, 15)


def test_a_histogram_by_hand() -> None:
    """Eighths of three lines: 2 of 4 is half of them, 1 a quarter, the middle is cut."""
    drawn = gain_section(Gains((1, 0, 90, 4, 2), 0.5, 1, 90, 9), "ndcg@10", ("ease", "mf"), 40)
    assert str(drawn).splitlines() == [
        "gain of mf over ease",
        "    ↑█",
        "    ██▄",
        "  ▆ ███",
        "  -0.500+0.50",
        "  ▼ 1%  = 90%  ▲ 9% of the users, ↑ is cut",
        "  ",
    ]
    whole = gain_section(Gains((1, 0, 4, 4, 2), 0.5, 1, 4, 6), "ndcg@10", ("ease", "mf"), 40)
    assert "↑" not in str(whole), "as high as another: not cut"
    styles = [cell.style for cell in drawn.lines[2]]
    assert styles == ["worse", "muted", "better"]
    falling = gain_section(Gains((1, 0, 2), 0.5, 1, 0, 2), "logloss", ("ease", "mf"), 40)
    assert [cell.style for cell in falling.lines[2]] == ["better", "muted", "worse"]


async def test_it_stands_above_the_list_where_there_is_room(tmp_path: Path) -> None:
    runs = write_two_lists(tmp_path)
    async with session(runs, (160, 40)) as s:
        here = await to_users(s)
        await s.see("gain of item-cf over other")
        assert "▼ 50%  = 0%  ▲ 50% of the users" in s.text(), "of u0 and u1"
        await s.press("slash")
        await s.type("u0")
        await s.see("▼ 100%  = 0%  ▲ 0% of the users")
        await s.press("enter", "m")
        await s.see("gain of other over item-cf")
        await s.see("▼ 0%  = 0%  ▲ 100%")
        await s.pilot.resize_terminal(160, 30)
        await s.until(lambda: not here.people.query_one("#gains").display)
