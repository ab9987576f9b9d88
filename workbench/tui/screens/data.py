"""Data: the sets that are here or can be had, what one is like, protocols, feature schemas."""

from __future__ import annotations

from typing import ClassVar

from workbench.tui.commands import bindings
from workbench.tui.errands import Errand
from workbench.tui.screens.data_shown import DataShown
from workbench.tui.view.data import facts_section
from workbench.tui.view.import_form import Raw
from workbench.tui.widgets.data_parts import Facts, Features, Protocols
from workbench.tui.widgets.grid import Grid


class DataScreen(DataShown):
    """The data sets, with what keys do."""

    CSS_PATH = "data.tcss"
    BINDINGS: ClassVar = bindings("data")

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Look into the set that was clicked twice."""
        self.action_open()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if not self.is_mounted:
            return True
        each, busy = self.chosen, self.activity.busy
        if action == "clear":
            at_list = self.focused is self.grid and not self.zoomed
            return busy or self.activity.trouble is not None or not at_list
        if action == "part":
            return len(self.parts) > 1
        if action in ("resize", "resize_rows"):
            return self.can_move(action)
        if action == "schema":
            return self._in_sight("features") and len(self.query_one(Features).names) > 1
        if action == "import":
            return not busy
        if each is None:
            return False
        if action == "fetch":
            return not busy and each.fetchable
        if action == "measure":
            return not busy and each.here and bool(self.query_one(Features).names)
        return each.here if action in ("train", "users") else True

    def awaits(self, action: str) -> str:
        """Say what a command needs and is still being read."""
        if not self.listed and action != "schema":
            return "the data folder is"
        of_schemas = not self.catalogued and action in ("schema", "measure")
        return "the schemas are" if of_schemas and not self.activity.busy else ""

    def action_open(self) -> None:
        """Go to the part in sight; Tab goes on from there."""
        places = {
            "protocols": self.query_one(Protocols).grid,
            "features": self.query_one(Features).grid,
        }
        places.get(self._part, self.query_one(Facts)).focus()

    def action_part(self, by: int) -> None:
        """Show another part; the focus stays in the list."""
        self._choose(self.parts[(self.parts.index(self._part) + by) % len(self.parts)])
        self.grid.focus()

    def action_fetch(self) -> None:
        """Download the set under the cursor."""
        each = self.chosen
        if each is None:
            return

        async def fetch() -> str:
            name = await self.asks.fetch(each, self.activity.progress)
            await self._read_list()
            return f"{name} is here."

        self.activity.start(f"{each.name} is not here", fetch, _INSTEAD)

    def action_import(self) -> None:
        """Ask what is to be imported."""
        from workbench.tui.screens.data_import import ImportScreen

        self.app.push_screen(ImportScreen(self._typed), self._import)

    def _import(self, raw: Raw | None) -> None:
        if raw is None:
            return
        self._typed = raw

        async def bring() -> str:
            name = await self.asks.import_raw(raw, self.activity.progress)
            self._typed = Raw()
            await self._read_list(name)
            return f"{name} is here."

        self.activity.start("nothing was imported", bring, _MEND)

    def action_schema(self, by: int) -> None:
        """Show another feature schema."""
        self.query_one(Features).turn(by)
        self._show_set()

    def action_measure(self) -> None:
        """Measure the features of the schema in sight."""
        each, features = self.chosen, self.query_one(Features)
        if each is None:
            return
        self._choose("features")
        schema, protocol = features.schema, self.query_one(Protocols).protocol

        async def measure() -> str:
            facts = await self.asks.measure(each.name, schema, protocol, self.activity.progress)
            features.keep(each, schema, protocol, facts)
            return f"{schema} is measured on {each.name}."

        self.activity.start(f"{schema} was not measured", measure, _OTHER)

    def action_train(self) -> None:
        """Open the form for a new job on the set."""
        from workbench.tui.screens.new_job import NewJobScreen

        if self.chosen is not None:
            self.app.push_screen(NewJobScreen(None, self.chosen.name), self._added)

    def _added(self, ids: str | None) -> None:
        if ids:
            self.workbench.chosen = "jobs"

    def action_users(self) -> None:
        """Go to the users of the set."""
        if self.chosen is not None:
            self.workbench.visit("users", Errand(self.chosen.name))

    def action_copy(self) -> None:
        """Copy the facts as text."""
        each = self.chosen
        if each is not None:
            about = self._about.get(each.fingerprint or "")
            self.app.copy_to_clipboard(f"{facts_section(each, about, 0, 100)}\n")
            self.notify("Copied the facts of the data set.", markup=False)

    def action_clear(self) -> None:
        """Cancel what is under way; then close the message; then go back to the list."""
        if self.activity.busy or self.activity.trouble is not None:
            self.activity.dismiss()
        elif not self.unzoom():
            self.grid.focus()
        self.refresh_bindings()


_INSTEAD = "i imports a copy that you have; f tries again; Esc closes this"
_MEND = "i returns to the form; Esc closes this"
_OTHER = "n shows another schema; Esc closes this"
