"""The cells that lines of a table are put together from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip

from workbench.tui.view.format import fit as fit


def together(lines: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Join lines that follow each other: (the first, how many) each.

    Examples
    --------
    >>> list(together([0, 4, 5, 6, 9]))
    [(0, 1), (4, 3), (9, 1)]
    """
    for _, run in groupby(enumerate(lines), lambda pair: pair[1] - pair[0]):
        found = list(run)
        yield found[0][1], len(found)


def joined(parts: Iterable[tuple[str, Style]]) -> Iterator[Segment]:
    """Make one segment of neighbours that look alike: each costs Textual time in every paint."""
    for style, alike in groupby(parts, lambda part: part[1]):
        yield Segment("".join(text for text, _ in alike), style)


def cut_lines(text: str, width: int, height: int) -> str:
    r"""Keep of a text what fits a box once it is wrapped; what is cut off leaves an ellipsis.

    Examples
    --------
    >>> cut_lines("valid: mf, ease, item-cf", 11, 2)
    'valid: mf,\nease, item…'
    """
    lines = [line.plain.rstrip() for line in Content(text).wrap(width)] if width else []
    if len(lines) <= height:
        return text
    last = " ".join(lines[height - 1 :])
    return "\n".join([*lines[: height - 1], fit(last, width)])


def with_hints(line: Strip, base: Style, *, before: bool, more: int) -> Strip:
    """Say at either end of a header that there are columns before it, and how many more."""
    if before:
        line = Strip.join([Strip([Segment("«", base)]), line.crop(1)])
    if more <= 0:
        return line
    hint = f" {more} »"
    left = line.crop(0, line.cell_length - cell_len(hint))
    if not left.text.endswith(" ") and not line.text[len(left.text) :].startswith(" "):
        left = Strip.join([left.crop(0, left.cell_length - 1), Strip([Segment("…", base)])])
    return Strip.join([left, Strip([Segment(hint, base)])])
