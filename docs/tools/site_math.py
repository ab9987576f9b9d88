"""Formulas: what GitHub reads as mathematics becomes MathML, which needs no script."""

from __future__ import annotations

import re
from html import unescape

from latex2mathml.converter import convert

_FENCE = re.compile(r"^```math\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"\$`([^`\n]+)`\$")
_DRAWN = re.compile(
    r'<(?P<tag>div|span) class="arithmatex">\s*\\[\[(](?P<latex>.*?)\\[\])]\s*</(?P=tag)>',
    re.DOTALL,
)
#: what a converter leaves that does not know a command
_LEFT = re.compile(r">(\\\w+|&)<")


def marked(text: str) -> str:
    """Write GitHub's two notations as those of the Markdown extension."""
    text = _FENCE.sub(lambda found: f"$$\n{found[1]}$$", text)
    return _INLINE.sub(lambda found: f"${found[1]}$", text)


def drawn(html: str) -> str:
    """Replace the formulas of a page by MathML."""

    def replace(found: re.Match[str]) -> str:
        block = found["tag"] == "div"
        latex = " ".join(unescape(found["latex"]).split())
        latex = latex.replace("{aligned}", "{split}")  # the converter's name of it
        mathml = convert(latex, display="block" if block else "inline")
        if left := _LEFT.search(unescape(mathml)):
            raise ValueError(f"the formula '{latex}' was not understood: '{left.group()}' is left")
        return f'<div class="formula">{mathml}</div>' if block else mathml

    return _DRAWN.sub(replace, html)
