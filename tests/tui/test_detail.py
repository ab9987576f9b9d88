"""Every command of the page of a run does what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tui.checks import Check, cases_of, checks
from tests.tui.folders import write_run
from tests.tui.session import Session, session
from tests.tui.suite import opens_form_again
from workbench.store.summary import read_summary
from workbench.tui.screens.detail import DetailScreen
from workbench.tui.view.detail import read_files, sections

SCOPES_HERE = ("detail",)


async def _detail(s: Session, label: str = "mf") -> DetailScreen:
    await s.go_to(label)
    await s.press("enter")
    assert isinstance(s.app.screen, DetailScreen)
    return s.app.screen


@checks("detail.again")
async def _(s: Session) -> None:
    await _detail(s)
    await opens_form_again(s, "mf")


@checks("detail.tag")
async def _(s: Session) -> None:
    await _detail(s)
    await s.press("t")
    await s.type("推荐")
    await s.press("enter")
    await s.until(lambda: "tags  推荐" in s.text())


@checks("detail.note")
async def _(s: Session) -> None:
    await _detail(s)
    await s.press("i", "escape")
    assert isinstance(s.app.screen, DetailScreen), "nothing was typed"
    await s.press("i", *"better", "escape")
    assert "Esc again discards what you typed; Ctrl+S keeps it" in s.text()
    await s.press("r", "escape")
    assert "betterr" in s.text(), "and it asks again after more"
    await s.press("escape")
    assert "better" not in s.text(), "Esc keeps nothing"
    await s.press("t", "x", "escape")
    assert "Esc again discards what you typed; Enter keeps it" in s.text()
    await s.press("escape")
    await s.press("i", *"worse", "ctrl+s")
    await s.until(lambda: "worse" in s.text())


@checks("detail.next", "detail.previous", "detail.copy", "detail.back")
async def _(s: Session) -> None:
    await _detail(s)
    await s.press("y")
    assert "Result\n" in s.copied[0]
    assert "ndcg@10        0.2551  0.2431 to 0.2671" in s.copied[0]
    assert "factors        64" in s.copied[0]
    await s.press("n")
    assert "item-cf  ✔ done" in s.text()
    await s.press("n", "n")
    assert "pop-sample  ✔ done" in s.text(), "after the last comes the first"
    await s.press("escape")
    await _detail(s)
    await s.press("p")
    assert "mf-bpr  ✔ done" in s.text()
    await s.press("n", "escape")
    assert s.current == "mf"
    await s.press("enter", "backspace")
    assert s.current == "mf"


@checks(
    *("detail.down", "detail.up", "detail.page-down", "detail.page-up"),
    *("detail.top", "detail.bottom", "detail.section", "detail.section-back"),
)
async def _(s: Session) -> None:
    screen = await _detail(s)
    scroll = screen.scroll
    await s.press("j", "down")
    assert scroll.scroll_y == 2
    await s.press("j", "k", "up")
    assert scroll.scroll_y == 1
    await s.press("g")
    assert scroll.scroll_y == 0
    await s.press("pagedown")
    assert 0 < scroll.scroll_y == min(scroll.size.height - 1, scroll.max_scroll_y)
    await s.press("pageup")
    assert scroll.scroll_y == 0
    await s.press("pagedown", "g")
    assert scroll.scroll_y == 0
    await s.press("G")
    assert scroll.scroll_y == scroll.max_scroll_y > 0
    assert "torch" in s.text(), "the environment comes last"
    await s.press("g", "right_square_bracket")
    first = scroll.scroll_y
    await s.press("right_square_bracket")
    assert 0 < first < scroll.scroll_y
    title = s.text().splitlines()[3]
    assert "Learning curve" in title or "Other cut-offs" in title or "Data" in title
    await s.press("left_square_bracket")
    assert scroll.scroll_y == first
    await s.press("left_square_bracket", "left_square_bracket")
    assert scroll.scroll_y <= 1


async def test_a_run_without_a_baseline_has_its_curves_at_every_width(suite: Path) -> None:
    async with session(suite, (60, 60)) as s:
        await s.go_to("mf")
        await s.press("enter")
        for width in (60, 80, 99, 100, 140, 180):
            await s.pilot.resize_terminal(width, 60)
            await s.until(lambda width=width: s.app.screen.size.width == width)  # type: ignore[misc]
            s.draw()
            lines = s.text().splitlines()
            (title,) = [line for line in lines if line.startswith(" Learning curve")]
            assert "Learning curve" in title
            assert any("┤" in line for line in lines)


@pytest.mark.parametrize("check", cases_of(*SCOPES_HERE))
async def test_command(check: Check, suite: Path) -> None:
    async with session(suite) as running:
        await check(running)


@pytest.mark.parametrize(("refit_of", "told"), [("", True), ("20260302-093000-mf-0000", False)])
def test_no_evaluation_is_timed_where_there_was_none(
    tmp_path: Path, refit_of: str, told: bool
) -> None:
    folder = write_run(tmp_path, "mf")
    result = json.loads((folder / "metrics.json").read_text())
    result |= {"refit_of": refit_of, "eval_seconds": 0.0}
    (folder / "metrics.json").write_text(json.dumps(result))
    summary = read_summary(folder)
    lines = sections(summary, read_files(summary))["cost"].lines
    assert any(cell.text.startswith("evaluation") for line in lines for cell in line) is told
