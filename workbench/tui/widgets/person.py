"""One user: history at the left, lists of runs beside it, below them reasons and genres."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from workbench.store.text import plain
from workbench.store.users_inspect import Inspection
from workbench.tui.view.detail import Section
from workbench.tui.view.texts import as_markdown
from workbench.tui.view.user_reasons import event_section, genre_section, why_section
from workbench.tui.view.users import (
    history_table,
    item_of,
    list_names,
    list_table,
    list_title,
    profile_line,
)
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import Title
from workbench.tui.widgets.sections import SectionView

#: lists shown at most
MOST_LISTS = 3
#: cells that a history or a list needs
PANE = 38


class Pane(Vertical):
    """A title and a table."""

    def compose(self) -> ComposeResult:
        """Make both."""
        yield Title()
        yield Grid(sortable=False)

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    @property
    def item(self) -> int | None:
        """The item under the cursor."""
        key = self.grid.cursor_key
        return item_of(key)

    def name_it(self, title: str) -> None:
        """Write the title."""
        self.query_one(Title).update(title)

    def as_text(self) -> str:
        """Write title and table as Markdown."""
        return f"{self.query_one(Title).content}\n\n{as_markdown(self.grid.table)}"


class Person(Vertical):
    """Shows an inspection.

    The screen gives the class ``-both`` when reasons and genres have room beside each other.
    """

    def __init__(self) -> None:
        super().__init__(id="person")
        self.inspection: Inspection | None = None
        self.genres = False
        #: whether lists show only what no other has
        self.own = False

    def compose(self) -> ComposeResult:
        """Make the parts."""
        yield Static(id="profile", markup=False)
        with Horizontal(id="panes"):
            yield Pane(id="history", classes="part")
            for place in range(MOST_LISTS):
                yield Pane(id=f"list-{place}", classes="part")
        with Horizontal(id="below"):
            yield SectionView(id="why")
            yield SectionView(id="genres")

    @property
    def panes(self) -> list[Pane]:
        """History and lists that are in sight, left to right."""
        away = {"-absent", "-aside"}
        panes = self.query_one("#panes").query_children(Pane)
        return [pane for pane in panes if not away & pane.classes]

    @property
    def pane(self) -> Pane:
        """The pane that has the focus; the first list, where there is one, when none has it."""
        focused = self.screen.focused
        here = [pane for pane in self.panes if focused is not None and focused in pane.children]
        return (here or self.panes[1:] or self.panes)[0]

    @property
    def item(self) -> int | None:
        """The item under the cursor of the pane in use."""
        return self.pane.item if self.inspection is not None else None

    def show(self, inspection: Inspection) -> None:
        """Draw a user; the cursors stay on their items while it is the same one."""
        before, self.inspection = self.inspection, inspection
        self.query_one("#profile", Static).update(profile_line(inspection))
        lists = len(inspection.listings)
        for place in range(MOST_LISTS):
            self.query_one(f"#list-{place}").set_class(place >= lists, "-absent")
        width = self.size.width // max(1, len(self.panes)) - 1
        history = self.query_one("#history", Pane)
        history.name_it(f"history of user {plain(inspection.user.user_id)}")
        history.grid.show(history_table(inspection, width))
        for place, name in enumerate(list_names(inspection.listings)):
            self._show_list(inspection, place, name, width)
        if before is None or before.user != inspection.user:
            for pane in self.panes:
                pane.grid.action_first()
        self.show_reasons()

    def _show_list(self, inspection: Inspection, place: int, name: str, width: int) -> None:
        pane, listing = self.query_one(f"#list-{place}", Pane), inspection.listings[place]
        note = f"  {plain(listing.notes[0])}" if listing.notes else ""
        pane.name_it(list_title(listing, name) + note)
        pane.grid.show(list_table(inspection, listing, width, own=self.own))

    def show_reasons(self) -> None:
        """Fill what is below: reasons for the item under the cursor, genres, or both."""
        if self.inspection is None:
            return
        both = self.screen.has_class("-both")
        width = max(30, self.size.width // (2 if both else 1) - 4)
        why = self._reasons(self.inspection, width) if both or not self.genres else None
        self.query_one("#why", SectionView).show(why)
        genres = None
        if both or self.genres:
            genres = genre_section(self.inspection, self.inspection.listings, width)
        self.query_one("#genres", SectionView).show(genres)

    def _reasons(self, inspection: Inspection, width: int) -> Section | None:
        pane = self.pane
        if pane.item is None:
            return None
        if pane.id == "history":
            return event_section(inspection, pane.item, width)
        listing = inspection.listings[int((pane.id or "")[-1])]
        entry = next(entry for entry in listing.entries if entry.item == pane.item)
        return why_section(inspection, listing, entry, width)

    def as_text(self) -> str:
        """Write all as Markdown."""
        assert self.inspection is not None
        return "\n\n".join([profile_line(self.inspection), *(p.as_text() for p in self.panes)])
