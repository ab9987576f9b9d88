"""Which files of the repository are pages of the site, and links between them."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: pages outside docs/ -> where the site has them
OUTSIDE = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "data/README.md": "project/prepared-data.md",
    "examples/README.md": "project/examples.md",
    "examples/plugin/README.md": "project/plugin.md",
    "runs/README.md": "project/run-folders.md",
}
#: a link or a picture of Markdown, outside of code
_LINK = re.compile(
    r"(?P<code>```.*?^```|`[^`\n]+`)|\]\((?P<to>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)", re.M | re.S
)


def page_of(path: str) -> str | None:
    """Find the page of the site that a path of the repository stands for.

    >>> page_of("runs/README.md"), page_of("docs/data.md"), page_of("README.md")
    ('project/run-folders.md', 'data.md', 'README.md')
    >>> page_of("examples/plugin"), page_of("examples/plugin/bookshop/model.py")
    ('project/plugin.md', 'project/plugin.md')
    >>> page_of("examples/service.py")
    'project/examples.md'
    """
    if path.startswith("examples/") and path.endswith(".py"):  # its page is that of its folder
        plugin = path.startswith("examples/plugin/")
        path = "examples/plugin/README.md" if plugin else "examples/README.md"
    for candidate in (path, f"{path}/README.md"):
        if candidate in OUTSIDE:
            return OUTSIDE[candidate]
    if path == "README.md":
        return "README.md"
    if path.endswith(".ipynb"):
        path = f"{path.removesuffix('.ipynb')}.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def relinked(text: str, source: str, uri: str) -> str:
    """Let the links of a page lead to pages of the site.

    Parameters
    ----------
    source
        Path of the page in the repository.
    uri
        Where the site has it.
    """

    def replace(link: re.Match[str]) -> str:
        if link["code"]:
            return link.group()
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["to"]))
        page = page_of(path)
        if page is None:
            return link.group()  # not of the site: the build says so
        to = os.path.relpath(page, posixpath.dirname(uri) or ".")
        return f"]({to}{link['anchor'] or ''})"

    return _LINK.sub(replace, text)


def sources(names: Mapping[str, str] = OUTSIDE) -> dict[str, str]:
    """Give for each page from outside docs/ the path of its source."""
    return {uri: path for path, uri in names.items()}
