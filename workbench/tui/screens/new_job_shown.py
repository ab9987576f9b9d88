"""The form of a new job as it is drawn; what keys do with it is in `new_job`."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Static

from workbench.jobs.catalogue import Catalogue
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.tui.session import Session
from workbench.tui.view.columns import name_of
from workbench.tui.view.form import SEARCH, Copied, Field, Form, Start, field_meant, job_from_run
from workbench.tui.view.table import Cell, Head, Row, Table
from workbench.tui.widgets.field_entry import FieldEntry
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.grid_cells import cut_lines

#: runs that are offered to copy from
_MOST_RUNS = 200
#: cells of name and value, on a narrow and on a wide terminal
_NARROW, _WIDE = (24, 22), (30, 40)
_KEYS = "↑ ↓ · {} finds · Tab completes · Ctrl+E YAML · Enter adds · Esc closes"
_TICK, _CROSS, _SWEPT = "•", "✖", "≈"
_WHOLE = {
    "list": "+ adds an entry, - on one removes it; Ctrl+E edits all as YAML",
    "entry": "+ adds one after it, - removes it; its fields are below; Ctrl+E edits it as YAML",
    "part": "its fields are below; Ctrl+E edits it as YAML",
}


class NewJobShown(ModalScreen[str | None]):
    """The form: a list of fields, words on one of them, and the line to type in.

    Parameters
    ----------
    like
        The run under the cursor: the form begins with its data set and protocol.
    dataset
        The data set to begin with, where no run is given.
    model
        The model to begin with.
    again
        Whether the whole job of the run is filled in, without its label.
    """

    def __init__(
        self, like: RunSummary | None, dataset: str = "", model: str = "", *, again: bool = False
    ) -> None:
        super().__init__()
        self.like = like
        self._again = again
        self._dataset = dataset
        self._model = model
        self._form: Form | None = None
        self._problems: dict[str, str] = {}
        #: what the core did not take, until something is changed
        self._refused: dict[str, str] = {}
        self._fields: dict[str, Field] = {}
        self._typed: str | None = None
        self._loaded = ""
        #: the texts that the form began with
        self._start: dict[str, str] = {}
        self._clock: Timer | None = None
        #: what was typed while the models were listed, each with the key after it
        self._early: list[tuple[str, Callable[[], None]]] = []
        #: what an editor left that was wrong, by field
        self._drafts: dict[str, str] = {}

    @property
    def workbench(self) -> Session:
        """The app, with its runs."""
        app = self.app
        assert isinstance(app, Session)
        return app

    @property
    def title_text(self) -> str:
        """What the form is: a new job, or one like another."""
        like = self.like if self._again else None
        return "new job" if like is None else f"new job like {plain(name_of(like))}"

    @property
    def ready(self) -> bool:
        """Whether the models are there."""
        return self._form is not None

    def compose(self) -> ComposeResult:
        """Make the list of fields, the words on one of them, and the line to type in."""
        with Vertical(id="new-job") as frame:
            frame.border_title = Content(self.title_text)
            frame.border_subtitle = _KEYS.format("/")
            grid = Grid(id="fields", sortable=False)
            grid.can_focus = False
            yield grid
            yield Static("reading the models …", id="field-help", markup=False)
            yield FieldEntry(
                self._model,
                self.leaves,
                id="field",
                compact=True,
                select_on_focus=False,
                placeholder="a model's name",
            )
            yield Static(id="field-problem", markup=False)

    def leaves(self, character: str) -> bool:
        """Tell whether a character is a key here: no text of the field has it at this place."""
        each = self.field
        if each is None:
            return character == "/" and not self.ready  # a key that waits for the models
        untouched = self._typed is None or not self.entry.value
        if character == "/":
            return not each.takes_text or (untouched and not each.takes_path)
        return character in "+-" and untouched and bool(each.shape)

    @property
    def grid(self) -> Grid:
        """The list of fields."""
        return self.query_one(Grid)

    @property
    def entry(self) -> FieldEntry:
        """The line to type in."""
        return self.query_one(FieldEntry)

    @property
    def field(self) -> Field | None:
        """The field that is typed into."""
        return self._fields.get(self.grid.cursor_key or "")

    # Beginning

    def on_mount(self) -> None:
        """Get the catalogue; what is typed meanwhile is the model's name."""
        self.entry.focus()
        self._began = time.monotonic()
        self._clock = self.set_interval(1, self._say_waiting)
        self._open()

    def _say_waiting(self) -> None:
        """Show that the form is not dead while the models are listed."""
        seconds = round(time.monotonic() - self._began)
        self.query_one("#field-help", Static).update(f"reading the models … {seconds} s")

    @work(group="form")
    async def _open(self) -> None:
        try:
            catalogue = await self._catalogue()
            starts = await asyncio.to_thread(self._starts, catalogue)
            copied = await asyncio.to_thread(self._copied, catalogue)
            protocol = await asyncio.to_thread(self._protocol)
        except StoreError as error:
            self._say(str(error), wrong=True)
            return
        finally:
            if self._clock is not None:
                self._clock.stop()
        self._form = form = Form(catalogue, _prepared(self.workbench.data_dir), starts)
        first = "model"
        if copied is not None:
            form.take(copied)
            first = form.first()
        elif self.like is not None and self.like.dataset:
            form.set("dataset", self.like.dataset)
            form.set_protocol(protocol)
        if self._dataset:
            form.set("dataset", self._dataset)
        self._begin(form, first)

    async def _catalogue(self) -> Catalogue:
        raise NotImplementedError

    def _begin(self, form: Form, first: str) -> None:
        """Show the form; what was typed meanwhile is the model, unless a run has brought one."""
        early = [*self._early, (self.entry.value, None)]
        self._start = form.state()
        self._draw()
        typed = bool(early[0][0])
        self.grid.cursor_row = list(self.grid.table.keys).index("model" if typed else first)
        self._load()
        for text, key in early:
            if text:
                self._type(text)
            if key is not None:
                key()

    def _wait_for_models(self, key: Callable[[], None]) -> bool:
        """Keep a key for when the models are listed; tell whether it has to wait."""
        if self.ready:
            return False
        self._early.append((self.entry.value, key))
        self.entry.value = ""
        self._say("the models are still being read: the keys are kept")
        return True

    def _type(self, text: str) -> None:
        """Do as if a text were typed."""
        raise NotImplementedError

    def _follow_changes(self) -> None:
        """Find out what follows from what was put in."""
        raise NotImplementedError

    def _take(self, text: str) -> None:
        """Put what was typed into the form."""
        raise NotImplementedError

    def _starts(self, catalogue: Catalogue) -> list[Start]:
        """List what may be copied from: entries of suites, and runs."""
        found = []
        for suite in catalogue.suites:
            shared = {key: suite[key] for key in ("dataset", "protocol", "ks")}
            for job in suite["jobs"]:
                name = f"{suite['name']}/{job['label'] or job['model']}"
                found.append(Start(name, {**shared, **job}))
        runs: Sequence[RunSummary] = self.workbench.runs
        own = (run for run in runs if run.origin == "own")  # others were not trained here
        for run in itertools.islice(own, _MOST_RUNS):
            try:
                found.append(Start(run.run_id, Run(run.folder).spec))
            except StoreError:
                continue
        return found

    def _copied(self, catalogue: Catalogue) -> Copied | None:
        """Read the job that the form is filled in with."""
        if self.like is None or not self._again:
            return None
        return job_from_run(self.like, catalogue)

    def _protocol(self) -> Mapping[str, Any]:
        """Read the protocol of the run under the cursor: lists keep no more than its name."""
        if self.like is None:
            return {}
        try:
            found = Run(self.like.folder).spec.get("protocol")
        except StoreError:
            found = None
        return found if isinstance(found, Mapping) else {"name": self.like.protocol}

    # Drawing

    def _say(self, text: str, *, wrong: bool = False) -> None:
        problem = self.query_one("#field-problem", Static)
        problem.set_class(wrong, "-wrong")
        shown = plain(text.replace("\n", "; ")) if wrong else plain_lines(text)
        problem.update(cut_lines(shown, *problem.content_size))

    def _draw(self) -> None:
        """Draw the fields as they are."""
        form = self._form
        if form is None:
            return
        sections = form.sections()
        self._fields = {each.key: each for section in sections for each in section.fields}
        self._problems = form.problems(self._fields) | self._refused
        rows, keys = [], []
        for line in form.left:
            rows.append(Row("", (), Cell(f"not taken over: {plain(line)}", "bad")))
            keys.append("")
        for section in sections:
            rows.append(Row("", (), Cell(plain(section.title), "strong")))
            keys.append("")
            for each in section.fields:
                rows.append(self._row(form, each))
                keys.append(each.key)
        width = self.grid.size.width
        name, value = _WIDE if width >= 100 else _NARROW
        room = max(10, width - name - value - 8)
        heads = (
            Head("sign", "", 1),
            Head("name", "field", name),
            Head("value", "value", value),
            Head("allowed", "allowed", room),
        )
        self.grid.show(Table(heads, rows, tuple(keys), 4, 2))
        self._follow_changes()

    def _row(self, form: Form, each: Field) -> Row:
        text = form.text_of(each)
        wrong = each.key in self._problems
        changed = not each.is_default(text)
        searched = form.is_searched(each)
        sign = _CROSS if wrong else _SWEPT if searched else _TICK if changed else ""
        value = Cell(plain(text), "bad" if wrong else "strong" if changed else "")
        if each.shape and not wrong and not searched:
            value = Cell(plain(form.nested.summary(each)), "strong" if changed else "muted")
        elif not text:
            value = Cell(plain(each.said_default), "muted")
        rest = self._problems.get(each.key) or form.hint(each)
        return Row(
            each.key,
            (
                Cell(sign, "bad" if wrong else "accent"),
                Cell(plain("  " * each.depth + each.name)),
                value,
                Cell(plain(rest), "bad" if wrong else "muted"),
            ),
        )

    def _describe(self) -> None:
        """Say what the field is, and what is wrong with it or fits it."""
        each, form = self.field, self._form
        if each is None or form is None:
            return
        finds = "/" if self.leaves("/") else "Ctrl+F"
        self.query_one("#new-job").border_subtitle = _KEYS.format(finds)
        self._help(each.full_name, each.help)
        problem = self._problems.get(each.key, "")
        if problem:
            self._say(problem, wrong=True)
            return
        if each.shape:
            self._say(_WHOLE["entry" if each.path[-1:].isdecimal() else each.shape])
            return
        fitting = form.completions(each, self._typed or "")
        hint = SEARCH if form.searchable(each) else ""
        self._say("\n".join(filter(None, ["  ".join(fitting) or each.allowed, hint])))

    def _refuse(self, lines: list[str]) -> str:
        """Show what the core does not take at the row of the field that it names; return its key.

        Empty where it names none.
        """
        form = self._form
        key = field_meant(lines[0], self._fields, form.nested) if form is not None else ""
        if key:
            self._refused = {key: "; ".join(lines)}
            self._draw()
            self._say("\n".join(lines), wrong=True)
        return key

    def _help(self, name: str, text: str) -> None:
        title = Content.styled(plain(name), "bold $primary")
        self.query_one("#field-help", Static).update(Content.assemble(title, f"  {plain(text)}"))

    def _load(self) -> None:
        """Put the field's text into the line, selected: typing replaces it."""
        each, form = self.field, self._form
        if each is None or form is None:
            return
        self._typed, self._loaded = None, each.key
        entry = self.entry
        with self.prevent(FieldEntry.Changed):
            entry.value = form.text_of(each)
        entry.select_all()
        named = bool(each.choices) and not each.default
        entry.placeholder = "a name; Tab completes" if named else each.said_default
        self._describe()


def _prepared(data_dir: Path) -> list[str]:
    """List the data sets on this machine; the small public one comes first."""
    names = sorted(path.parent.name for path in data_dir.glob("*/meta.json"))
    return sorted(names, key=lambda name: name != "ml-100k")
