"""Text from data, made safe to print: nothing in it can steer a terminal."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

#: control characters and those that reorder text or hide in it, shown as escapes
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: str) -> str:
    r"""Make control, bidirectional and invisible characters visible.

    Examples
    --------
    >>> plain("Amélie\x1b[2J")
    'Amélie\\x1b[2J'
    >>> plain("a\u202eb")
    'a\\u202eb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _HIDDEN
        else character
        for character in text
    )


def json_text(value: Any) -> str:
    r"""Write a value as JSON that can be read and steers no terminal.

    Examples
    --------
    >>> print(json_text("千と\u009b2J"))
    "千と\u009b2J"
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character == "\n" or unicodedata.category(character) not in _HIDDEN:
        return character  # line breaks inside strings are escapes already
    # DEL is ASCII, which JSON leaves as it is
    return json.dumps(character)[1:-1] if ord(character) > 127 else f"\\u{ord(character):04x}"


def plain_lines(text: str) -> str:
    r"""Make text of several lines safe to print, line by line.

    Examples
    --------
    >>> plain_lines("damaged: a\x07\nrestore it")
    'damaged: a\\x07\nrestore it'
    """
    return "\n".join(map(plain, text.splitlines()))


def width(text: str) -> int:
    """Count terminal cells: wide characters take two, combining marks none.

    Examples
    --------
    >>> width("abc"), width("千と"), width("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
