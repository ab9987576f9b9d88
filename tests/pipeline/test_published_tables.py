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


MEASURED = """\
| suite | label | ndcg@10 [95 %] | published ndcg@10 |
|---|---|---|---|
| `topn-random-ml1m` | ease | 0.2911 [0.2851, 0.2970] | 0.2865 |
| `topn-random-ml1m` | mf | 0.2814 [0.2754, 0.2874] | 0.2407 |

| suite | label | metric | seeds 0, 1, 2 | mean |
|---|---|---|---|---|
| `topn-random-ml1m` | mf | ndcg@10 | .2814, .2825, .2818 | .2819 |
"""


def test_our_figures_are_means_where_there_are_some() -> None:
    found = WRITER["read_measured"](MEASURED)
    assert found.first["topn-random-ml1m", "ease", "ndcg@10"] == 0.2911
    assert found.means == {("topn-random-ml1m", "mf", "ndcg@10"): ".2819"}


def test_readmes_are_up_to_date() -> None:
    suites = {name: load_suite(name) for name in suite_names()}
    measured = WRITER["read_measured"]((PAGES / "README.md").read_text(encoding="utf-8"))
    for name, words in WRITER["READMES"].items():
        text = (PAGES.parents[1] / name).read_text(encoding="utf-8")
        found = WRITER["updated_readme"](text, words, measured, suites)
        assert found == text, f"{name}: run `make published`"


def test_pages_are_up_to_date() -> None:
    suites = {name: load_suite(name) for name in suite_names()}
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        assert WRITER["updated"](text, suites) == text, f"{page.name}: run `make published`"
