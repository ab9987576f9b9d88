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
    "faint": "$secondary-muted",
    # of lines of charts, as in the style sheet
    "look-0": "$primary",
    "look-1": "$accent",
    "look-2": "$success",
    "look-3": "$error",
}


#: cells below which a text is not broken beside its name
_LEAST_TEXT = 12


class SectionView(Static):
    """One section; it takes no room while there is nothing to say."""

    DEFAULT_CSS = "SectionView { height: auto; padding: 0 2 1 1; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False)
        #: what is drawn, or was before it gave up the room
        self.section: Section | None = None
        self._width = 0
        #: lines and cells: with others the room changes
        self._shape = (0, 0)

    def show(self, section: Section | None) -> None:
        """Draw `section`, or give up the room."""
        self.display = section is not None
        if section is not None and section != self.section:
            self.section = section
            self._draw(section)

    def on_resize(self) -> None:
        """Break long texts to the new width."""
        if self.section is not None and self.section.pairs and self._width != self._room:
            self._draw(self.section)

    @property
    def _room(self) -> int:
        return self.content_size.width

    def _draw(self, section: Section) -> None:
        self._width = self._room
        lines = self._lines(section)
        shape = len(lines), max(line.cell_length for line in lines)
        self.update(Content("\n").join(lines), layout=shape != self._shape)
        self._shape = shape

    def _lines(self, section: Section) -> list[Content]:
        lines = [piece(section.title, "title")]
        for line in section.lines:
            pieces = [piece(cell.text, cell.style) for cell in line]
            if section.pairs and len(pieces) > 1:
                lines += _hanging(pieces[0], Content("").join(pieces[1:]), self._width)
            else:
                lines.append(Content("").join(pieces))
        return lines


def piece(text: str, style: str) -> Content:
    """Style a text in the colours of the theme."""
    return Content.styled(text, STYLES[style]) if style else Content(text)


def _hanging(name: Content, text: Content, width: int) -> list[Content]:
    """Write a name and a text that goes on below itself where the line is too short for it."""
    room = width - name.cell_length
    if room < _LEAST_TEXT or text.cell_length <= room:
        return [Content.assemble(name, text)]
    first, *others = text.wrap(room)
    indent = " " * name.cell_length
    return [Content.assemble(name, first), *(Content.assemble(indent, line) for line in others)]
