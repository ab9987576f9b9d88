"""Plain tables for lists: no rich, so that they are there at once."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from recsys_core.errors import shorten
from workbench.store.text import json_text, plain, width

#: characters of a cell at most
_WIDEST = 400


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns, numbers to the right; control characters in cells are made visible."""
    columns = [
        _aligned(header, [row[place] for row in rows]) for place, header in enumerate(headers)
    ]
    for line in zip(*columns, strict=True):
        sys.stdout.write("  ".join(line).rstrip() + "\n")


def say(text: str) -> None:
    """Write a line beside the results, to stderr; control characters are made visible."""
    sys.stderr.write(plain(text) + "\n")


def print_json(value: object) -> None:
    """Print JSON; an encoding that lacks characters gets escapes, which are JSON still."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    text = json_text(value) if encoding == "utf8" else json.dumps(value, indent=2)
    sys.stdout.write(text + "\n")


def _aligned(header: str, values: Sequence[object]) -> list[str]:
    texts = [shorten(header, _WIDEST), *(_text(value) for value in values)]
    widths = [width(text) for text in texts]
    widest = max(widths)
    fills = [" " * (widest - own) for own in widths]
    if values and all(value is None or isinstance(value, int | float) for value in values):
        return [fill + text for fill, text in zip(fills, texts, strict=True)]
    return [text + fill for fill, text in zip(fills, texts, strict=True)]


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    return plain(shorten(value, _WIDEST))


def ago(moment: float | None) -> str:
    """Say how long ago a moment (seconds since 1970) was.

    Examples
    --------
    >>> ago(time.time() - 7200)
    '2 h ago'
    """
    if moment is None:
        return "-"
    seconds = max(0.0, time.time() - moment)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
