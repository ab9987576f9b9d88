"""Users: who is there, and one user's history beside what up to three runs recommend."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import work

from recsys_core.errors import InputError
from recsys_core.processes import python_command
from workbench.store.text import plain
from workbench.store.users_inspect import Inspection
from workbench.tui.commands import bindings
from workbench.tui.errands import Errand
from workbench.tui.processes import run_process
from workbench.tui.screens.users_shown import LENGTH, UsersShown
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.people import People


class UsersScreen(UsersShown):
    """A list of users and one of them, with what keys do."""

    CSS_PATH = "users.tcss"
    BINDINGS: ClassVar = bindings("users")

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Open the user that was clicked twice."""
        self.action_open()

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

    def awaits(self, action: str) -> str:
        """Say what a command needs and is still being read."""
        if self.people.searching:
            return "the users are"
        return "the user is" if self._looking and self.user_open else ""

    def action_open(self) -> None:
        """Show the user; the focus goes to the first list."""
        self.open_user()

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
