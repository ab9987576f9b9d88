"""Draws a titled section of a run."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from workbench.tui.view.detail import Section

#: style of a cell -> Textual style, in the colours of the theme
STYLES = {
    "title": "bold $primary",
    "strong": "bold",
    "muted": "$secondary",
    "accent": "$accent",
    "good": "$success",
    "bad": "$error",
    "better": "$success",
    "worse": "$error",
    "running": "$primary",
}


class SectionView(Static):
    """One section; it takes no room while there is nothing to say."""

    DEFAULT_CSS = "SectionView { height: auto; padding: 0 2 1 2; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False)
        self._section: Section | None = None
        #: lines and cells: with others the room changes
        self._shape = (0, 0)

    def show(self, section: Section | None) -> None:
        """Draw `section`, or give up the room."""
        self.display = section is not None
        if section is not None and section != self._section:
            lines = self._lines(section)
            shape = len(lines), max(line.cell_length for line in lines)
            self.update(Content("\n").join(lines), layout=shape != self._shape)
            self._section, self._shape = section, shape

    def _lines(self, section: Section) -> list[Content]:
        lines = [_piece(section.title, "title")]
        for line in section.lines:
            pieces = [_piece(cell.text, cell.style) for cell in line]
            lines.append(Content("").join(pieces))
        return lines


def _piece(text: str, style: str) -> Content:
    return Content.styled(text, STYLES[style]) if style else Content(text)
