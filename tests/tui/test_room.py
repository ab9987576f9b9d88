"""Where room is short: what is cut says so, and nothing stands in another's place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widgets import OptionList

from tests.tui.data_sets import MEASURED, small_catalogue
from tests.tui.folders import write_run
from tests.tui.session import session
from tests.tui.test_view import RUN
from workbench.tui.screens.users_runs import ChooseRuns
from workbench.tui.view.data import DataSet, facts_section
from workbench.tui.view.data_parts import feature_table
from workbench.tui.widgets.grid_cells import with_hints

LABELS = [
    "mf",
    "a label of far more cells than a list of runs has",
    "推荐系统的一个很长的名字在这里",
]


@pytest.mark.parametrize("width", [60, 120])
async def test_runs_to_choose_stand_in_columns_one_line_each(tmp_path: Path, width: int) -> None:
    runs = [
        replace(RUN, run_id=f"20260302-093000-a-label-of-far-more-cells-than-{place}", label=label)
        for place, label in enumerate(LABELS)
    ]
    async with session(tmp_path / "runs", (width, 20)) as s:
        s.app.push_screen(ChooseRuns(runs, [runs[1].run_id]))
        await s.pilot.pause()
        assert s.app.screen.query_one(OptionList).size.height == len(LABELS)
        lines = [line for line in s.text().splitlines() if "ndcg@10 0.2500" in line]
        assert [line[line.index("[") :][:4] for line in lines] == ["[ ] ", "[1] ", "[ ] "]
        assert len({cell_len(line[: line.index("ndcg@10")]) for line in lines}) == 1
        assert "…" in lines[1][: lines[1].index("ndcg@10")], "a label that is cut"


@pytest.mark.parametrize(
    ("titles", "line"),
    [
        ("run  ndcg@10  coverage@10", "run  ndcg@10  c… 37 »"),
        ("run  ndcg@10     loss", "run  ndcg@10    37 »"),
        ("run  ndcg@10", "run  ndcg@10     37 »"),
        ("run  ndcg@10 recall  ", "run  ndcg@10 r… 37 »"),
    ],
)
def test_a_title_is_whole_or_has_an_ellipsis_or_gives_way(titles: str, line: str) -> None:
    base = Style.null()
    drawn = with_hints(
        Strip([Segment(titles[: len(line)].ljust(len(line)), base)]), base, before=False, more=37
    )
    assert drawn.text == line


@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("width", [54, 60, 78, 96, 130])
def test_features_have_whole_titles_and_fill_their_width(width: int, measured: bool) -> None:
    schema: Mapping[str, Any] = MEASURED if measured else small_catalogue().features["movielens"]
    heads = feature_table(schema["features"], measured, width).heads
    assert all(len(head.title) <= head.width for head in heads)
    taken = sum(head.width + (1 if head.right else 2) for head in heads)
    assert width - 2 <= taken <= width + 1


@pytest.mark.parametrize("width", [28, 60, 140])
def test_facts_stay_in_their_column_and_none_is_cut(width: int) -> None:
    origin = "/home/you/data/" + "a-folder-with-a-long-name/" * 3 + "ratings.dat"
    each = DataSet(
        "mine", "ready", "mine", 9, 3, 3, fingerprint="0123456789abcdef" * 4, origin=origin
    )
    lines = [
        "".join(cell.text for cell in line) for line in facts_section(each, None, 0, width).lines
    ]
    assert max(map(len, lines)) <= width
    found = {line[:12].strip(): place for place, line in enumerate(lines) if line[:12].strip()}
    for name, whole in (("source", origin), ("fingerprint", each.fingerprint)):
        after = [place for place in found.values() if place > found[name]]
        part = lines[found[name] : min(after, default=len(lines))]
        assert "".join(line[12:] for line in part) == whole
        assert all(line[:12].strip() in ("", name) for line in part)


async def test_a_problem_of_a_search_line_takes_two_lines_and_says_where_it_is_cut(
    tmp_path: Path,
) -> None:
    write_run(tmp_path / "runs", "mf", metrics={f"ndcg@{k}": 0.1 for k in range(1, 60)})
    async with session(tmp_path / "runs", (80, 20)) as s:
        await s.press("slash")
        await s.type("labxx:")
        lines = [line.rstrip() for line in s.text().splitlines()]
        start = next(i for i, line in enumerate(lines) if "unknown field 'labxx'" in line)
        assert "did you mean 'label'" in lines[start]
        assert lines[start + 1].endswith("…")
        assert "ndcg@10: 0 to 1" in lines[start + 2], "the lines below"


async def test_the_legend_of_marked_jobs_ends_in_an_ellipsis(tmp_path: Path) -> None:
    for number in range(4):
        write_run(tmp_path / "runs", f"popularity-with-a-{number}-in-its-label", number=number)
    async with session(tmp_path / "runs", (80, 24)) as s:
        await s.press("1", *["space", "j"] * 4)
        await s.until(lambda: "popularity-with-a-2-in-its-label, po" in s.text())
        legend = next(line for line in s.text().splitlines() if "label, po" in line)
        assert legend.rstrip().endswith("…")
