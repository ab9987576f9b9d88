"""Users as they are drawn: a list, and one of them; what keys do with them is in `users`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack

from textual import events, work
from textual.containers import Horizontal
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from recsys_core.values import counted
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.store.users import Browse
from workbench.store.users_find import user_metrics
from workbench.store.users_inspect import Inspection
from workbench.tui.screens.divided import Line
from workbench.tui.screens.subject import SubjectScreen, line_right_of
from workbench.tui.view.subject import apart, chips, read_lists, read_reasons
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
#: lines from which what users gain is drawn above their list
_ROOM_FOR_GAINS = 36
#: a cursor that rests so long (seconds) is followed
_REST = 0.08
#: so long (seconds) the screen before stays in sight while the first user is read
_HELD = 0.5


class UsersShown(SubjectScreen):
    """A list of users; one of them in full."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's form

    LINES = (line_right_of("#people"),)

    first: reactive[int] = reactive(0, init=False)

    def __init__(self) -> None:
        super().__init__()
        self._opening = False
        #: whether a user is being read
        self._looking = False
        #: it may be put together before anybody asks for it
        self._begun = False
        #: what holds painting back until there is something to see
        self._held: ExitStack | None = None
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
        """Follow the runs."""
        self.watch(self.app, "runs", self._on_runs, init=False)
        self.watch(self.app, "trouble", self._on_runs, init=False)
        self.watch(self.people, "found", self._say_who, init=False)

    def _begin(self) -> None:
        """Show the users of the newest result's data set."""
        self._begun = True
        names = self.names()
        if names:
            self._held = ExitStack()
            self._held.enter_context(self.app.batch_update())
            self.set_timer(_HELD, self._let_paint)
        self._open_data(names[0] if names else "")
        self.people.grid.focus()

    def _let_paint(self) -> None:
        """Paint from now on: a first user is drawn at once, not first an empty screen."""
        if self._held is not None:
            self._held.close()
            self._held = None
            self.app.screen.refresh()

    def watch_zoomed(self) -> None:
        """Fit lists to the room that they have now."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        self.divide()
        beside = self.has_class("-wide") and not self.zoomed
        width = self.left_width if beside else self.size.width
        self.people.fit(width - _EDGE, roomy=self.size.height >= _ROOM_FOR_GAINS)
        self.call_after_refresh(self._inspect)

    def usual(self, line: Line) -> int:
        """Return the cells of the list of users: more where there is room for who they are."""
        return _PEOPLE if self.size.width < _ROOMY else _PEOPLE_ROOMY

    def moved(self) -> None:
        """Fit list and user."""
        self._fit()

    def on_unmount(self) -> None:
        """Close the files."""
        self._close()

    def on_screen_resume(self) -> None:
        """Do what another screen asked for, and show the runs that were chosen there."""
        if not self._begun:
            self._begin()
        elif self._browse is not None and self.take_choice():
            self._show_runs()
        errand = self.workbench.errands.pop("users", None)
        if errand is None:
            return
        if errand.dataset and errand.dataset != self._dataset:
            self._open_data(errand.dataset)
        if errand.runs and self._browse is not None:
            self.take_runs(errand.runs)
        self.remove_class("-open")
        self.people.ask(errand.question, errand.user)
        self.people.grid.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Fit lists to the new size."""
        super().on_resize(event)
        self.update_classes(self.classes_at(event.size))
        self.call_after_refresh(self._fit)

    def classes_at(self, size: Size) -> dict[str, bool]:
        """Tell what has room beside and below each other."""
        tall = size.height >= _TALL
        both = {"-tall": tall, "-both": tall and size.width >= _BOTH}
        return super().classes_at(size) | both

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
        if not self._begun:
            return
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
            self.people.open(self.browse, self._turned, apart(self._in_turn))
        except InputError as error:  # the data set is damaged
            self._say_nothing(error)
        else:
            self.remove_class("-nothing")
            self._inspect()

    def _say_who(self) -> None:
        """Say who is listed, and open the user who was asked for."""
        people, total = self.people, len(self.browse)
        count = len(people.found.users)
        number = counted(total, "user") if count == total else f"{count:,} of {total:,} users"
        synthetic = " (synthetic)" if self.browse.synthetic else ""
        self.title_line.what = f"{number}  {plain(self._dataset)}{synthetic}"
        find = f"find: {plain(people.answered)}" if people.answered else ""
        of = chips(self._in_turn, people.measured)
        both = f"{find} · {of}" if find and of else find or of
        room = self.title_line.has_room(self.title_line.what, both)
        self.title_line.remark = both if room else find
        if not (count and self.user_open):
            self._let_paint()
        if people.take_wanted():
            self.open_user()
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

    def open_user(self) -> None:
        """Show the user; the focus goes to the first list, when it is read."""
        self.add_class("-open")
        self._opening = True
        self._inspect()
        self.workbench.keep_keys(lambda: not (self._opening and self._looking))

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Follow the cursor: another user, another item, or nobody where none is found."""
        key = self.people.grid.cursor_key
        shown = None if self.person.inspection is None else str(self.person.inspection.user.number)
        self.set_class(key is None, "-nobody")
        if key is None:
            self.workers.cancel_group(self, "look")
            self._looking = False
            self.person.inspection = None
        elif self.user_open and key != shown:
            self._inspect()
        elif self.person.inspection is not None:
            self.person.show_reasons()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Say what the pane has under its cursor, once it is seen that keys go there."""
        self.once_painted(self._follow_focus)

    def _follow_focus(self) -> None:
        if self.person.inspection is not None:
            self.person.show_reasons()
        self.refresh_bindings()

    def _inspect(self) -> None:
        """Look at the user under the cursor."""
        key = self.people.grid.cursor_key
        if self.user_open and key is not None and self._browse is not None:
            self._looking = True
            self._look(int(key))

    @work(group="look", exclusive=True)
    async def _look(self, number: int) -> None:
        """Show lists at once, reasons when they are found."""
        await asyncio.sleep(_REST if self.person.inspection is not None else 0)
        browse, runs = self.browse, self.runs_shown
        try:
            user = browse.user(number)
            seen, problems = await asyncio.to_thread(read_lists, browse, user, runs, LENGTH)
            self._looking = False
            for problem in problems:
                self.tell_damage(problem)
            self._show(seen)
            await self.painted()  # two threads that compute take turns, and the lists come late
            self._show(await asyncio.to_thread(read_reasons, seen))
        except InputError as error:
            self._looking = False
            self.notify(plain_lines(str(error)), severity="error", markup=False)

    def _show(self, inspection: Inspection) -> None:
        if not (self.is_attached and self.app.is_running):
            return  # the session ended while the lists were read
        self.person.show(inspection)
        self._let_paint()
        if self._opening:
            self._opening = False
            self.person.panes[min(1, len(self.person.panes) - 1)].grid.focus()
        self.refresh_bindings()


_NOTHING = (
    "No data set here yet.\n\n"
    "5 goes to Data: f there makes the built-in sample or downloads a set, i imports your own."
)
