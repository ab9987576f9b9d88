"""Two calm themes. The colours that carry meaning are Okabe and Ito's, safe for colour-blind eyes.

Meaning never hangs on colour alone: states have glyphs, differences have signs and arrows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

DEFAULT = "workbench-dark"

#: Okabe & Ito, "Color Universal Design" (2008): sky blue, orange, bluish green, vermilion
THEMES = (
    Theme(
        name=DEFAULT,
        primary="#56B4E9",
        secondary="#8A9BB0",
        accent="#E69F00",
        success="#3DBE97",
        warning="#E69F00",
        error="#F07A3A",
        foreground="#D5DAE1",
        background="#14171C",
        surface="#1A1E25",
        panel="#232932",
        dark=True,
    ),
    Theme(
        name="workbench-light",
        primary="#0072B2",
        secondary="#5B6672",
        accent="#9A5B00",
        success="#00694C",
        warning="#9A5B00",
        error="#B34700",
        foreground="#1E2329",
        background="#FAFAF7",
        surface="#F1F1EC",
        panel="#E4E5DF",
        dark=False,
    ),
)

#: Textual's own for terminals of sixteen colours, which nobody reads where blue stands on black or
#: cyan on white
ANSI = (
    replace(BUILTIN_THEMES["ansi-dark"], primary="ansi_bright_blue"),
    replace(BUILTIN_THEMES["ansi-light"], secondary="ansi_bright_black"),
)

#: themes of Textual's in colours of their own
FOREIGN = frozenset(BUILTIN_THEMES) - {theme.name for theme in ANSI}

#: what text is written on, and the contrast it needs there: of WCAG for long text, and for short
GROUNDS = {"background": 4.5, "surface": 3.5, "panel": 3.5}

#: colours of a theme that text is written in
_WRITTEN = ("primary", "accent", "success", "warning", "error", "foreground")


@lru_cache(4)
def readable(name: str) -> Theme:
    """Take a theme of Textual's, with the colours changed that are too weak to write with.

    They are made for programs that fill areas with them. Here they are colours of text, and
    `secondary`, which may be any, is that of what stands back.
    """
    theme = BUILTIN_THEMES[name]
    made = theme.to_color_system().generate()
    grounds = {name: Color.parse(made[name]) for name in GROUNDS}
    written = {name: Color.parse(made[name]) for name in _WRITTEN}
    written["secondary"] = written["foreground"].blend(grounds["background"], 0.3)
    end = Color.parse("white" if theme.dark else "black")
    legible = {name: _legible(colour, grounds, end) for name, colour in written.items()}
    changed: dict[str, Any] = {name: c.hex6 for name, c in (grounds | legible).items()}
    return replace(theme, **changed)


def _legible(colour: Color, grounds: Mapping[str, Color], end: Color) -> Color:
    """Move a colour towards white or black, until it can be read on all grounds."""
    for step in range(30):
        moved = colour.blend(end, step / 30)
        if all(contrast(moved, ground) >= GROUNDS[name] for name, ground in grounds.items()):
            return moved
    return end


def contrast(one: Color, other: Color) -> float:
    """Compare the relative luminance of two colours, as WCAG defines it: 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    parts = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in colour.normalized)
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
