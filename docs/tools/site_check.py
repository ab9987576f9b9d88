"""The finished site loads nothing from elsewhere, and no formula was left undone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

#: element -> its attribute that makes a browser load something
_LOADS = {
    **dict.fromkeys(
        ("audio", "embed", "iframe", "img", "script", "source", "track", "video"), "src"
    ),
    "image": "href",
    "link": "href",
    "object": "data",
    "use": "href",
}
#: links that name a place and load nothing
_NAMES = {"canonical", "alternate", "next", "prev", "author", "license"}
_STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")
_FOREIGN = ("http://", "https://", "//")


class _Loaded(HTMLParser):
    """Collects what a page loads from another host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        target = values.get(_LOADS.get(tag, ""), "")
        if target.startswith(_FOREIGN) and not _NAMES & set(values.get("rel", "").split()):
            self.found.append(target)
        self.found += _STYLE.findall(values.get("style", ""))


def foreign(text: str, suffix: str) -> list[str]:
    """List what a file of the site loads from another host."""
    if suffix == ".css":
        return _STYLE.findall(text)
    page = _Loaded()
    page.feed(text)
    styles = re.findall(r"<style.*?</style>", text, re.DOTALL)
    return [*page.found, *(url for style in styles for url in _STYLE.findall(style))]


def faults(site: Path) -> Iterator[str]:
    """Say what is wrong with a finished site."""
    for path in sorted(site.rglob("*")):
        if path.suffix not in (".css", ".html", ".svg"):
            continue
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(site)
        yield from (f"{where}: loads {url}" for url in foreign(text, path.suffix))
        if "arithmatex" in text and path.suffix == ".html":
            yield f"{where}: a formula was not drawn"
