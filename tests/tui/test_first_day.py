"""A newcomer's first session, through a real pseudo-terminal."""

from __future__ import annotations

from pathlib import Path

from tests.tui.story import first_day
from tests.tui.terminal import ALT_SCREEN_OFF, MOUSE_OFF, terminal


def test_from_nothing_to_an_exported_comparison(workplace: Path) -> None:
    with terminal(["-m", "workbench"], place=workplace) as t:
        first_day(t, workplace)
        assert t.end() == 0
        assert ALT_SCREEN_OFF in t.output
        assert MOUSE_OFF in t.output
    assert not list(workplace.rglob("errors.log"))
