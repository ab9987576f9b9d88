"""Users: who is there, and one user's history beside what up to three runs recommend."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import events, work
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from recsys_core.processes import python_command
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.store.users import Browse
from workbench.store.users_find import user_metrics
from workbench.store.users_inspect import Inspection
from workbench.tui.commands import bindings
from workbench.tui.errands import Errand
from workbench.tui.processes import run_process
from workbench.tui.screens.subject import SubjectScreen
from workbench.tui.view.subject import chips, read_lists, read_reasons
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.people import People
from workbench.tui.widgets.person import MOST_LISTS, PANE, Person

#: cells from which the list of users stays beside the user
WIDE = 150
#: cells of that list, from so many cells of the screen on more; its left edge
_PEOPLE, _ROOMY, _PEOPLE_ROOMY, _EDGE = 44, 180, 60, 1
#: items of a list
LENGTH = 50
#: lines and cells from which reasons and genres have room beside each other
_TALL, _BOTH = 30, 110
#: a cursor that rests so long (seconds) is followed
_REST = 0.08


class UsersScreen(SubjectScreen):
    """A list of users; one of them in full."""

    CSS_PATH = "users.tcss"
    BINDINGS: ClassVar = bindings("users")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's form

    LEFT = "#people"

    first: reactive[int] = reactive(0, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._opening = False
        #: what commands depend on: the data set, and whether any user of it is listed
        self._listed = ("", False)
        #: the list of users
        self.people = People()

    def body(self) -> Iterable[Widget]:
        """Make the list at the left and the user at the right."""
        with Horizontal(id="work"):
            yield self.people
            yield Person()
        yield Static(id="nothing", markup=False)

    # What it is about

    @property
    def runs_shown(self) -> list[Run]:
        """The runs whose lists are shown, in order."""
        return self._turned[: self._lists]

    @property
    def _turned(self) -> list[Run]:
        """The chosen runs, those that were gone past at the end."""
        return [Run(run.folder) for run in self._in_turn]

    @property
    def _in_turn(self) -> list[RunSummary]:
        chosen = self.chosen
        return [chosen[(self.first + place) % len(chosen)] for place in range(len(chosen))]

    @property
    def _lists(self) -> int:
        """How many lists fit beside the history."""
        room = self.size.width - (self.left_width if self.has_class("-wide") else 0)
        return max(1, min(MOST_LISTS, room // PANE - 1))

    def on_mount(self) -> None:
        """Show the users of the newest result's data set, and follow the runs."""
        self.watch(self.app, "runs", self._on_runs, init=False)
        self.watch(self.app, "trouble", self._on_runs, init=False)
        self.watch(self.people, "found", self._say_who, init=False)
        names = self.names()
        self._open_data(names[0] if names else "")
        self.people.grid.focus()

    def watch_zoomed(self) -> None:
        """Fit lists to the room that they have now."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.divide()
        beside = self.has_class("-wide") and not self.zoomed
        self.people.fit((self.left_width if beside else self.size.width) - _EDGE)
        self.call_after_refresh(self._inspect)

    @property
    def usual_width(self) -> int:
        """Cells of the list of users: more where there is room for who they are."""
        return _PEOPLE if self.size.width < _ROOMY else _PEOPLE_ROOMY

    def widths_changed(self) -> None:
        """Fit list and user."""
        self._fit()

    def on_unmount(self) -> None:
        """Close the files."""
        self._close()

    def on_screen_resume(self) -> None:
        """Do what another screen asked for, and show the runs that were chosen there."""
        if self._browse is not None and self.take_choice():
            self._show_runs()
        errand = self.workbench.errands.pop("users", None)
        if errand is None:
            return
        if errand.dataset and errand.dataset != self._dataset:
            self._open_data(errand.dataset)
        self.remove_class("-open")
        self.people.question = errand.question
        self.people.grid.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Fit lists to the new size."""
        super().on_resize(event)
        tall = event.size.height >= _TALL
        self.update_classes({"-tall": tall, "-both": tall and event.size.width >= _BOTH})
        self.call_after_refresh(self._fit)

    def _close(self) -> None:
        self.people.close()
        self._browse = None  # a thread may still read it; closed with the last reference

    def _open_data(self, name: str) -> None:
        """Go to a data set; an empty name: there is none."""
        self._close()
        self._dataset, self.person.inspection = name, None
        self.set_class(not name, "-nothing")
        if not name:
            self.query_one("#nothing", Static).update(_NOTHING)
            return
        try:
            self._browse = Browse(self.workbench.data_dir, name)
        except InputError as error:
            self._say_nothing(error)
            return
        self.first = 0
        self.take_choice()
        self._show_runs()

    def _say_nothing(self, error: InputError) -> None:
        self.add_class("-nothing")
        self.query_one("#nothing", Static).update(plain_lines(str(error)))

    def _on_runs(self) -> None:
        """Take new results in; what is shown stays."""
        if self._browse is None:
            names = self.names()
            if names:
                self._open_data(names[0])
        elif self.others_ended():
            shown = self._choice
            self.take_choice()
            if self._choice.runs != shown.runs:
                self._show_runs()

    def runs_changed(self) -> None:
        """Show other runs, the first of them first."""
        self.first = 0
        self.take_choice()
        self._show_runs()

    def _show_runs(self) -> None:
        """Draw list and user with the runs that are chosen; one that is damaged is left out."""
        for run in self._turned[:2]:
            try:
                user_metrics(run)
            except InputError as error:
                self.tell_damage(error)
                self._damaged.add(run.path.name)
                self.take_choice()
                self._show_runs()
                return
        try:
            self.people.open(self.browse, self._turned)
        except InputError as error:  # the data set is damaged
            self._say_nothing(error)
        else:
            self.remove_class("-nothing")
            self._inspect()

    def _say_who(self) -> None:
        """Say who is listed."""
        people, total = self.people, len(self.browse)
        count = len(people.found.users)
        number = f"{count:,} of {total:,}" if count != total else f"{total:,}"
        synthetic = " (synthetic)" if self.browse.synthetic else ""
        self.title_line.what = f"{number} users  {plain(self._dataset)}{synthetic}"
        find = f"find: {plain(people.answered)}" if people.answered else ""
        of = chips(self._in_turn, people.measured)
        both = f"{find} · {of}" if find and of else find or of
        room = self.title_line.has_room(self.title_line.what, both)
        self.title_line.remark = both if room else find
        listed = self._dataset, bool(count)
        if listed != self._listed:
            self._listed = listed
            self.refresh_bindings()

    # One user

    @property
    def user_open(self) -> bool:
        """Whether a user is shown in full."""
        return self.has_class("-open") or self.has_class("-wide")

    @property
    def person(self) -> Person:
        """The user in full."""
        return self.query_one(Person)

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Follow the cursor: another user, or another item."""
        key = self.people.grid.cursor_key
        shown = None if self.person.inspection is None else str(self.person.inspection.user.number)
        if self.user_open and key is not None and key != shown:
            self._inspect()
        elif self.person.inspection is not None:
            self.person.show_reasons()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Say what the pane that was gone to has under its cursor."""
        if self.person.inspection is not None:
            self.person.show_reasons()
        self.refresh_bindings()

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Open the user that was clicked twice."""
        self.action_open()

    def _inspect(self) -> None:
        """Look at the user under the cursor."""
        key = self.people.grid.cursor_key
        if self.user_open and key is not None and self._browse is not None:
            self._look(int(key))

    @work(group="look", exclusive=True)
    async def _look(self, number: int) -> None:
        """Show lists at once, reasons when they are found."""
        await asyncio.sleep(_REST if self.person.inspection is not None else 0)
        browse, runs = self.browse, self.runs_shown
        try:
            user = browse.user(number)
            seen, problems = await asyncio.to_thread(read_lists, browse, user, runs, LENGTH)
            for problem in problems:
                self.tell_damage(problem)
            self._show(seen)
            self._show(await asyncio.to_thread(read_reasons, seen))
        except InputError as error:
            self.notify(plain_lines(str(error)), severity="error", markup=False)

    def _show(self, inspection: Inspection) -> None:
        if not (self.is_attached and self.app.is_running):
            return  # the session ended while the lists were read
        self.person.show(inspection)
        if self._opening:
            self._opening = False
            self.person.panes[min(1, len(self.person.panes) - 1)].grid.focus()
        self.refresh_bindings()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action == "open" and self.has_class("-open") and not self.has_class("-wide"):
            return False
        if action in ("open", "step"):
            return bool(self.people.found.users)
        if action == "panel" and self.has_class("-both"):
            return False
        if action in ("panel", "copy", "ask"):
            return self.user_open and self.person.inspection is not None
        if action == "own":
            seen = self.person.inspection
            return self.user_open and seen is not None and len(seen.listings) > 1
        if action in ("item", "fans"):
            return self.user_open and self.person.item is not None
        if action == "rotate":
            return len(self._choice.runs) > 1
        if action == "runs":
            return len(self._available) > 1
        if action == "data":
            return len(self.names()) > 1
        return self._browse is not None

    def action_open(self) -> None:
        """Show the user; the focus goes to the first list."""
        self.add_class("-open")
        self._opening = True  # only when the lists are read there is one to go to
        self._inspect()

    async def action_find(self) -> None:
        """Open the search line, or go to it."""
        self.remove_class("-open")
        await self.people.open_find()

    def action_clear(self) -> None:
        """Go back to all parts, to the list; then take the search off."""
        if self.unzoom():
            return
        if self.people.query("#find"):
            self.people.close_find()
        if self.has_class("-open"):
            self.remove_class("-open")
            self.people.grid.focus()
        else:
            self.people.question = ""

    def action_rotate(self, by: int) -> None:
        """Go on to the next run."""
        self.first += by
        self._show_runs()

    def action_runs(self) -> None:
        """Ask which runs are shown."""
        self.ask_runs()

    def action_panel(self) -> None:
        """Change between reasons and genres."""
        self.person.genres = not self.person.genres
        self.person.show_reasons()

    def action_own(self) -> None:
        """Show of each list only what no other has, or all."""
        self.person.own = not self.person.own
        if self.person.inspection is not None:
            self.person.show(self.person.inspection)

    def action_step(self, by: int) -> None:
        """Show a neighbour in the list."""
        self.people.grid.action_move(by)

    def action_item(self) -> None:
        """Go to the item under the cursor."""
        if self.person.item is not None:
            item_id = self.browse.item(self.person.item).item_id
            self.workbench.visit("items", Errand(self._dataset, item_id=item_id))

    def action_fans(self) -> None:
        """List the users who liked the item under the cursor."""
        if self.person.item is not None:
            item_id = self.browse.item(self.person.item).item_id
            self.remove_class("-open")
            self.people.question = f"liked={item_id}"
            self.people.grid.focus()

    def action_data(self) -> None:
        """Go to the next data set."""
        names = self.names()
        place = names.index(self._dataset) + 1 if self._dataset in names else 0
        self.people.set_reactive(People.question, "")
        self.remove_class("-open")
        self._open_data(names[place % len(names)])

    def action_copy(self) -> None:
        """Copy history and lists as Markdown."""
        self.app.copy_to_clipboard(self.person.as_text())
        self.notify("Copied history and lists as Markdown.", markup=False)

    def action_ask(self) -> None:
        """Ask the models of the runs shown."""
        if self.person.inspection is not None:
            self._ask(self.person.inspection)

    @work(group="ask", exclusive=True)
    async def _ask(self, inspection: Inspection) -> None:
        """Run the headless command: this process loads no model."""
        from workbench.tui.view.user_answer import read_answer

        app, user_id = self.workbench, inspection.user.user_id
        self.notify(f"Asking the models for user {plain(user_id)}.", markup=False)
        folders = ["--runs-dir", str(app.runs_dir), "--data-dir", str(app.data_dir)]
        runs = [word for one in inspection.listings for word in ("--run", str(one.run.path))]
        line = python_command("-m", "workbench", *folders, "user", *runs)
        line += ["--k", str(LENGTH), "--recompute", "--json", "--", user_id]
        try:
            lists = read_answer(inspection, (await run_process(line)).answer())
        except InputError as error:
            self.notify(plain(str(error)), severity="error", markup=False)
            return
        shown = self.person.inspection
        if shown is not None and shown.user == inspection.user:  # the person may have gone on
            self._show(replace(inspection, listings=lists, explained=True))


_NOTHING = (
    "No data set here yet.\n\n"
    "5 goes to Data: f there makes the built-in sample or downloads a set, i imports your own."
)
