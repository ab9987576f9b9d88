"""One run in full: result with intervals, settings, data, cost, environment, learning curve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.containers import Container, VerticalScroll
from textual.widget import Widget

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.commands import bindings
from workbench.tui.screens.again import again
from workbench.tui.screens.scrolling import ScrollingScreen
from workbench.tui.view import format as show
from workbench.tui.view.columns import name_of
from workbench.tui.view.detail import Files, Section, curve_section, read_files, sections
from workbench.tui.view.result import Against
from workbench.tui.widgets.groups import GroupsView
from workbench.tui.widgets.sections import SectionView

#: cells from which three columns fit side by side, two with all intervals, two; what the first of
#: them has, as in the style sheet
_WIDTHS = ((180, 96), (140, 86), (100, 66))
#: and where there is no baseline, whose differences take room
_ALONE = 50
_THREE, _ROOMY, _TWO = (width for width, _ in _WIDTHS)
#: the sections of each column; on a narrow screen the columns stand below each other
_RESULT = ("result", "curve")
_MORE = ("parts", "cutoffs")
_ABOUT = (("notes", "settings", "cost"), ("data", "machine", "files"))
#: cells at the sides of a section, and of the scrollbar
_PADDING = 4


class DetailScreen(ScrollingScreen):
    """What is known of one run; follows it while it changes.

    Parameters
    ----------
    order
        Run ids as the table has them: where `n` and `p` go.
    against
        Says what a run is held against.
    """

    CSS_PATH = "detail.tcss"
    AUTO_FOCUS = ""  # keys scroll the page until somebody goes into its groups
    BINDINGS: ClassVar = [*bindings("detail"), *bindings("grouping")]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual's form
        *((0, "-one"), (_TWO, "-two"), (_ROOMY, "-two-roomy"), (_THREE, "-three")),
    ]

    def __init__(
        self,
        run_id: str,
        order: Sequence[str],
        against: Callable[[str], Against] = lambda run_id: Against(),
    ) -> None:
        super().__init__()
        self._run_id = run_id
        self._order = list(order)
        self._against = against
        self._files: Files | None = None
        self._sections: list[Section] = []
        #: the run by groups
        self.groups = GroupsView(id="groups")

    def body(self) -> Iterable[Widget]:
        """Make a place for each section; the curve stands below the result."""
        of_result = (*map(_view, _RESULT), self.groups, *map(_view, _MORE))
        result = Container(*of_result, id="left", classes="column")
        about = [Container(*map(_view, names), classes="column") for names in _ABOUT]
        columns = Container(result, Container(*about, id="right"), id="columns")
        yield VerticalScroll(columns, id="scroll", can_focus=False)

    @property
    def run_shown(self) -> RunSummary | None:
        """The run, as long as its folder is there."""
        return self._find(self._run_id)

    def _find(self, run_id: str | None) -> RunSummary | None:
        return next((run for run in self.workbench.runs if run.run_id == run_id), None)

    def on_mount(self) -> None:
        """Show the run and follow it."""
        self.watch(self.app, "runs", self._on_runs, init=False)

    def on_resize(self, event: events.Resize) -> None:
        """Draw the curve to the new width."""
        super().on_resize(event)
        self._draw()

    def _on_runs(self, before: Sequence[RunSummary], after: Sequence[RunSummary]) -> None:
        """Read the files again when the run itself changed."""
        if self._find_in(before) != self._find_in(after):
            self._files = None
            self._draw()

    def _room_of_result(self, *, alone: bool) -> int:
        width = self.size.width
        left = next((left for least, left in _WIDTHS if width >= least), width)
        self.set_class(alone, "-alone")
        narrow = alone and _TWO <= width < _THREE
        return (_ALONE if narrow else left) - _PADDING

    def follow_tests(self) -> None:
        """Show what has been tested meanwhile."""
        if self.has_parts(SectionView):
            self._draw()

    def _find_in(self, runs: Sequence[RunSummary]) -> RunSummary | None:
        return next((run for run in runs if run.run_id == self._run_id), None)

    def _draw(self) -> None:
        run = self.run_shown
        if run is None:
            self.title_line.what = f"{plain(self._run_id)}: its folder is gone"
            return
        if self._files is None:
            self._files = read_files(run)
        look = show.run_look(run)
        position = f"  {self._order.index(run.run_id) + 1}/{len(self._order)}"
        self.title_line.what = f"{plain(name_of(run))}  {look.glyph} {look.word}"
        self.title_line.remark = f"{plain(run.run_id)}{position}"
        against = self._against(run.run_id)
        room = self._room_of_result(alone=against.comparable(run) is None)
        parts = sections(run, self._files, against, room)
        curve = curve_section(self._files, room - 2)
        self._sections = [*parts.values()]
        self.groups.about(run, against.comparable(run), room)
        for view in self.query(SectionView):
            if view is self.groups:
                continue
            section = curve if view.id == "curve" else parts[view.id or ""]
            view.show(section if section is not None and section.lines else None)

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the neighbours only where there are any, and notes only on what is there."""
        if action == "step":
            return len(self._order) > 1
        if action in ("tag", "note", "again"):
            return self.run_shown is not None
        if action in ("groups", "by", "metric"):
            return not self.groups.why_nothing
        return True

    def awaits(self, action: str) -> str:
        """Say that the groups are still being read."""
        of_groups = action in ("groups", "by", "metric") and self.groups.is_reading
        return "the groups are" if of_groups else ""

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why there are no groups."""
        return self.groups.why_nothing if action in ("groups", "by", "metric") else ""

    def action_back(self) -> None:
        """Return to the table."""
        self.dismiss()

    def action_step(self, by: int) -> None:
        """Open a neighbour in the table; after the last comes the first."""
        position = self._order.index(self._run_id) + by
        self._run_id = self._order[position % len(self._order)]
        self._files = None
        self.scroll.scroll_home(animate=False)
        self._draw()

    def action_again(self) -> None:
        """Open the form for a new job, filled in with the run."""
        run = self.run_shown
        if run is not None:
            again(self.workbench, run)

    def action_groups(self) -> None:
        """Let the keys go through the groups."""
        self.groups.focus()

    def action_by(self, by: int) -> None:
        """Divide by another attribute."""
        self.groups.turn(by)
        self.groups.scroll_visible(animate=False)

    def action_metric(self) -> None:
        """Compare the groups in another metric."""
        self.groups.turn_metric()
        self.groups.scroll_visible(animate=False)

    def action_tag(self) -> None:
        """Ask for the tags of the run."""
        from workbench.tui.screens.annotate import TagsScreen

        run = self.run_shown
        if run is not None:
            self.app.push_screen(TagsScreen([run]))

    def action_note(self) -> None:
        """Ask for the note on the run."""
        from workbench.tui.screens.annotate import NoteScreen

        run = self.run_shown
        if run is not None:
            self.app.push_screen(NoteScreen(run))

    def action_copy(self) -> None:
        """Copy all sections as text."""
        groups = [self.groups.section] if self.groups.section else []
        sections = "\n\n".join(map(str, [*self._sections, *groups]))
        self.app.copy_to_clipboard(f"{sections}\n")
        self.notify("Copied the details of the run.", markup=False)


def _view(name: str) -> SectionView:
    return SectionView(id=name)
