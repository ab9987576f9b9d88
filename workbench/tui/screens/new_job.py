"""A new job: every field with its bounds, checked while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import work
from textual.timer import Timer

from recsys_core.errors import InputError
from recsys_core.processes import python_command
from workbench.jobs.catalogue import Catalogue
from workbench.store.text import plain
from workbench.tui.catalogue import open_catalogue
from workbench.tui.commands import bindings
from workbench.tui.editor import edit
from workbench.tui.processes import run_process
from workbench.tui.screens.base import REST
from workbench.tui.screens.new_job_estimate import NewJobEstimate
from workbench.tui.view.form import Field, as_yaml, matches
from workbench.tui.widgets.field_entry import FieldEntry
from workbench.tui.widgets.grid import Grid

_FINDING = (
    "type a part of its name; Enter or = goes to it, Tab puts in a value, ↑ ↓ others, Esc back"
)


class NewJobScreen(NewJobEstimate):
    """The form; it ends with what was added, a run's or a sweep's id, or with nothing."""

    CSS_PATH = "new_job.tcss"
    BINDINGS: ClassVar = bindings("new-job")

    _busy = False
    #: looks at what was typed when typing pauses
    _checking: Timer | None = None
    #: whether leaving what was typed behind was asked
    _asked = False
    #: the field that a search for another one began at
    _found_from: str | None = None

    async def _catalogue(self) -> Catalogue:
        return await open_catalogue(self._say)

    # Events

    def on_resize(self) -> None:
        """Fit the columns."""
        self.call_after_refresh(self._draw)

    def on_grid_moved(self, _event: Grid.Moved) -> None:
        """Type into the field that was clicked."""
        each = self.field
        if each is not None and each.key != self._loaded and self._found_from is None:
            self._load()

    def on_input_changed(self, event: FieldEntry.Changed) -> None:
        """Check while it is typed."""
        if self._found_from is not None:
            self._find(event.value)
            return
        self._typed = event.value
        self._take(event.value)

    def _type(self, text: str) -> None:
        with self.prevent(FieldEntry.Changed):
            self.entry.value = text
        self.entry.action_end()
        self.on_input_changed(FieldEntry.Changed(self.entry, text))

    def _take(self, text: str) -> None:
        each, form = self.field, self._form
        if each is None or form is None or self._busy:
            return
        self._asked, self._refused = False, {}
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
        state = self._form.state() if self._form else {}
        keys = {*state, *self._start} - {"from"}
        return sum(state.get(key, "") != self._start.get(key, "") for key in keys)

    def on_input_submitted(self, _event: FieldEntry.Submitted) -> None:
        """Add the job."""
        self.action_submit()

    # Fields

    def _go(self, key: str) -> None:
        """Put the cursor on a field, and type into it."""
        self.grid.cursor_row = list(self.grid.table.keys).index(key)
        self._load()

    def action_move(self, rows: int) -> None:
        """Go to another field."""
        if self._wait_for_models(partial(self.action_move, rows)):
            return
        if self._found_from is not None:
            self._find(self.entry.value, rows)
            return
        self._check_now()
        self.grid.action_move(rows)

    def action_page(self, pages: int) -> None:
        """Go on by a page."""
        if self._wait_for_models(partial(self.action_page, pages)):
            return
        self._check_now()
        self.grid.action_page(pages)

    def action_find(self) -> None:
        """Let the line find a field by its name."""
        if self._wait_for_models(self.action_find):
            return
        each = self.field
        if each is None or self._found_from is not None:
            return
        self._check_now()
        self._found_from = each.key
        with self.prevent(FieldEntry.Changed):
            self.entry.value = ""
        self.entry.placeholder = "a part of a field's name"
        self._help("find a field", _FINDING)
        self._say("")

    def _find(self, text: str, step: int = 0) -> None:
        """Go to the field that is meant; with ``=`` what follows is its value."""
        name, goes, _ = text.partition("=")
        found = matches(self._fields.values(), name) if name.strip() else []
        if not found:
            self._say(f"no field has '{plain(name)}' in its name" if name else "")
            return
        here = self.grid.cursor_key or ""
        at = found.index(here) + step if step and here in found else 0
        key = found[at % len(found)]
        self.grid.cursor_row = list(self.grid.table.keys).index(key)
        if goes:
            self._end_finding()
        else:
            self._say("  ".join(self._fields[each].full_name for each in found))

    def _end_finding(self) -> None:
        self._found_from = None
        self._load()

    def action_complete(self, step: int) -> None:
        """Put in the next of the values that fit what was typed."""
        if self._wait_for_models(partial(self.action_complete, step)):
            return
        if self._found_from is not None:
            self._end_finding()
        each, form = self.field, self._form
        if each is None or form is None:
            return
        fitting = form.completions(each, self._typed or "")
        if not fitting:
            return
        entry = self.entry
        place = fitting.index(entry.value) + step if entry.value in fitting else min(step - 1, 0)
        with self.prevent(FieldEntry.Changed):
            entry.value = fitting[place % len(fitting)]
        entry.cursor_position = len(entry.value)
        self._take(entry.value)

    # Parts

    def _entry_of_list(self) -> tuple[Field, int] | None:
        """Find the list that the cursor is in, and the place in it; -1: on the list itself."""
        each = self.field
        lists = [one for one in self._fields.values() if one.shape == "list"]
        for one in reversed(lists):
            if each is not None and each.key == one.key:
                return one, -1
            if each is not None and each.path.startswith(f"{one.path}."):
                return one, int(each.path.removeprefix(f"{one.path}.").partition(".")[0])
        return None

    def action_add_part(self) -> None:
        """Add an entry to the list, after the one that the cursor is in."""
        if self._wait_for_models(self.action_add_part):
            return
        at, form = self._entry_of_list(), self._form
        if at is None or form is None:
            self._say("only lists of parts have entries to add, such as the channels of two-stage")
            return
        one, place = at
        added = form.nested.add(one, place if place >= 0 else len(self._fields))
        self._changed()
        names = (f"{one.path}.{added}.{name}" for name in ("model", "name"))
        keys = {each.path: key for key, each in self._fields.items()}
        self._go(next(keys[name] for name in names if name in keys))

    def action_remove_part(self) -> None:
        """Remove the entry that the cursor is in from its list."""
        if self._wait_for_models(self.action_remove_part):
            return
        at, form = self._entry_of_list(), self._form
        if at is None or form is None or at[1] < 0:
            self._say("stand on the entry that is to be removed, such as a channel of two-stage")
            return
        one, place = at
        form.nested.remove(one, place)
        self._changed()
        self._go(one.key)
        self._say(f"{one.path}.{place} is removed; + adds an entry")

    def _changed(self) -> None:
        self._asked, self._refused = False, {}
        self._stop_checking()
        self._draw()

    # Editor

    def action_edit(self) -> None:
        """Edit the field, or on the first one the whole job, as YAML in the person's editor."""
        if self._wait_for_models(self.action_edit):
            return
        each, form = self.field, self._form
        if each is None or form is None or self._busy or self._found_from is not None:
            return
        self._check_now()
        whole = each.key == "from"
        before = self._drafts.get(each.key)
        text = before or (as_yaml.write_job(form) if whole else as_yaml.write_field(form, each))
        try:
            left = edit(text, "job.yaml" if whole else "field.yaml", self.app.suspend)
        except InputError as error:
            self._say(str(error), wrong=True)
            return
        if (left == text and before is None) or not left.strip():
            self._drafts.pop(each.key, None)
            self._say("nothing is changed")
            return
        self._take_edited(each, left, as_yaml.take_job if whole else None)

    def _take_edited(self, each: Field, left: str, take_job: Callable[..., None] | None) -> None:
        """Take over what the editor left; what is wrong can be edited again."""
        form = self._form
        assert form is not None
        try:
            if take_job is not None:
                take_job(form, left)
            else:
                as_yaml.take_field(form, each, left)
        except InputError as error:
            self._drafts[each.key] = left
            again = "Ctrl+E opens what you wrote again"
            self._say("\n".join(filter(None, [error.problem, again, error.remedy])), wrong=True)
            return
        self._drafts.pop(each.key, None)
        self._changed()
        self._go(each.key)

    # The job

    def action_submit(self) -> None:
        """Add the job unless something is wrong; then go to it."""
        if self._form is None:
            self._say("the models are still being read: what you type is kept")
            return
        if self._found_from is not None:
            self._end_finding()
            return
        if self._busy:
            return
        self._refused = {}
        self._check()
        if self._problems:
            self._go(next(iter(self._problems)))
            return
        self._stop_estimating()  # what adds the job needs the processor
        self._lock(busy=True)
        self._say("checking and adding the job …")
        self._add(self._form.arguments())

    @work(group="form")
    async def _add(self, arguments: list[str]) -> None:
        done = await run_process(python_command("-m", "workbench", *arguments, *self.folders))
        if done.code:
            self._lock(busy=False)
            lines = done.complaint()
            if key := self._refuse(lines):
                self._go(key)
            else:
                self._say("\n".join(lines), wrong=True)
            return
        self.dismiss(done.output)

    def _lock(self, *, busy: bool) -> None:
        """Take no text while the job is added: it would not be of it."""
        self._busy = busy
        self.entry.disabled = busy
        if not busy:
            self.entry.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tell that the fields stay as they are while the job is added."""
        return action == "close" or not self._busy

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a key does nothing."""
        return "the job is being checked and added" if self._busy else ""

    def action_close(self) -> None:
        """Close without adding; what was typed into several fields is asked about once."""
        if self._found_from is not None:
            back = self._found_from
            self._found_from = None
            self._go(back)
            return
        self._check_now()
        if self._changes() > 1 and not self._asked:
            self._asked = True
            self._say("Esc again discards what you typed; Enter adds the job")
            return
        self.dismiss(None)
