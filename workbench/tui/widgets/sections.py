"""Draws a titled section of a run."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip
from textual.widgets import Static

from workbench.tui.view.detail import Section
from workbench.tui.view.table import Cell

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
    """One section; it takes no room while there is nothing to say.

    Lines that fit, as nearly all do, are drawn from their cells as they come into sight; Textual
    would look in all of them for where they break, once to count them and once to draw them.
    """

    DEFAULT_CSS = "SectionView { height: auto; padding: 0 2 1 1; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False)
        #: what is drawn, or was before it gave up the room
        self.section: Section | None = None
        self._width = 0
        #: lines and cells: with others the room changes
        self._shape = (0, 0)
        self._drawn_lines: list[tuple[Cell, ...]] = []
        #: of lines that break, or while a part is selected
        self._whole: Content | None = None

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
        self._whole, self._drawn_lines = None, [(Cell(section.title, "title"),), *section.lines]
        if section.pairs:
            lines = self._hanging_lines()
            self._whole, self._drawn_lines = Content("\n").join(lines), []
            shape = len(lines), max(line.cell_length for line in lines)
        else:
            shape = len(self._drawn_lines), max(map(_width, self._drawn_lines))
        self.refresh(layout=shape != self._shape)
        self._shape = shape

    def _hanging_lines(self) -> list[Content]:
        lines = []
        for line in self._drawn_lines:
            pieces = [piece(cell.text, cell.style) for cell in line]
            if len(pieces) > 1:
                lines += _hanging(pieces[0], Content("").join(pieces[1:]), self._width)
            else:
                lines += pieces
        return lines

    def render(self) -> Content:
        """Join all lines."""
        if self._whole is None:
            pieces = ([piece(cell.text, cell.style) for cell in line] for line in self._drawn_lines)
            self._whole = Content("\n").join(Content("").join(line) for line in pieces)
        return self._whole

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Count the lines."""
        if self._drawn_lines and self._shape[1] <= width:
            return len(self._drawn_lines)
        return super().get_content_height(container, viewport, width)

    def render_line(self, y: int) -> Strip:
        """Draw a line."""
        fits = y < len(self._drawn_lines) and self._shape[1] <= self._room
        if not fits or self.text_selection is not None:
            return super().render_line(y)
        base, segments, x = self.visual_style, [], 0
        for text, name in _runs(self._drawn_lines[y]):
            style = base + self._get_style(STYLES[name]) if name else base
            segments.append(Segment(text, style.rich_style_with_offset(x, y)))
            x += len(text)
        return Strip(segments)


def _runs(line: tuple[Cell, ...]) -> list[tuple[str, str]]:
    """Put what has no style together."""
    runs: list[tuple[str, str]] = []
    for cell in line:
        if runs and not cell.style and not runs[-1][1]:
            runs[-1] = runs[-1][0] + cell.text, ""
        elif cell.text:
            runs.append((cell.text, cell.style))
    return runs


def _width(line: tuple[Cell, ...]) -> int:
    return sum(cell_len(cell.text) for cell in line)


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
