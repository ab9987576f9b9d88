"""A new job: every field with its bounds, checked while it is typed."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Static

from recsys_core.processes import python_command
from workbench.jobs.catalogue import Catalogue
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.store.text import plain, plain_lines
from workbench.tui.catalogue import open_catalogue
from workbench.tui.commands import bindings
from workbench.tui.processes import run_process
from workbench.tui.screens.base import REST
from workbench.tui.view.form import SEARCH, Copied, Field, Form, Start, is_space, job_from_run
from workbench.tui.view.table import Cell, Head, Row, Table
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.grid_cells import cut_lines
from workbench.tui.widgets.lines import Entry

#: runs that are offered to copy from
_MOST_RUNS = 200
#: cells of name and value, on a narrow and on a wide terminal
_NARROW, _WIDE = (18, 22), (24, 40)
_TICK, _CROSS, _SWEPT = "•", "✖", "≈"


class NewJobScreen(ModalScreen[str | None]):
    """The form; it ends with what was added, a run's or a sweep's id, or with nothing.

    Parameters
    ----------
    like
        The run under the cursor: the form begins with its data set and protocol.
    again
        Whether the whole job of that run is filled in, without its label.
    dataset
        The data set to begin with, where no run is given.
    model
        The model to begin with.
    """

    CSS_PATH = "new_job.tcss"
    BINDINGS: ClassVar = bindings("new-job")

    def __init__(
        self, like: RunSummary | None, dataset: str = "", model: str = "", *, again: bool = False
    ) -> None:
        super().__init__()
        self._again = again
        self._model = model
        self.like = like
        self._dataset = dataset
        self._form: Form | None = None
        self._problems: dict[str, str] = {}
        self._fields: dict[str, Field] = {}
        self._typed: str | None = None
        self._loaded = ""
        self._busy = False
        #: looks at what was typed when typing pauses
        self._checking: Timer | None = None
        #: the texts that the form began with; whether leaving others behind was asked
        self._start: dict[str, str] = {}
        self._asked = False

    @property
    def ready(self) -> bool:
        """Whether the models are there."""
        return self._form is not None

    def compose(self) -> ComposeResult:
        """Make the list of fields, the words on one of them, and the line to type in."""
        with Vertical(id="new-job") as frame:
            frame.border_title = "new job"
            frame.border_subtitle = "↑ ↓ fields · Tab completes · Enter adds the job · Esc closes"
            grid = Grid(id="fields", sortable=False)
            grid.can_focus = False
            yield grid
            yield Static("reading the models …", id="field-help", markup=False)
            yield Entry(
                self._model,
                id="field",
                compact=True,
                select_on_focus=False,
                placeholder="a model's name",
            )
            yield Static(id="field-problem", markup=False)

    @property
    def grid(self) -> Grid:
        """The list of fields."""
        return self.query_one(Grid)

    @property
    def field(self) -> Field | None:
        """The field that is typed into."""
        return self._fields.get(self.grid.cursor_key or "")

    def on_mount(self) -> None:
        """Get the catalogue; what is typed meanwhile is the model's name."""
        self.query_one(Entry).focus()
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
            catalogue = await open_catalogue(self._say)
            starts = await asyncio.to_thread(self._starts, catalogue)
            copied = await asyncio.to_thread(self._copied, catalogue)
            protocol = await asyncio.to_thread(self._protocol)
        except StoreError as error:
            self._clock.stop()
            self._say(str(error), wrong=True)
            return
        self._clock.stop()
        app = self.app
        data_dir: Path = app.data_dir  # type: ignore[attr-defined]
        self._form = Form(catalogue, _prepared(data_dir), starts)
        first = "model"
        if copied is not None:
            self._form.take(copied)
            first = self._form.first()
        elif self.like is not None and self.like.dataset:
            self._form.set("dataset", self.like.dataset)
            self._form.set_protocol(protocol)
        if self._dataset:
            self._form.set("dataset", self._dataset)
        typed = self.query_one(Entry).value
        self._start = dict(self._form.texts)
        self._draw()
        self.grid.cursor_row = list(self.grid.table.keys).index(first)
        self._load()
        if typed:
            entry = self.query_one(Entry)
            with self.prevent(Entry.Changed):
                entry.value = typed
            entry.action_end()
            self._typed = typed
            self._take(typed)

    def _starts(self, catalogue: Catalogue) -> list[Start]:
        """List what may be copied from: entries of suites, and runs."""
        found = []
        for suite in catalogue.suites:
            shared = {key: suite[key] for key in ("dataset", "protocol", "ks")}
            for job in suite["jobs"]:
                name = f"{suite['name']}/{job['label'] or job['model']}"
                found.append(Start(name, {**shared, **job}))
        runs: Sequence[RunSummary] = self.app.runs  # type: ignore[attr-defined]
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
        self._fields = form.fields()
        self._problems = form.problems()
        rows, keys = [], []
        for line in form.left:
            rows.append(Row("", (), Cell(f"not taken over: {plain(line)}", "bad")))
            keys.append("")
        for section in form.sections():
            rows.append(Row("", (), Cell(plain(section.title), "strong")))
            keys.append("")
            for each in section.fields:
                rows.append(self._row(each))
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

    def _row(self, each: Field) -> Row:
        assert self._form is not None
        text = self._form.text(each.key)
        wrong = each.key in self._problems
        changed = bool(text) and text != each.default
        sign = _CROSS if wrong else _SWEPT if is_space(text) else _TICK if changed else ""
        value = Cell(plain(text), "bad" if wrong else "strong" if changed else "")
        if not text:
            value = Cell(plain(each.default) or "-", "muted")
        rest = self._problems.get(each.key) or each.allowed or ", ".join(each.choices)
        return Row(
            each.key,
            (
                Cell(sign, "bad" if wrong else "accent"),
                Cell(plain(each.name)),
                value,
                Cell(plain(rest), "bad" if wrong else "muted"),
            ),
        )

    def _describe(self) -> None:
        """Say what the field is, and what is wrong with it or fits it."""
        each, form = self.field, self._form
        if each is None or form is None:
            return
        self.query_one("#field-help", Static).update(
            Content.assemble(
                Content.styled(plain(each.name), "bold $primary"), f"  {plain(each.help)}"
            )
        )
        problem = self._problems.get(each.key, "")
        if problem:
            self._say(problem, wrong=True)
            return
        fitting = form.completions(each, self._typed or "")
        hint = SEARCH if form.searchable(each) else ""
        self._say("\n".join(filter(None, ["  ".join(fitting) or each.allowed, hint])))

    def _load(self) -> None:
        """Put the field's text into the line, selected: typing replaces it."""
        each, form = self.field, self._form
        if each is None or form is None:
            return
        self._typed, self._loaded = None, each.key
        entry = self.query_one(Entry)
        with self.prevent(Entry.Changed):
            entry.value = form.text(each.key)
        entry.select_all()
        entry.placeholder = each.default or ("a name; Tab completes" if each.choices else "")
        self._describe()

    # Events

    def on_resize(self) -> None:
        """Fit the columns."""
        self.call_after_refresh(self._draw)

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Type into the field that was clicked."""
        each = self.field
        if each is not None and each.key != self._loaded:
            self._load()

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Check while it is typed."""
        self._typed = event.value
        self._take(event.value)

    def _take(self, text: str) -> None:
        each, form = self.field, self._form
        if each is None or form is None or self._busy:
            return
        self._asked = False
        form.set(each.key, text)
        self._stop_checking()
        self._checking = self.set_timer(REST, self._check)

    def _check(self) -> None:
        """Say what is wrong with what was typed, and show the fields that follow from it."""
        self._stop_checking()
        if self.is_attached:
            self._draw()
            self._describe()

    def _check_now(self) -> None:
        """Check what a key that leads on would find unchecked."""
        if self._checking is not None:
            self._check()

    def _stop_checking(self) -> None:
        if self._checking is not None:
            self._checking.stop()
            self._checking = None

    def _changes(self) -> int:
        """Count the fields that were typed into."""
        texts = self._form.texts if self._form else {}
        keys = {*texts, *self._start} - {"from"}
        return sum(texts.get(key, "") != self._start.get(key, "") for key in keys)

    def on_input_submitted(self, _event: Entry.Submitted) -> None:
        """Add the job."""
        self.action_submit()

    # Commands

    def action_move(self, rows: int) -> None:
        """Go to another field."""
        self._check_now()
        self.grid.action_move(rows)

    def action_page(self, pages: int) -> None:
        """Go on by a page."""
        self._check_now()
        self.grid.action_page(pages)

    def action_complete(self, step: int) -> None:
        """Put in the next of the values that fit what was typed."""
        each, form = self.field, self._form
        if each is None or form is None:
            return
        fitting = form.completions(each, self._typed or "")
        if not fitting:
            return
        entry = self.query_one(Entry)
        place = fitting.index(entry.value) + step if entry.value in fitting else min(step - 1, 0)
        with self.prevent(Entry.Changed):
            entry.value = fitting[place % len(fitting)]
        entry.cursor_position = len(entry.value)
        self._take(entry.value)

    def action_submit(self) -> None:
        """Add the job unless something is wrong; then go to it."""
        if self._form is None:
            self._say("the models are still being read: what you type is kept")
            return
        if self._busy:
            return
        self._check()
        if self._problems:
            key = next(iter(self._problems))
            self.grid.cursor_row = list(self.grid.table.keys).index(key)
            return
        self._lock(busy=True)
        self._say("checking and adding the job …")
        self._add(self._form.arguments())

    @work(group="form")
    async def _add(self, arguments: list[str]) -> None:
        app = self.app
        folders = [
            f"--runs-dir={app.runs_dir}",  # type: ignore[attr-defined]
            f"--data-dir={app.data_dir}",  # type: ignore[attr-defined]
        ]
        done = await run_process(python_command("-m", "workbench", *arguments, *folders))
        if done.code:
            self._lock(busy=False)
            self._say("\n".join(done.complaint()), wrong=True)
            return
        self.dismiss(done.output)

    def _lock(self, *, busy: bool) -> None:
        """Take no text while the job is added: it would not be of it."""
        self._busy = busy
        entry = self.query_one(Entry)
        entry.disabled = busy
        if not busy:
            entry.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell that the fields stay as they are while the job is added."""
        return action == "close" or not self._busy

    def action_close(self) -> None:
        """Close without adding; what was typed into several fields is asked about once."""
        self._check_now()
        if self._changes() > 1 and not self._asked:
            self._asked = True
            self._say("Esc again discards what you typed; Enter adds the job")
            return
        self.dismiss(None)


def _prepared(data_dir: Path) -> list[str]:
    """List the data sets on this machine; the small public one comes first."""
    names = sorted(path.parent.name for path in data_dir.glob("*/meta.json"))
    return sorted(names, key=lambda name: name != "ml-100k")
