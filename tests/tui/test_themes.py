"""Every theme that the palette offers can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color

from tests.tui.folders import write_suite
from tests.tui.session import session
from workbench.tui.theme import FOREIGN, GROUNDS, THEMES, contrast, readable

WRITTEN = ("foreground", "primary", "secondary", "accent", "success", "error")


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_text_in_the_colours_of_a_theme_can_be_read(name: str) -> None:
    made = readable(name).to_color_system().generate()
    for written in WRITTEN:
        for ground, least in GROUNDS.items():
            found = contrast(Color.parse(made[written]), Color.parse(made[ground]))
            assert found >= least - 0.05, (written, ground, round(found, 2))


def test_our_themes_need_no_change() -> None:
    assert {theme.name for theme in THEMES}.isdisjoint(FOREIGN)
    assert contrast(Color.parse("white"), Color.parse("black")) == pytest.approx(21)


async def test_a_session_draws_in_readable_colours(tmp_path: Path) -> None:
    write_suite(tmp_path / "runs")
    async with session(tmp_path / "runs") as s:
        s.app.theme = "textual-dark"
        await s.pilot.pause()
        assert s.app.theme_variables["secondary"] == readable("textual-dark").secondary != "#004578"
