"""Items: the catalogue by popularity, who recommends an item, and what models find like it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import events, on, work
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from recsys_core.errors import InputError
from recsys_core.processes import python_command
from recsys_core.reading import shorten
from recsys_core.values import counted
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.store.users import Browse
from workbench.store.users_items import ItemFacts, read_item
from workbench.tui.commands import bindings
from workbench.tui.errands import Errand
from workbench.tui.processes import run_process
from workbench.tui.screens.divided import Line
from workbench.tui.screens.subject import SubjectScreen, line_right_of
from workbench.tui.view.items import Alike, alike_table, catalogue_table, item_section
from workbench.tui.view.subject import apart, best_first, chips
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import Entry, Title
from workbench.tui.widgets.sections import SectionView

#: cells from which catalogue and item stand side by side
WIDE = 120
#: lines from which blank ones set an item's parts apart
_TALL = 16
#: characters of what a model says instead
_PROBLEM = 120
#: similar items of each model that is asked
_LENGTH = 20
#: a cursor that rests so long (seconds) is followed
_REST = 0.08


class ItemsScreen(SubjectScreen):
    """The catalogue; one item."""

    CSS_PATH = "items.tcss"
    BINDINGS: ClassVar = bindings("items")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's form

    LINES = (line_right_of("#catalogue"),)

    search: reactive[str] = reactive("", init=False)

    def __init__(self) -> None:
        super().__init__()
        self._found: list[int] = []
        self._alike: list[Alike] = []
        #: (run, item) -> what it finds; asking takes seconds
        self._known: dict[tuple[str, int], Alike] = {}
        #: the item and the run that is being asked about it
        self._asked: tuple[int, RunSummary] | None = None

    def body(self) -> Iterable[Widget]:
        """Make the catalogue and the item."""
        with Horizontal(id="work"):
            with Vertical(id="catalogue"):
                yield Grid(id="items", sortable=False)
            with Vertical(id="one"):
                yield SectionView(id="about")
                yield Title("Enter asks the models for similar items.", id="title")
                yield Static(id="problems", markup=False)
                yield Grid(id="similar", sortable=False)
        yield Static(_NOTHING, id="nothing", markup=False)

    @property
    def catalogue(self) -> Grid:
        """The list of items."""
        return self.query_one("#items", Grid)

    @property
    def similar(self) -> Grid:
        """What models find like the item."""
        return self.query_one("#similar", Grid)

    @property
    def item(self) -> int | None:
        """The item under the cursor of the catalogue."""
        key = self.catalogue.cursor_key
        return int(key) if key else None

    def on_mount(self) -> None:
        """Show the items of the newest result's data set."""
        names = self.names()
        errand = self.workbench.errands.get("items")
        wanted = errand.dataset if errand is not None else ""
        self._open_data(wanted or (names[0] if names else ""))
        self.catalogue.focus()

    def on_screen_resume(self) -> None:
        """Do what another screen asked for; take new results in."""
        errand = self.workbench.errands.pop("items", None)
        if errand is not None:
            if errand.dataset != self._dataset:
                self._open_data(errand.dataset)
            self._go_to(self.browse.find_item(errand.item_id))
        elif self._browse is None:
            names = self.names()
            self._open_data(names[0] if names else "")
        if self._browse is not None and self.take_choice():
            self._show_runs()

    def runs_changed(self) -> None:
        """Show other runs."""
        self.take_choice()
        self._show_runs()

    def _show_runs(self) -> None:
        self._show()
        if self.item is not None:
            self._describe(self.item)

    def on_resize(self, event: events.Resize) -> None:
        """Fit the tables to the new size."""
        super().on_resize(event)
        self.call_after_refresh(self._show)

    def watch_zoomed(self) -> None:
        """Fit the tables to the new width."""
        self.call_after_refresh(self._show)

    def _open_data(self, name: str) -> None:
        # the file is closed when no thread reads it any more, by losing its last reference
        self._browse, self._dataset, self._alike = None, name, []
        self.workers.cancel_group(self, "ask")  # about an item of the set before
        self.set_class(not name, "-nothing")
        if name:
            try:
                self._browse = Browse(self.workbench.data_dir, name)
            except InputError as error:
                self.add_class("-nothing")
                self.query_one("#nothing", Static).update(plain_lines(str(error)))
                return
            self.take_choice()
            self._find()

    def usual(self, line: Line) -> int:
        """Return the cells of the catalogue: half of them."""
        return self.size.width // 2

    def moved(self) -> None:
        """Fit catalogue and item."""
        self._show_runs()

    def watch_search(self) -> None:
        """Search while the person types."""
        self._find()

    def _find(self) -> None:
        if self._browse is not None:
            self._found = self.browse.search_items(self.search)
            self._show()

    def _go_to(self, item: int) -> None:
        """Put the cursor on an item; a search that hides it ends."""
        if item not in self._found:
            self.query("#find").remove()
            self.search = ""
        self.catalogue.cursor_row = self._found.index(item)
        self.catalogue.focus()

    def _show(self) -> None:
        if self._browse is None:
            return
        # not the width of the widget: where the layout has just changed, it has still the old one
        beside = self.has_class("-wide") and not self.zoomed
        self.divide()
        width = self.left_width if beside else self.size.width
        self.catalogue.show(catalogue_table(self.browse, self._found, width - 1))
        self.similar.show(alike_table(self.browse, self._alike, self.similar.size.width))
        synthetic = " (synthetic)" if self.browse.synthetic else ""
        self.title_line.what = (
            f"{counted(len(self._found), 'item')}  {plain(self._dataset)}{synthetic}"
        )
        find = f"find: {plain(self.search)}" if self.search else ""
        self.title_line.remark = "  ".join(filter(None, (find, chips(self.chosen))))
        self.refresh_bindings()

    @on(Grid.Moved, "#items")
    def _on_item(self) -> None:
        """Describe the item the cursor came to."""
        if self.item is not None and self._browse is not None:
            self._describe(self.item)

    @work(group="describe", exclusive=True)
    async def _describe(self, item: int) -> None:
        await asyncio.sleep(_REST)
        names = apart(self.chosen)
        runs = [Run(run.folder) for run in self.chosen if run.stage != "ranking"]
        try:
            facts = await asyncio.to_thread(_read, self.browse, item, runs)
        except InputError as error:
            self.notify(plain_lines(str(error)), severity="error", markup=False)
            return
        if not self.query("#about"):  # the session has ended meanwhile
            return
        about = self.query_one("#about", SectionView)
        one = self.query_one("#one").size
        facts = replace(
            facts,
            exposures=tuple(
                replace(one, label=names[run.run_id])
                for one, run in zip(facts.exposures, runs, strict=True)
            ),
        )
        about.show(item_section(self.browse, facts, one.width, tall=one.height >= _TALL))
        known = [found for run in runs if (found := self._known_of(run.run_id, item)) is not None]
        self._show_alike(item, known)

    def _known_of(self, run_id: str, item: int) -> Alike | None:
        """Look up what a run finds, under the name that it has among those shown."""
        found = self._known.get((run_id, item))
        name = apart(self.chosen).get(run_id)
        return replace(found, label=name) if found is not None and name else found

    def _show_alike(self, item: int, lists: list[Alike]) -> None:
        """Show what was found like the item so far."""
        self._alike = [one for one in lists if one.items]
        text = f"like {plain(self.browse.item(item).name)}" if lists else _HOW
        asked = self._asked[1] if self._asked is not None and self._asked[0] == item else None
        if asked is not None:
            text = f"asking {plain(asked.label)} …"
        problems = [f"{plain(one.label)}: {plain(one.problem)}" for one in lists if one.problem]
        if problems and asked is None and not self._alike:
            problems.append(_OTHERS)
        self.query_one("#title", Static).update(text)
        self.query_one("#problems", Static).update("\n".join(problems))
        self.query_one("#problems").display = bool(problems)
        self.set_class(bool(lists) or asked is not None, "-alike")
        self.call_after_refresh(self._draw_alike)

    def _draw_alike(self) -> None:
        if self._browse is not None:
            self.similar.show(alike_table(self.browse, self._alike, self.similar.size.width))

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Search."""
        self.search = event.value

    def on_input_submitted(self, _event: Entry.Submitted) -> None:
        """Go to what was found."""
        self.query("#find").remove()
        self.catalogue.focus()

    # Commands

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell which commands have a use now."""
        if action in ("similar", "fans"):
            return self._browse is not None and self.item is not None
        if action == "runs":
            return len(self._available) > 1
        if action == "data":
            return len(self.names()) > 1
        return True

    async def action_find(self) -> None:
        """Open the search line, or go to it."""
        if not self.query("#find"):
            field = Entry(self.search, placeholder="words of the title, or an id", id="find")
            field.border_title = "find items"
            await self.query_one("#catalogue").mount(field, before="#items")
        self.query_one("#find", Entry).focus()

    def action_similar(self) -> None:
        """Ask the models; from the similar items go to the one under the cursor."""
        if self.focused is self.similar and self.similar.table.keys:
            place = max(0, (self.similar.cursor_column - 1) // 2)
            items = self._alike[min(place, len(self._alike) - 1)].items
            if self.similar.cursor_row < len(items):
                self._go_to(items[self.similar.cursor_row][0])
        elif self.item is not None and (self._asked is None or self._asked[0] != self.item):
            self._ask(self.item)

    @work(group="ask", exclusive=True)
    async def _ask(self, item: int) -> None:
        """Run the headless command once per model: this process loads none."""
        runs = [run for run in self.chosen if run.stage == "recall"]
        own = (run for run in best_first(self._available) if run.origin == "own")
        runs = runs or [run for run in own if run.stage == "recall"][:1]
        lists: list[Alike] = []
        for run in runs:
            found = self._known_of(run.run_id, item)
            if found is None:
                self._asked = asked = (item, run)
                self._show_asked(item, lists)
                try:
                    found = await self._answer(run, item)
                finally:
                    if self._asked is asked:  # no other question has taken its place
                        self._asked = None
            lists.append(found)
            self._show_asked(item, lists)

    def _show_asked(self, item: int, lists: list[Alike]) -> None:
        if self.item == item:
            self._show_alike(item, lists)

    async def _answer(self, run: RunSummary, item: int) -> Alike:
        if run.origin == "external":
            return Alike(run.label, problem=_SCORES_ONLY)
        app, item_id = self.workbench, self.browse.item(item).item_id
        folders = ["--runs-dir", str(app.runs_dir), "--data-dir", str(app.data_dir)]
        line = python_command("-m", "workbench", *folders, "similar", "--run", str(run.folder))
        done = await run_process([*line, "--k", str(_LENGTH), "--json", "--", item_id])
        try:
            found = done.answer()["runs"][0]["items"]
            pairs = [(self.browse.find_item(each["item_id"]), each["score"]) for each in found]
            alike = Alike(run.label, tuple(pairs))
        except InputError as error:
            problem = error.problem.removeprefix(f"run {run.run_id}: ")
            alike = Alike(run.label, problem=shorten(problem, _PROBLEM))
        if done.code >= 0:  # who was killed may be asked again
            self._known[run.run_id, item] = alike
        return alike

    def action_fans(self) -> None:
        """Show who likes the item."""
        if self.item is not None:
            item_id = self.browse.item(self.item).item_id
            self.workbench.visit("users", Errand(self._dataset, question=f"liked={item_id}"))

    def action_runs(self) -> None:
        """Ask which runs are shown."""
        self.ask_runs()

    def action_data(self) -> None:
        """Go to the next data set."""
        names = self.names()
        place = names.index(self._dataset) + 1 if self._dataset in names else 0
        self._open_data(names[place % len(names)])

    def action_clear(self) -> None:
        """Go back to all parts, to the catalogue; then end the search."""
        if self.unzoom():
            return
        if self.focused is self.similar:
            self.catalogue.focus()
            return
        self.query("#find").remove()
        self.search = ""
        self.catalogue.focus()


def _read(browse: Browse, item: int, runs: list[Run]) -> ItemFacts:
    """Read in another thread, over a connection of its own."""
    with browse.again() as own:
        return read_item(own, item, runs)


_SCORES_ONLY = "its scores come from a file, so there is no model to ask"
_OTHERS = "r shows other runs."
_HOW = "Enter asks the models for similar items; w lists who likes it."
_NOTHING = "No data set here yet. 5 goes to Data: f there makes the built-in sample."
