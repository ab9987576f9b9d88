"""Docs say of published figures what the suites say."""

from __future__ import annotations

import runpy
from pathlib import Path

from recsys_core.pipeline.suites import load_suite, suite_names

PAGES = Path(__file__).parents[2] / "docs" / "models"
WRITER = runpy.run_path(str(PAGES / "published.py"))

TABLE = """\
| suite | label | ndcg@10 [95 %] | published ndcg@10 |
|---|---|---|---|
| `next-item-target-ml1m` | hstu | 0.2 | 0.9 |
| `next-item-target-ml1m` | dssm | 0.2 | 0.9 |
| `next-item-ml1m` | sasrec | 0.2 | — |

| suite | other |
|---|---|
| `next-item-ml1m` | sasrec |
"""


def test_tables_take_figures_and_mark_notes() -> None:
    suites = {name: load_suite(name) for name in suite_names()}
    found = WRITER["updated"](TABLE, suites).splitlines()
    assert found[2] == "| `next-item-target-ml1m` | hstu | 0.2 | 0.1879* |"
    assert found[3] == "| `next-item-target-ml1m` | dssm | 0.2 | — |"
    assert found[4] == "| `next-item-ml1m` | sasrec | 0.2 | 0.1779 |"
    assert found[6:] == TABLE.splitlines()[6:]


def test_pages_are_up_to_date() -> None:
    suites = {name: load_suite(name) for name in suite_names()}
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        assert WRITER["updated"](text, suites) == text, f"{page.name}: run `make published`"
