"""Data sets as they are drawn: the list, one of them in four parts; `data` has the commands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual import events, work
from textual.containers import Container, Horizontal, Vertical
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from recsys_core.values import counted
from workbench.store.text import plain, plain_lines
from workbench.tui.catalogue import open_catalogue
from workbench.tui.data_work import DataWork
from workbench.tui.screens.divided import DividedScreen, Line
from workbench.tui.view.data import DataSet, list_table
from workbench.tui.view.import_form import Raw
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
#: cells from which there is room beside the list; cells of the list before that, then, and of all
_ROOMY, _LIST = 100, (29, 42, 59)
PARTS = ("facts", "plots", "protocols", "features")
#: a cursor that rests so long (seconds) is followed
_REST = 0.12
#: the folder is looked at this often (seconds)
_LOOK = 2.0


class DataShown(DividedScreen):
    """A list of data sets; one of them in four parts; what is under way."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_ROOMY, "-roomy")]  # noqa: RUF012 - Textual's form

    LINES = (Line("#listed", "right", least=22, beside=38, styled=True),)

    def __init__(self) -> None:
        super().__init__()
        #: what `data list` says
        self.sets: list[DataSet] = []
        #: whether the list, and protocols and schemas, have been read, or cannot be
        self.listed = self.catalogued = False
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
            with Vertical(id="listed"):
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
        finally:
            self.listed = True
        if not self.has_parts(Grid, Facts):  # the session has ended meanwhile
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
        finally:
            self.catalogued = True
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
        if self.has_parts(Grid, Facts):  # else the session has ended meanwhile
            self._show_set()

    # Drawing

    def on_resize(self, event: events.Resize) -> None:
        """Choose what is in sight, and fit it."""
        super().on_resize(event)
        self.update_classes(self.classes_at(event.size))
        self._choose(self._part)
        self.moved()

    def classes_at(self, size: Size) -> dict[str, bool]:
        """Tell what has room beside and below each other."""
        wide = size.width >= WIDE[0] and size.height >= WIDE[1]
        tall = size.height >= TALL and not wide
        return super().classes_at(size) | {"-wide": wide, "-tall": tall}

    def _show_all(self) -> None:
        self._show_list()
        self._show_set()
        self.activity.draw()

    def watch_zoomed(self) -> None:
        """Give the list the whole screen, or only its own cells."""
        self.moved()

    def usual(self, line: Line) -> int:
        """Return the cells of the list: all of its columns where there is room."""
        if self.has_class("-wide"):
            return _LIST[2]
        return _LIST[self.size.width >= _ROOMY]

    def stands(self, line: Line) -> bool:
        """Tell whether the list has something beside it."""
        return not self.zoomed

    def moved(self) -> None:
        """Fit list and parts."""
        self.divide()
        self.call_after_refresh(self._show_all)

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
        self.title_line.what = f"{counted(len(self.sets), 'data set')}, {here} here"

    def _show_set(self) -> None:
        """Draw what is known of the set under the cursor."""
        each = self._shown = self.chosen
        if each is None:
            return
        about = self._about.get(each.fingerprint or "")
        runs = sum(run.dataset == each.name for run in self.workbench.runs)
        self.query_one(Facts).show(each, about, runs)
        if about is None:
            reading = f"reading {each.interactions or 0:,} {each.events_are} …"
            self._show_plots(reading if each.here else "its plots appear here once it is fetched")
        else:
            self.query_one(DataPlots).show(about, "")
        self.query_one(Protocols).show(
            timed=about is None or about["timed"],
            parted=about is None or "part" in about["attributes"].get("event", {}),
        )
        self.query_one(Features).show(each, self.query_one(Protocols).protocol)
        self.refresh_bindings()

    def _show_plots(self, instead: str) -> None:
        self.query_one(DataPlots).show(None, instead)

    def _in_sight(self, part: str) -> bool:
        below = part == "plots" and self._part == "facts" and self.has_class("-tall")
        return self.has_class("-wide") or self._part == part or below

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


def _signature(data_dir: Path) -> object:
    """Tell one state of the folder from another by names and times."""
    found = [(path.parent.name, path.stat().st_mtime_ns) for path in data_dir.glob("*/meta.json")]
    return sorted(found)


_LEGEND = "✔ here       ◦ built in\n↓ to fetch   ✖ damaged"
