"""Two calm themes. The colours that carry meaning are Okabe and Ito's, safe for colour-blind eyes.

Meaning never hangs on colour alone: states have glyphs, differences have signs and arrows.
"""

from __future__ import annotations

from dataclasses import replace

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
