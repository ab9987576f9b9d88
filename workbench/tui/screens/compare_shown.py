"""Compared runs as they are read and drawn; what keys do with them is in `compare`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from textual import events, work
from textual.containers import Container, VerticalScroll
from textual.widget import Widget

from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.tui.screens.scrolling import ScrollingScreen
from workbench.tui.view import runs_words as words
from workbench.tui.view.compare_about import (
    curve_section,
    data_section,
    runs_section,
    settings_section,
)
from workbench.tui.view.compare_groups import (
    READING,
    ComparedGroups,
    compared_groups_section,
    not_compared_section,
    read_compared_groups,
)
from workbench.tui.view.compare_metrics import main_metrics, metric_section, other_sections
from workbench.tui.view.compare_users import Seen, changes_section, changes_table, read_changes
from workbench.tui.view.comparison import NAMES, Comparison, Read
from workbench.tui.view.detail import Section
from workbench.tui.view.fold import Fold
from workbench.tui.view.live import finished_curves
from workbench.tui.view.significance import Pair, PairedTests, compare_pair
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.sections import SectionView

#: cells from which two columns fit, and what the first of them has, as in the style sheet
_WIDTHS = ((164, 106), (140, 80))
_ROOMY, _TWO = (width for width, _ in _WIDTHS)
#: the sections of each column; on a narrow screen the columns stand below each other
_LEFT, _RIGHT, _BELOW = (
    ("compared", "metrics"),
    ("groups", "curve", "settings", "data"),
    ("cutoffs", "stages"),
)
#: cells at the sides of a section, and of the scrollbar
_PADDING = 4


class CompareShown(ScrollingScreen):
    """Rows of Results against one of them.

    Parameters
    ----------
    tests
        Made so far; those that are missing are made here and kept there.
    """

    AUTO_FOCUS = ""  # keys scroll the page, until somebody goes to the users
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual's form
        *((0, "-one"), (_TWO, "-two"), (_ROOMY, "-two-roomy")),
    ]

    def __init__(self, comparison: Comparison, tests: PairedTests) -> None:
        super().__init__()
        self._comparison = comparison
        self._tests = tests
        #: those of the metrics that are seen first, of rows that are not tested in all of them
        self._quick = PairedTests()
        #: what the sections below the columns were drawn from; None: not yet, they are out of sight
        self._drawn_below: tuple[object, ...] | None = None
        self._read: Mapping[str, Read] = {}
        #: whom the users' gains are of, and in what
        self._other = 1
        self._metric = ""
        self._seen: Seen | None = None
        #: place of the attribute that groups are by
        self._by = 0
        self._groups: ComparedGroups | None = None
        #: whether users and groups are being read
        self._looking = self._grouping = False

    def body(self) -> Iterable[Widget]:
        """Make a place for each section, and a table for the users."""
        left = Container(*map(_view, _LEFT), id="left", classes="column")
        users = [_view("changes"), Grid(id="changed", sortable=False)]
        right = Container(*users, *map(_view, _RIGHT), id="right", classes="column")
        below = Container(*map(_view, _BELOW), id="below", classes="column")
        columns = Container(left, right, id="columns")
        yield VerticalScroll(columns, below, id="scroll", can_focus=False)

    @property
    def grid(self) -> Grid:
        """The most changed users."""
        return self.query_one(Grid)

    @property
    def _pair(self) -> tuple[Fold, Fold]:
        return self._comparison.reference, self._comparison.rows[self._other]

    def on_mount(self) -> None:
        """Show what is known at once; tests, files and users follow."""
        self._other = next(iter(self._others()), 1)
        self._draw()
        self._test()
        self._read_files()
        self._look()

    def on_resize(self, event: events.Resize) -> None:
        """Draw to the new width."""
        super().on_resize(event)
        self._draw()

    def follow_tests(self) -> None:
        """Show what Results has tested meanwhile."""
        self._draw_metrics()

    def _others(self) -> list[int]:
        """List the rows whose users can be held against the reference's."""
        rows = enumerate(self._comparison.rows[1:], 1)
        return [place for place, row in rows if self._comparison.holds(row)]

    # Reading, off the thread that answers keys

    @work(group="tests")
    async def _test(self) -> None:
        """Test the rows of the page, what is seen first at first; then the rest of the family."""
        own, family, known = self._comparison.own, self._comparison.family, self._tests.known
        main = main_metrics(self._comparison)
        missing = self._tests.missing(own)

        async def test_main(pair: Pair) -> None:
            self._quick.known[pair] = await asyncio.to_thread(compare_pair, *own[pair], main)

        async def test_rest(pair: Pair) -> None:
            metrics = {name for run in own[pair][0] for name in run.metrics}
            rest = sorted(metrics - set(main))
            found = await asyncio.to_thread(compare_pair, *own[pair], rest) if rest else {}
            known.setdefault(pair, {**self._quick.known[pair], **found})

        await asyncio.gather(*map(test_main, missing))
        self._draw_metrics()
        await self.painted()
        await asyncio.gather(*map(test_rest, missing))
        self._drawn_below = ()
        self._draw_metrics()
        if others := self._tests.missing(family):
            for pair in others:
                known[pair] = await asyncio.to_thread(compare_pair, *family[pair])
            self._draw_metrics()
        self.refresh_bindings()

    @work(group="files")
    async def _read_files(self) -> None:
        self._read = await asyncio.to_thread(_read, self._comparison.runs)
        self._draw_about()
        self._draw_groups()

    def _look(self) -> None:
        """Find the users whose metric changes most, and the groups in this metric."""
        if self._others():
            self._looking = self._grouping = True
            self._find_users()

    @work(group="users", exclusive=True)
    async def _find_users(self) -> None:
        first, second = (Run(row.run.folder) for row in self._pair)
        data_dir = self.workbench.data_dir
        self._seen = await asyncio.to_thread(read_changes, data_dir, first, second, self._metric)
        self._looking = False
        self._draw_users()
        if self.has_parts(Grid):
            self.grid.action_first()
        self._read_groups()

    def _read_groups(self) -> None:
        """Read the groups in the metric of the users; what was asked for last is shown."""
        self._grouping = True
        self._find_groups()

    @work(group="groups", exclusive=True)
    async def _find_groups(self) -> None:
        rows = self._comparison.rows
        held = [row for row in rows[1:] if self._comparison.holds(row)]
        app, runs = self.workbench, [Run(row.run.folder) for row in (rows[0], *held)]
        metric = "" if self._seen is None else self._seen.metric
        self._groups = await asyncio.to_thread(
            read_compared_groups, app.group_reader, app.data_dir, runs, self._by, metric
        )
        self._grouping = False
        self._draw_groups()

    # Drawing

    def _room(self, of: str) -> int:
        width = self.size.width
        left = next((left for least, left in _WIDTHS if width >= least), 0)
        cells = left if of == "left" else width - left if of == "right" else width
        return (cells or width) - _PADDING

    def _draw(self) -> None:
        runs = self._comparison.runs
        self.title_line.what = "  ".join([f"{len(runs)} runs compared", *words.in_common(runs)])
        self._draw_metrics()
        self._draw_about()
        self._draw_users()
        self._draw_groups()

    def _show(self, name: str, section: Section | None) -> None:
        view = self.query_one(f"#{name}", SectionView)
        view.show(section if section is not None and section.lines else None)

    def _draw_metrics(self) -> None:
        if not self.has_parts(Grid):
            return
        comparison, tests = self._comparison, self._tests
        whole = {pair: tests.known[pair] for pair in comparison.own if pair in tests.known}
        tested = comparison.tested(tests)
        first = tested or comparison.tested(self._quick)
        main = self._quick.known | whole
        self._show("metrics", metric_section(comparison, first, main, self._room("left")))
        below = self._room("below")
        drawn = bool(tested), frozenset(whole), below
        if self._drawn_below not in (None, drawn):
            self._drawn_below = drawn
            for name, section in other_sections(comparison, tested, whole, below).items():
                self._show(name, section)

    def _draw_about(self) -> None:
        if not self.has_parts(Grid):
            return
        comparison, read = self._comparison, self._read
        right = self._room("right")
        self._show("compared", runs_section(comparison, read, self._room("left")))
        self._show("settings", settings_section(comparison, right))
        self._show("data", data_section(comparison, read, right))
        self._show("curve", curve_section(comparison, read, right))

    def _draw_users(self) -> None:
        if not self.has_parts(Grid):
            return
        first, second = self._pair
        labels = self._comparison.name(first), self._comparison.name(second)
        able = bool(self._others())
        self._show(
            "changes", changes_section(self._seen, labels, self._room("right")) if able else None
        )
        grid, seen = self.grid, self._seen
        grid.display = seen is not None and bool(seen.keys)
        if seen is not None:
            names = NAMES[0], NAMES[self._other]
            table = changes_table(seen, names, self._room("right"))
            grid.styles.height = len(table.keys) + 1
            grid.show(table)
        self.refresh_bindings()

    def _draw_groups(self) -> None:
        if not self.has_parts(Grid):
            return
        comparison, width = self._comparison, self._room("right")
        if not self._others():
            section = not_compared_section(comparison, self._read, width)
        elif self._groups is None:
            section = READING
        else:
            section = compared_groups_section(self._groups, comparison, width)
        self._show("groups", section)
        self.refresh_bindings()

    # The cursor

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Keep the user under the cursor in sight."""
        if self.grid.has_focus:
            self.call_after_refresh(self._scroll_to_cursor)

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Bring the table into sight."""
        self.call_after_refresh(self._scroll_to_cursor)

    def _scroll_to_cursor(self) -> None:
        scroll, region = self.scroll, self.grid.region
        line = (
            region.y - scroll.content_region.y + round(scroll.scroll_y) + self.grid.cursor_row + 1
        )
        top, height = round(scroll.scroll_y), scroll.size.height
        if not top + 1 < line < top + height - 1:
            scroll.scroll_to(y=line - height // 2, animate=False)


def _view(name: str) -> SectionView:
    return SectionView(id=name)


def _read(runs: Sequence[RunSummary]) -> dict[str, Read]:
    return {run.run_id: Read(_result(run.folder), finished_curves(run)) for run in runs}


def _result(folder: Path) -> Mapping[str, object]:
    try:
        return Run(folder).metrics
    except StoreError:  # what is wrong with it, the list of runs says
        return {}
