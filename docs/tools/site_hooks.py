"""Hooks of MkDocs: pages from outside docs/ and from the code, links, formulas, the last check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from site_check import faults
from site_math import drawn, marked
from site_notebooks import BUILT
from site_pages import OUTSIDE, ROOT, relinked, sources
from site_reference import STAGES, reference_pages

_SOURCES = sources()
_STAGE_OF = {"Recall": "recall", "Ranking": "ranking"}


def slug(text: str, separator: str) -> str:
    """Name a heading as GitHub does, so that a link is right in both places."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", separator)


def on_config(config: Any) -> Any:
    """Set what cannot stand in a plain YAML file."""
    config.mdx_configs["toc"]["slugify"] = slug
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that do not lie in docs/."""
    for path, uri in OUTSIDE.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / path)))
    for uri, text in reference_pages().items():
        files.append(File.generated(config, uri, content=text))
    built = sorted(BUILT.iterdir()) if BUILT.is_dir() else []
    if not built:
        raise PluginError(f"no notebooks in {BUILT}: they are executed by 'make docs'")
    for made in built:
        files.append(File.generated(config, f"notebooks/{made.name}", abs_src_path=str(made)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Mark formulas, lead links to pages of the site, and point from a model to its fields."""
    uri = page.file.src_uri
    text = relinked(marked(markdown), _SOURCES.get(uri, f"docs/{uri}"), uri)
    name = Path(uri).stem
    stage = next((each.title for each in page.ancestors if each.title in _STAGE_OF), None)
    if uri.startswith("models/") and stage:
        text += f"\nAll fields: [{name}](../{STAGES[_STAGE_OF[stage]]}#{name}).\n"
    return text


def on_page_content(html: str, **_: Any) -> str:
    """Draw the formulas."""
    return drawn(html)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Say in which language a page is."""
    chinese = page.file.src_uri.startswith("zh/")
    return output.replace('<html lang="en"', '<html lang="zh-CN"', 1) if chinese else output


def on_post_build(config: Any, **_: Any) -> None:
    """Refuse a site that would load something from elsewhere."""
    found = list(faults(Path(config.site_dir)))
    if found:
        raise PluginError("\n".join(found))
