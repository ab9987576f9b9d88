"""The list of users: searched while one types, sorted by what the search line says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive

from recsys_core.errors import InputError
from recsys_core.evaluation.names import higher_is_better
from workbench.store.runs import Run
from workbench.store.users import Browse
from workbench.store.users_facets import Facets
from workbench.store.users_find import Found, find_users, user_attributes, user_metrics
from workbench.store.users_gains import gains_of_users
from workbench.store.users_question import ORDERS, Question, parse_question
from workbench.store.users_question import WORDS as QUESTION_WORDS
from workbench.tui.view.gains import count_gains, gain_columns, gain_section
from workbench.tui.view.users import UserList
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.lines import Entry
from workbench.tui.widgets.search import Problem, SearchLine, beginning
from workbench.tui.widgets.sections import SectionView

_EXAMPLE = "id   age=25   genre=Horror   min-history=50   worst=ndcg@10   gain=ndcg@10"


#: cells at the sides of what stands above the list
_SIDES = 2
#: titles that are offered for what was typed of one
_TITLES = 20


class People(Vertical):
    """The users that pass the question."""

    question: reactive[str] = reactive("", init=False, repaint=False)
    #: drawn, and told to who watches it, before the screen is painted
    found: reactive[Found] = reactive(Found(), init=False, repaint=False, always_update=True)

    def __init__(self) -> None:
        super().__init__(id="people", classes="part")
        self._browse: Browse | None = None
        self._runs: Sequence[Run] = ()
        self._names: Mapping[str, str] = {}
        self._list: UserList | None = None
        self._asked = Question()
        #: the question whose answer is listed; what is typed may be another, and wrong
        self.answered = ""
        self._facets = Facets()
        self._attributes: list[str] = []
        self._metrics: list[str] = []
        self._width = 0
        #: whether there is room for a histogram above the list
        self._roomy = False
        self._gains: Sequence[float] = ()
        #: the question that was refused last, and why
        self._refused = ("", "")
        #: the user to go to when the question is answered
        self._wanted: int | None = None
        #: whether the users are being looked for
        self.searching = False

    def compose(self) -> ComposeResult:
        """Make the table; the search line comes when it is asked for."""
        yield Problem()
        yield SectionView(id="gains")
        yield Grid(id="users")

    @property
    def grid(self) -> Grid:
        """The table."""
        return self.query_one(Grid)

    # What it is about

    @property
    def measured(self) -> list[str]:
        """What the list has of each run: the metric of the first, the gain of the second."""
        if self._list is None or not self._list.metric:
            return []
        return [self._list.metric, "gain over it"][: len(self._list.runs)]

    def close(self) -> None:
        """Let go of the files: they are closed when no thread and no table reads them any more."""
        self._list = self._browse = None
        self.set_reactive(People.found, Found())

    def open(self, browse: Browse, runs: Sequence[Run], names: Mapping[str, str]) -> None:
        """List the users of a data set; the first two runs give metric and gain.

        Parameters
        ----------
        names
            What the runs are called, by run id.
        """
        self._names = names
        if browse is not self._browse:
            self._attributes = user_attributes(browse)
            self._facets = Facets()
        self._browse, self._runs = browse, runs[:2]
        self._metrics = user_metrics(runs[0]) if runs else []
        metric = self._metrics[0] if self._metrics else ""
        metric = "ndcg@10" if "ndcg@10" in self._metrics else metric
        both = [run for run in self._runs if metric in (user_metrics(run) if metric else [])]
        self._list = UserList(browse, both, metric)
        self._gains = ()
        self.search()

    # Searching

    def watch_question(self) -> None:
        """Search."""
        self.search()

    def ask(self, question: str, user: int | None) -> None:
        """Ask a question, and go to a user, by number, when it is answered."""
        self._wanted = user
        if question == self.question:
            self.search()
        self.question = question

    def take_wanted(self) -> bool:
        """Tell, once, whether the user who was asked for is under the cursor."""
        wanted, self._wanted = self._wanted, None
        return wanted is not None and self.grid.cursor_key == str(wanted)

    def search(self) -> None:
        """Find the users that pass, off the thread that answers keys."""
        if self._browse is not None:
            self.searching = True
            self._find(self._browse)

    @work(group="find", exclusive=True)
    async def _find(self, browse: Browse) -> None:
        question = self.question
        try:
            asked = self._parse(question)
            found = await asyncio.to_thread(_search, browse, asked, self._runs, self._facets)
        except InputError as error:
            self.searching = False
            self._refused = question, str(error)
            if question and not self.query("#find").exclude(".-left"):  # before it was answered
                await self.open_find()
            self._complain(str(error))
            return
        self._refused = ("", "")
        self.searching = False
        self._complain("")
        self._asked, self.answered = asked, question
        self.found = found

    def _parse(self, question: str) -> Question:
        asked = parse_question(question, self._attributes, self._metrics)
        if asked.order and asked.order[0] in ("gain", "loss") and len(self._runs) < 2:
            raise InputError("=".join(asked.order) + " compares two runs", "there is one here")
        return asked

    def watch_found(self) -> None:
        """Draw the list."""
        self.draw()
        if self._wanted is not None:
            self.grid.go_to_row(str(self._wanted))
        self._show_gains()

    def _show_gains(self) -> None:
        """Draw the gains of the users found; all are read first, off the thread of keys."""
        people = self._list
        view = self.query_one("#gains", SectionView)
        gains = None
        if self._roomy and people is not None and len(people.runs) == 2:
            width = self._width - _SIDES
            if self._gains:
                gains = count_gains(self._gains, self.found.users, gain_columns(width))
            else:
                self._read_gains(people)
            if gains is not None:
                first, second = (self._names[run.path.name] for run in people.runs)
                view.show(gain_section(gains, people.metric, (first, second), width))
        if gains is None:
            view.show(None)

    @work(group="gains", exclusive=True)
    async def _read_gains(self, people: UserList) -> None:
        with suppress(InputError):  # who opens a user is told of damage
            gains = await asyncio.to_thread(
                gains_of_users, people.runs, people.metric, len(people.browse)
            )
            if self._list is people and self.is_attached:
                self._gains = gains
                self._show_gains()

    def _complain(self, problem: str) -> None:
        for line in self.query("#find").results(SearchLine):
            line.complain(problem)

    def fit(self, width: int, *, roomy: bool) -> None:
        """Draw the list for so many cells, with gains above it where there is room."""
        self._width, self._roomy = width, roomy
        self.draw()
        self._show_gains()

    def draw(self) -> None:
        """Draw the list."""
        if self._list is not None:
            self.grid.show(self._list.table(self.found, self._sort(), self._width))

    # Sorting

    def _sort(self) -> tuple[str, bool] | None:
        """Say by which column the list is sorted, and whether the largest come first."""
        if self._asked.order is None:
            return None
        kind, metric = self._asked.order
        if metric == "events":
            return "events", kind == "most"
        column = "gain" if kind in ("gain", "loss") else "metric"
        return column, higher_is_better(metric) == (kind in ("best", "gain"))

    def on_grid_sorted(self, event: Grid.Sorted) -> None:
        """Sort by a column: the search line says so."""
        event.stop()
        words = [word for word in self.question.split() if word.split("=")[0] not in ORDERS]
        order = self._order(event.column, event.descending)
        self.question = " ".join([*words, *([order] if order else [])])

    def _order(self, column: str, descending: bool) -> str:
        metric = self._list.metric if self._list is not None else ""
        if column == "events":
            return "most=events" if descending else "least=events"
        if column not in ("metric", "gain") or not metric:
            return ""
        good, bad = ("best", "worst") if column == "metric" else ("gain", "loss")
        return f"{good if descending == higher_is_better(metric) else bad}={metric}"

    # The search line

    async def open_find(self) -> None:
        """Open the search line, or go to it; what searches need is read while one types."""
        if self._browse is not None and self._list is not None:
            metric = self._list.metric
            self._read_ahead(self._browse, metric)
        await self.query("#find.-left").remove()
        if not self.query("#find"):
            line = SearchLine(
                self.question, placeholder=_EXAMPLE, id="find", completions=self._completions
            )
            line.border_title = "find users"
            await self.mount(line, before=".problem")
            if self.question == self._refused[0]:
                self._complain(self._refused[1])
        self.query_one("#find", SearchLine).focus()

    def _completions(self, word: str) -> list[str]:
        """List what a word of the question may become: conditions, metrics, titles of items."""
        name, sign, text = word.partition("=")
        if sign and name in ("liked", "rated") and self._browse is not None:
            items = self._browse.search_items(text.strip('"'))[:_TITLES]
            titles = [self._browse.item(item).name for item in items]
            return [f'{name}="{title}"' for title in titles if '"' not in title]
        metrics = [f"{order}={metric}" for metric in self._metrics for order in ORDERS[:4]]
        words = [*QUESTION_WORDS, *(f"{name}=" for name in self._attributes), *metrics]
        return beginning(word, words)

    @work(group="facets", exclusive=True)
    async def _read_ahead(self, browse: Browse, metric: str) -> None:
        await asyncio.to_thread(_warm_up, browse, self._runs, metric, self._facets)

    def close_find(self) -> None:
        """Leave the search line for the list."""
        self.query("#find").add_class("-left").remove()
        self.query_one(Problem).say("")
        self.grid.focus()

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Search while the person types."""
        event.stop()
        self.question = event.value.strip()

    def on_input_submitted(self, event: Entry.Submitted) -> None:
        """Go to the users found, also while they are still looked for."""
        event.stop()
        try:
            asked = self._parse(event.value)
            for _, item in asked.items:
                if self._browse is not None:
                    self._browse.item_called(item)
        except InputError as error:
            self._complain(str(error))
        else:
            # only the data can say what is wrong with it
            if event.value.strip() == self._refused[0]:
                self._complain(self._refused[1])
                return
            self.query_one("#find", SearchLine).remember()
            self.close_find()


# Work of other threads, each over a connection of its own


def _search(browse: Browse, asked: Question, runs: Sequence[Run], facets: Facets) -> Found:
    with browse.again() as own:
        return find_users(own, asked, runs, facets)


def _warm_up(browse: Browse, runs: Sequence[Run], metric: str, facets: Facets) -> None:
    # what cannot be read is told by the search that asks for it
    with suppress(InputError), browse.again() as own:
        facets.warm_up(own, runs, metric)
