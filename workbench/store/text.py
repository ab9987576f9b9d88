"""Text from data, made safe to print: nothing in it can steer a terminal."""

from __future__ import annotations

import unicodedata

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
