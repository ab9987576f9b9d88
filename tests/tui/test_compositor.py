"""What is drawn sparingly is what Textual would draw."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual._compositor import Compositor
from textual.strip import Strip

from tests.tui.session import Session, session
from tests.workbench.films import prepare_films, write_list_run
from workbench.tui.compositor import SparingCompositor
from workbench.tui.widgets.grid import Grid


def compositor(s: Session) -> SparingCompositor:
    found = s.app.screen._compositor
    assert isinstance(found, SparingCompositor)
    return found


async def test_all_of_a_screen_and_spans_of_it(suite: Path) -> None:
    prepare_films(suite.parent / "data")
    write_list_run(suite, "item-cf", {0: ((3, 0.9), (2, 0.5))})
    async with session(suite, (160, 40)) as s:
        await s.press("3")
        ours = compositor(s)
        plain = Compositor._render_chops(ours, ours.size.region, lambda _: True)
        assert ours.render_strips() == [Strip.join(line.values()) for line in plain]
        spans = [(3, 0, 160), (4, 50, 90), (4, 100, 101), (20, 7, 8)]
        pieces = ours._pieces(spans)
        for y, left, right in spans:
            for start, end in zip(ours.cuts[y], ours.cuts[y][1:], strict=False):
                if start < right and end > left:
                    assert pieces[y][start] == plain[y][start]
        assert not any(pieces[y].get(x) for y in (0, 5, 39) for x in pieces[y])


async def test_a_line_that_changed_has_others_left_alone(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(suite, (160, 40)) as s:
        lines: list[int] = []
        render_line = Grid.render_line

        def note(grid: Grid, y: int) -> Strip:
            lines.append(y)
            return render_line(grid, y)

        monkeypatch.setattr(Grid, "render_line", note)
        s.runs.grid.refresh_lines(2)
        await s.pilot.pause()
        s.draw()
        assert lines == [2]
