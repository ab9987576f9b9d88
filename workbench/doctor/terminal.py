"""What the terminal can show."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator

from workbench.doctor.check import Check

#: columns and lines below which nothing useful of the session fits
MINIMUM = (60, 16)


def check_terminal() -> Iterator[Check]:
    """Tell size, colours and encoding."""
    yield _size()
    yield _colours()
    yield _encoding()


def _size() -> Check:
    if not sys.stdout.isatty():
        return Check("terminal", "ok", "stdout is not a terminal")
    width, height = shutil.get_terminal_size()
    found = f"{width}x{height} characters"
    if width < MINIMUM[0] or height < MINIMUM[1]:
        remedy = f"the interactive session needs {MINIMUM[0]}x{MINIMUM[1]}: enlarge the window"
        return Check("terminal", "note", found, remedy)
    return Check("terminal", "ok", found)


def _colours() -> Check:
    term = os.environ.get("TERM", "")
    if os.environ.get("NO_COLOR"):
        return Check("colours", "ok", "off: NO_COLOR is set")
    if os.environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return Check("colours", "ok", "24 bits (COLORTERM)")
    if term in {"", "dumb", "unknown"}:
        remedy = "in a terminal with colours: export TERM=xterm-256color"
        return Check("colours", "note", f"none: TERM is {term!r}", remedy)
    return Check("colours", "ok", f"{256 if '256' in term else 16} (TERM={term})")


def _encoding() -> Check:
    encoding = (sys.stdout.encoding or "unknown").lower()
    if encoding.replace("-", "") == "utf8":
        return Check("encoding", "ok", "UTF-8")
    remedy = "for titles and lines as they are: export LANG=C.UTF-8"
    return Check("encoding", "note", f"{encoding}: other characters are shown as escapes", remedy)
