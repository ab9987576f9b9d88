"""Write a report by groups in the format that the file's extension names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError
from workbench.reports.groups_view import tables, title
from workbench.reports.markdown import to_markdown_of_groups
from workbench.store.files import StoreError, write_text


def to_json(report: Mapping[str, Any]) -> str:
    """Write the report as JSON; non-ASCII text is escaped, so no terminal is steered by it."""
    return json.dumps(report, indent=2, allow_nan=False) + "\n"


def to_html(report: Mapping[str, Any]) -> str:
    """Write one self-contained page (jinja2 is loaded only for it)."""
    from workbench.reports.html import render_tables

    return render_tables(title(report), tables(report))


_FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    ".json": to_json,
    ".md": to_markdown_of_groups,
    ".html": to_html,
}


def check_groups_path(path: Path) -> None:
    """Raise InputError unless `write_groups` knows the extension."""
    if path.suffix.lower() not in _FORMATS:
        raise InputError(
            f"report {path}: unknown extension: '{path.suffix}'", f"valid: {', '.join(_FORMATS)}"
        )


def write_groups(report: Mapping[str, Any], path: Path) -> None:
    """Write the report as .json, .md or .html; an old file is replaced by a complete one.

    Raises
    ------
    InputError
        Another extension, or a place that cannot be written.
    """
    check_groups_path(path)
    content = _FORMATS[path.suffix.lower()](report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, content)
    except (OSError, StoreError) as error:
        raise InputError(
            f"report {path}: cannot be written: {error}", "choose another file for --report"
        ) from error
