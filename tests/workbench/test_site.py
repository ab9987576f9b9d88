"""The site: it shows every page, a Chinese page does what its English twin does, pictures are new.

``make docs`` builds it; what is here needs none of its packages.
"""

from __future__ import annotations

import json
import os
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recsys_core.reading import parse_yaml
from recsys_core.registry import BUILTIN
from tests.workbench.test_docs import BLOCK, ROOT

DOCS = ROOT / "docs"
MODELS = DOCS / "models"
CHINESE = sorted((DOCS / "zh").glob("*.md"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
#: the Start page and the how-tos
TRANSLATED = (
    *("start", "data", "scores", "ci", "two-stage", "extending", "scale", "serving"),
    *("updates", "trackers"),
)
LINK = re.compile(r"\]\(([^)\s:#]+)(?:#[^)\s]*)?\)")


def shown(entry: Any) -> Iterator[str]:
    """List the pages of a part of the navigation."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        yield from shown(list(entry.values()))
    else:
        for below in entry:
            yield from shown(below)


def navigation() -> list[str]:
    config = parse_yaml((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert isinstance(config, dict)
    return list(shown(config["nav"]))


def test_every_page_is_in_the_navigation_once() -> None:
    outside = runpy.run_path(str(DOCS / "tools" / "site_pages.py"))["OUTSIDE"]
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    pages |= {*outside.values(), *(f"notebooks/{path.stem}.md" for path in NOTEBOOKS)}
    named = navigation()
    assert len(named) == len({*named})
    made = {*named} - pages  # from the code, when the site is built
    assert pages - {*named} == set()
    assert all(page.startswith("reference/") for page in made)


def code(page: Path) -> list[str]:
    """List what a page shows to be typed or read; comments may be in any language."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [re.sub(r"(?m)^(.*?)\s*(#|//).*$", r"\1", text) for _, text in found]


def test_start_and_how_tos_are_there_in_chinese() -> None:
    twins = {path.relative_to(DOCS).as_posix() for path in CHINESE}
    assert {page for page in navigation() if page.startswith("zh/")} == twins
    assert {f"zh/{name}.md" for name in TRANSLATED} <= twins


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.stem)
def test_a_chinese_page_shows_what_its_english_twin_shows(page: Path) -> None:
    assert code(page) == code(DOCS / page.name)


@pytest.mark.parametrize("page", [*ROOT.glob("README*.md"), *CHINESE], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Also where no site is built: in the READMEs, and on pages read as files."""
    links = LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_links_of_pages_lead_to_pages() -> None:
    """To files that the site does not have the build finds no way, and fails."""
    names = runpy.run_path(str(DOCS / "tools" / "site_pages.py"))
    strays = []
    for page in [*DOCS.rglob("*.md"), *(ROOT / path for path in names["OUTSIDE"])]:
        text = re.sub(r"`[^`\n]+`", "", BLOCK.sub("", page.read_text(encoding="utf-8")))
        for link in LINK.findall(text):
            to = os.path.relpath(page.parent / link, ROOT)
            if names["page_of"](to) is None and not to.startswith("docs/"):
                strays.append((page.name, link))
    assert strays == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_what_it_printed(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_pictures_are_those_of_their_file() -> None:
    names = runpy.run_path(str(MODELS / "draw.py"))
    pictures = names["read_pictures"]((MODELS / "pictures.txt").read_text(encoding="utf-8"))
    assert pictures.keys() == {*BUILTIN}
    for name, picture in pictures.items():
        drawn = (MODELS / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
        assert names["draw"](picture) == drawn, f"make pictures: {name}"


@pytest.mark.parametrize("name", BUILTIN)
def test_a_model_has_its_formula_and_its_picture(name: str) -> None:
    page = DOCS / "two-stage.md" if name == "two-stage" else MODELS / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    assert "```math\n" in text
    assert f"pictures/{name}.svg)" in text


@pytest.mark.parametrize(
    ("text", "suffix", "found"),
    [
        ('<script src="https://cdn.example/a.js"></script>', ".html", ["https://cdn.example/a.js"]),
        ('<link rel="stylesheet" href="//cdn.example/a.css">', ".html", ["//cdn.example/a.css"]),
        ('<link rel="canonical" href="https://a.example/">', ".html", []),
        ('<a href="https://a.example/">a</a> <img src="a.png">', ".html", []),
        ("<style>a {background: url(https://a.example/b.png)}</style>", ".html", ["b.png"]),
        ("@font-face {src: url('https://a.example/f.woff2')}", ".css", ["f.woff2"]),
        ("<svg><style>@import 'https://a.example/c.css'</style></svg>", ".svg", ["c.css"]),
    ],
)
def test_what_a_page_would_load_is_found(text: str, suffix: str, found: list[str]) -> None:
    foreign = runpy.run_path(str(DOCS / "tools" / "site_check.py"))["foreign"]
    hits = foreign(text, suffix)
    assert len(hits) == len(found)
    assert all(hit.endswith(end) for hit, end in zip(hits, found, strict=True))


@pytest.mark.parametrize(
    ("source", "uri", "link", "to"),
    [
        ("docs/jobs.md", "jobs.md", "../runs/README.md", "project/run-folders.md"),
        ("docs/zh/start.md", "zh/start.md", "../notebooks/a.ipynb#b", "../notebooks/a.md#b"),
        ("CONTRIBUTING.md", "project/contributing.md", "docs/data.md", "../data.md"),
        ("docs/extending.md", "extending.md", "../examples/plugin", "project/plugin.md"),
    ],
)
def test_a_link_leads_to_the_page_of_the_site(source: str, uri: str, link: str, to: str) -> None:
    relinked = runpy.run_path(str(DOCS / "tools" / "site_pages.py"))["relinked"]
    text = f"[a]({link}), `[a]({link})`\n```\n[a]({link})\n```\n"
    assert relinked(text, source, uri) == text.replace(link, to, 1)
