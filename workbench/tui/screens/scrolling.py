"""A page of sections below each other that scrolls, and jumps from one section to the next."""

from __future__ import annotations

from textual.containers import VerticalScroll

from workbench.tui.screens.base import FullScreen
from workbench.tui.widgets.sections import SectionView


class ScrollingScreen(FullScreen):
    """Has its sections in ``VerticalScroll(…, id="scroll")``."""

    @property
    def scroll(self) -> VerticalScroll:
        """The part that scrolls."""
        return self.query_one("#scroll", VerticalScroll)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll.scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.scroll.scroll_relative(y=pages * (self.scroll.size.height - 1), animate=False)

    def action_top(self) -> None:
        """Go to the beginning."""
        self.scroll.scroll_home(animate=False)

    def action_bottom(self) -> None:
        """Go to the end."""
        self.scroll.scroll_end(animate=False)

    def action_section(self, by: int) -> None:
        """Go to the section below, or to the one above."""
        top = round(self.scroll.scroll_y)
        tops = {
            view.region.y - self.scroll.content_region.y + top
            for view in self.query(SectionView)
            if view.display
        }
        onward = [y for y in tops if (y - top) * by > 0]
        if onward:
            self.scroll.scroll_to(y=min(onward, key=lambda y: abs(y - top)), animate=False)
