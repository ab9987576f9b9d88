"""The groups of a run on its page: read in a thread, turned and walked through by keys."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import work

from recsys_core.errors import InputError
from workbench.store.groups import GroupRow
from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.commands import bindings
from workbench.tui.errands import Errand
from workbench.tui.session import Session
from workbench.tui.view.detail import Section
from workbench.tui.view.groups import Groups, groups_section, read_groups
from workbench.tui.view.table import Cell
from workbench.tui.widgets.sections import SectionView


class GroupsView(SectionView, can_focus=True, inherit_bindings=False):
    """A section with a cursor; it takes no room for a run that was not judged."""

    BINDINGS: ClassVar = bindings("groups")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        #: what is asked for: a run, what it is held against, cells
        self._about: tuple[RunSummary, RunSummary | None] | None = None
        self._cells = 0
        self._attribute = self._metric = self._cursor = 0
        self._groups: Groups | None = None
        self._reading = False

    @property
    def _session(self) -> Session:
        app = self.app
        assert isinstance(app, Session)
        return app

    @property
    def why_nothing(self) -> str:
        """Why there are no groups to go through; empty where there are some."""
        if self._groups is not None:
            return ""
        return "this run has no groups to show"

    @property
    def is_reading(self) -> bool:
        """Whether they are being read."""
        return self._reading

    @property
    def chosen(self) -> GroupRow | None:
        """The group under the cursor."""
        rows = self._groups.matrix.rows if self._groups else ()
        return rows[self._cursor] if self._cursor < len(rows) else None

    def about(self, run: RunSummary, baseline: RunSummary | None, cells: int) -> None:
        """Show another run, or the same on so many cells."""
        about = (
            (run, baseline if baseline and _judged(baseline) else None) if _judged(run) else None
        )
        self._cells = cells
        if about == self._about:
            self._redraw()
            return
        self._about, self._groups, self._cursor = about, None, 0
        if about is None:
            self._reading = False
            self._say(None)
        else:
            self._ask()

    def _ask(self) -> None:
        if self._groups is None:
            self._say(Section("Groups", ((Cell("reading …", "muted"),),)))
        self._reading = True
        self._read()

    @work(group="groups", exclusive=True)
    async def _read(self) -> None:
        """Read off the thread that answers keys; what was asked for last is shown."""
        if self._about is None:
            return
        app, (run, baseline), attribute = self._session, self._about, self._attribute
        try:
            found = await asyncio.to_thread(
                read_groups, app.group_reader, app.data_dir, run, baseline, attribute
            )
        except InputError as error:
            self._groups, self._reading = None, False
            lines = plain(error.problem), plain(error.remedy)
            self._say(Section("Groups", tuple((Cell(line, "muted"),) for line in lines if line)))
            return
        self._groups, self._reading = found, False
        self._cursor = min(self._cursor, len(found.matrix.rows) - 1)
        self._redraw()

    def _redraw(self) -> None:
        if self._groups is not None:
            self._say(
                groups_section(
                    self._groups, self._metric, self._cursor, self._cells, focused=self.has_focus
                )
            )

    def _say(self, section: Section | None) -> None:
        self.show(section)
        if section is None:  # nothing that could be copied
            self.section = None

    def watch_has_focus(self, value: bool) -> None:
        """Draw the cursor, or take it away."""
        super().watch_has_focus(value)
        self._redraw()

    def turn(self, by: int) -> None:
        """Go on to the next attribute."""
        if self._groups is not None:
            self._attribute = (self._attribute + by) % len(self._groups.attributes)
            self._cursor = 0
            self._ask()

    def turn_metric(self) -> None:
        """Go on to the next metric."""
        self._metric += 1
        self._redraw()

    # Commands

    def action_move(self, by: int) -> None:
        """Go to a neighbour."""
        if self._groups is not None:
            last = len(self._groups.matrix.rows) - 1
            self._cursor = max(0, min(last, self._cursor + by))
            self._redraw()
            self._keep_in_sight()

    def _keep_in_sight(self) -> None:
        """Scroll the page so that the cursor's line is on it."""
        line = self.content_region.y + 3 + self._cursor
        page = self.screen.query_one("#scroll")
        above = page.content_region.y - line
        below = line - page.content_region.bottom + 1
        if above > 0 or below > 0:
            page.scroll_relative(y=-above if above > 0 else below, animate=False)

    def action_leave(self) -> None:
        """Give the keys back to the page."""
        self.screen.set_focus(None)

    def action_users(self) -> None:
        """Go to the group's users, those first for whom the run is worst."""
        row, groups = self.chosen, self._groups
        if row is None or groups is None:
            return
        why = _why_no_users(groups, row)
        if why:
            self.notify(why, severity="warning", markup=False)
            return
        metric = groups.matrix.metrics[self._metric % len(groups.matrix.metrics)]
        order = f" worst={metric}" if groups.run.stage != "ranking" else ""
        pair = (groups.run, groups.baseline) if groups.baseline else (groups.run,)
        runs = tuple(run.run_id for run in pair)  # of the first one the users are the worst
        question = f"{row.group.search}{order}"
        self._session.visit("users", Errand(groups.run.dataset, question, runs=runs))


def _judged(run: RunSummary) -> bool:
    return run.state == "succeeded" and not run.refit_of and bool(run.metrics)


def _why_no_users(groups: Groups, row: GroupRow) -> str:
    """Say why a group's users cannot be listed; empty: they can."""
    if row.group.search:
        return ""
    name, group = plain(groups.matrix.attribute.name), plain(row.group.name)
    if groups.matrix.attribute.side == "item":
        return f"{name} divides items: '{group}' is not a group of users to list."
    return f"No search finds '{group}' of {name}."
