"""Data: the sets that are here or can be had, what one is like, protocols, feature schemas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from textual import events, work
from textual.containers import Container, Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from workbench.store.text import plain, plain_lines
from workbench.tui.catalogue import open_catalogue
from workbench.tui.commands import bindings
from workbench.tui.data_work import DataWork, Raw
from workbench.tui.errands import Errand
from workbench.tui.screens.base import FullScreen
from workbench.tui.view.data import DataSet, facts_section, list_table
from workbench.tui.view.subject import dataset_names
from workbench.tui.widgets.activity import Activity
from workbench.tui.widgets.data_parts import Facts, Features, Protocols
from workbench.tui.widgets.data_plots import DataPlots
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.parts import PartLine

#: cells and lines from which all parts are shown at once
WIDE = (150, 40)
#: lines from which facts and plots stand below each other
TALL = 36
PARTS = ("facts", "plots", "protocols", "features")
#: a cursor that rests so long (seconds) is followed
_REST = 0.12
#: the folder is looked at this often (seconds)
_LOOK = 2.0


class DataScreen(FullScreen):
    """A list of data sets; one of them in four parts; what is under way."""

    CSS_PATH = "data.tcss"
    BINDINGS: ClassVar = bindings("data")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-roomy")]  # noqa: RUF012 - Textual's form

    def __init__(self) -> None:
        super().__init__()
        #: what `data list` says
        self.sets: list[DataSet] = []
        #: fingerprint -> what `data describe` says
        self._about: dict[str, Mapping[str, Any]] = {}
        self._part = PARTS[0]
        self._shown: DataSet | None = None
        self._protocol = ""
        self._typed = Raw()
        self._woken = asyncio.Event()
        self.activity = Activity()

    def body(self) -> Iterable[Widget]:
        """Make the list, the four parts, and the place for what is under way."""
        with Horizontal(id="work"):
            with Vertical(id="left"):
                yield Grid(id="sets", sortable=False)
                yield Static(_LEGEND, id="legend", markup=False)
            with Vertical(id="one"):
                yield PartLine()
                with Container(id="parts"):
                    yield Facts()
                    yield DataPlots()
                    yield Protocols()
                    yield Features()
                yield self.activity

    @property
    def grid(self) -> Grid:
        """The list of data sets."""
        return self.query_one("#sets", Grid)

    @property
    def chosen(self) -> DataSet | None:
        """The set under the cursor."""
        key = self.grid.cursor_key
        return next((each for each in self.sets if each.name == key), None)

    @property
    def asks(self) -> DataWork:
        """Runs commands on the data folder."""
        return DataWork(self.workbench.data_dir, self.workbench.now)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that there are to choose from; one, when all are in sight."""
        if self.has_class("-wide"):
            return PARTS[:1]
        return tuple(part for part in PARTS if part != "plots" or not self.has_class("-tall"))

    # Reading

    def on_mount(self) -> None:
        """Read the list and the catalogue, and follow the folder."""
        self.title_line.what = "reading the data folder …"
        self.title_line.remark = plain(str(self.workbench.data_dir.absolute()))
        self._open_catalogue()
        self._follow()
        self.grid.focus()

    def on_screen_resume(self) -> None:
        """See at once what has changed meanwhile."""
        self._woken.set()

    @work(group="look")
    async def _follow(self) -> None:
        """Read the list again when the folder has changed, off the thread that answers keys."""
        seen: object = None
        while True:
            found = await asyncio.to_thread(_signature, self.workbench.data_dir)
            if found != seen and self.is_current:
                await self._read_list()
                seen = found
            self._woken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), _LOOK)

    async def _read_list(self, go_to: str = "") -> None:
        first = not self.sets
        try:
            self.sets = await self.asks.list()
        except InputError as error:
            self.activity.complain("the data folder cannot be read", error)
            return
        names = dataset_names(self.workbench.runs, self.workbench.data_dir) if first else []
        self._show_list()
        self._go_to(go_to or (names[0] if names else ""))

    def _go_to(self, name: str) -> None:
        if name in self.grid.table.keys:
            self.grid.cursor_row = self.grid.table.keys.index(name)

    @work(group="catalogue")
    async def _open_catalogue(self) -> None:
        protocols = self.query_one(Protocols)

        def say(text: str) -> None:
            for place in self.query(".instead").results(Static):
                place.update(plain(text))

        try:
            catalogue = await open_catalogue(say)
        except InputError as error:
            say(str(error))
            return
        protocols.open(catalogue.protocols)
        self.query_one(Features).open(catalogue.features)
        self._show_set()

    @work(group="describe", exclusive=True)
    async def _describe(self, each: DataSet) -> None:
        """Ask for the figures of a set; the person may be on the next one before they come."""
        await asyncio.sleep(_REST)
        try:
            self._about[each.fingerprint or ""] = await self.asks.describe(each.name)
        except InputError as error:
            self._show_plots(plain_lines(str(error)))
            return
        self._show_set()

    # Drawing

    def on_resize(self, event: events.Resize) -> None:
        """Choose what is in sight, and fit it."""
        super().on_resize(event)
        width, height = event.size
        wide = width >= WIDE[0] and height >= WIDE[1]
        self.set_class(wide, "-wide")
        self.set_class(height >= TALL and not wide, "-tall")
        self._choose(self._part)
        self.call_after_refresh(self._show_all)

    def _show_all(self) -> None:
        self._show_list()
        self._show_set()
        self.activity.draw()

    def _choose(self, part: str) -> None:
        """Bring a part in sight."""
        self._part = part if part in self.parts else self.parts[0]
        for each in PARTS:  # not by classes: these would style all widgets anew
            self.query_one(f"#{each}").display = self._in_sight(each)
        self.query_one(PartLine).show(self.parts, self._part)
        self.refresh_bindings()

    def _show_list(self) -> None:
        if not self.sets:
            return
        self.grid.show(list_table(self.sets, self.activity.work, self.grid.size.width))
        here = sum(each.here for each in self.sets)
        self.title_line.what = f"{len(self.sets)} data sets, {here} here"

    def _show_set(self) -> None:
        """Draw what is known of the set under the cursor."""
        each = self._shown = self.chosen
        if each is None:
            return
        about = self._about.get(each.fingerprint or "")
        runs = sum(run.dataset == each.name for run in self.workbench.runs)
        self.query_one(Facts).show(each, about, runs)
        if about is None:
            reading = f"reading {each.interactions or 0:,} ratings …"
            self._show_plots(reading if each.here else "its plots appear here once it is fetched")
        else:
            self.query_one(DataPlots).show(about, "")
        self.query_one(Protocols).show(timed=about is None or about["timed"])
        self.query_one(Features).show(each, self.query_one(Protocols).protocol)
        self.refresh_bindings()

    def _show_plots(self, instead: str) -> None:
        self.query_one(DataPlots).show(None, instead)

    # Events

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Follow the cursor: another set, or another protocol."""
        each, protocols = self.chosen, self.query_one(Protocols)
        if each is not None and each != self._shown:
            self.query_one(Facts).scroll_home(animate=False)
            self._show_set()
            self.workers.cancel_group(self, "describe")
            if each.here and each.fingerprint not in self._about:
                self._describe(each)
        elif each is not None and protocols.protocol != self._protocol:
            self._protocol = protocols.protocol
            protocols.describe()
            self.query_one(Features).show(each, self._protocol)

    def on_grid_opened(self, _event: Grid.Opened) -> None:
        """Look into the set that was clicked twice."""
        self.action_open()

    def on_part_line_chosen(self, event: PartLine.Chosen) -> None:
        """Show the part that was clicked."""
        self._choose(event.part)

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Name other commands."""
        self.refresh_bindings()

    def on_activity_changed(self) -> None:
        """Show how far it is in the list, too."""
        self._show_list()
        self.refresh_bindings()

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

    def _in_sight(self, part: str) -> bool:
        below = part == "plots" and self._part == "facts" and self.has_class("-tall")
        return self.has_class("-wide") or self._part == part or below

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


def _signature(data_dir: Path) -> object:
    """Tell one state of the folder from another by names and times."""
    found = [(path.parent.name, path.stat().st_mtime_ns) for path in data_dir.glob("*/meta.json")]
    return sorted(found)


_LEGEND = "✔ here       ◦ built in\n↓ to fetch   ✖ damaged"
_INSTEAD = "i imports a copy that you have; f tries again; Esc closes this"
_MEND = "i returns to the form; Esc closes this"
_OTHER = "n shows another schema; Esc closes this"
