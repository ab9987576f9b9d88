"""Draws a titled section of a run."""

from __future__ import annotations

from typing import ClassVar

from textual.content import Content
from textual.widgets import Static

from workbench.tui.view.detail import Section


class SectionView(Static):
    """One section; it takes no room while there is nothing to say."""

    DEFAULT_CSS = """
    SectionView { height: auto; padding: 0 2 1 2; }
    SectionView > .section--title { color: $primary; text-style: bold; }
    SectionView > .section--strong { text-style: bold; }
    SectionView > .section--muted { color: $secondary; }
    SectionView > .section--accent { color: $accent; }
    SectionView > .section--good, SectionView > .section--better { color: $success; }
    SectionView > .section--bad, SectionView > .section--worse { color: $error; }
    SectionView > .section--running { color: $primary; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"section--{name}"
        for name in (
            *("title", "strong", "muted", "accent", "good", "bad", "running"),
            *("better", "worse"),
        )
    }

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, markup=False)

    def show(self, section: Section | None) -> None:
        """Draw `section`, or give up the room."""
        self.display = section is not None
        if section is not None:
            self.update(Content("\n").join(self._lines(section)))

    def _lines(self, section: Section) -> list[Content]:
        lines = [self._piece(section.title, "title")]
        for line in section.lines:
            pieces = [self._piece(cell.text, cell.style) for cell in line]
            lines.append(Content("").join(pieces))
        return lines

    def _piece(self, text: str, style: str) -> Content:
        if not style:
            return Content(text)
        return Content.styled(text, self.get_visual_style(f"section--{style}", partial=True))
