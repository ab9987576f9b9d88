"""What the screen Data asks of `data`: this process reads no ratings and loads no library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from recsys_core.data.registered import list_datasets
from recsys_core.errors import InputError
from recsys_core.processes import python_command
from recsys_core.reading import parse_json
from workbench.store.text import plain
from workbench.tui.processes import follow_process
from workbench.tui.view.data import DataSet
from workbench.tui.view.data_parts import OWN_SCHEMA
from workbench.tui.view.import_form import Raw, in_words_of_form
from workbench.tui.view.work import Work

OnWork = Callable[[Work], None]
_KEYS = {field.name for field in fields(DataSet)}


class DataWork:
    """Runs `data` commands on one data folder; each may be cancelled, which ends its process.

    All raise `InputError` with what the command complains of.
    """

    def __init__(self, data_dir: Path, now: Callable[[], float]) -> None:
        self._data_dir = data_dir
        self._now = now

    async def list(self) -> list[DataSet]:
        """List the sets that are here, and those that can be had: as `data list`, at once."""
        found = await asyncio.to_thread(list_datasets, self._data_dir)
        return [DataSet(**{key: each[key] for key in _KEYS & each.keys()}) for each in found]

    async def describe(self, name: str) -> Mapping[str, Any]:
        """Describe a set in figures; of a large one it takes seconds."""
        about: Mapping[str, Any] = await self._run(["describe", "--events", name], _unheard)
        return about

    async def measure(
        self, name: str, schema: str, protocol: str, on_work: OnWork
    ) -> Mapping[str, Any]:
        """Describe the features of a schema on the rows of a protocol."""
        features = "--features" if schema == OWN_SCHEMA else f"--features={schema}"
        words = ["describe", "--events", name, features, f"--protocol={protocol}"]
        work = Work("measuring", name, self._now(), message=f"{schema}, {protocol}")
        facts: Mapping[str, Any] = await self._run(words, _listener(work, on_work))
        return facts

    async def fetch(self, each: DataSet, on_work: OnWork) -> str:
        """Get a published set, or make the built-in one; return its name."""
        verb, words = "fetching", ["fetch", "--events", each.name]
        if each.is_made:
            verb, words = "making", ["describe", "--events", each.name]
        found = await self._run(words, _listener(Work(verb, each.name, self._now()), on_work))
        return str(found["name"])

    async def import_raw(self, raw: Raw, on_work: OnWork) -> str:
        """Prepare raw files; return the name that the set got."""
        name = raw.name or Path(raw.path).name
        listener = _listener(Work("importing", name, self._now()), on_work)
        try:
            found = await self._run(["import", "--events", *raw.arguments()], listener)
        except InputError as error:
            raise in_words_of_form(error) from None
        return str(found["name"])

    async def _run(self, words: Sequence[str], on_line: Callable[[str], None]) -> Any:
        """Run a command and read the JSON that it prints."""
        line = python_command("-m", "workbench", f"--data-dir={self._data_dir}", "data")
        done = await follow_process([*line, words[0], "--json", *words[1:]], on_line)
        return done.answer()


def _unheard(line: str) -> None:
    """Take no notice of progress."""


def _listener(work: Work, on_work: OnWork) -> Callable[[str], None]:
    """Turn lines of events into what is shown; it begins at once."""
    on_work(work)

    def listen(line: str) -> None:
        nonlocal work
        if not line.startswith("{"):
            return
        try:
            event = parse_json(line)
            message = plain(event["message"]) or work.message
            numbers = {key: event[key] for key in ("step", "total", "rate", "eta")}
        except (ValueError, KeyError):  # half a line: the process was killed
            return
        work = replace(work, message=message, **numbers)
        on_work(work)

    return listen
