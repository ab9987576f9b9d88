"""The form of an import: its fields, what is wrong with them, and complaints in its own words."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from recsys_core.data.registered import check_name
from recsys_core.errors import InputError
from recsys_core.values import counted
from workbench.jobs.limits import read_memory
from workbench.tui.view.form.names import limit_problem

#: entries of a folder that are counted
_MANY = 1000
#: what stands between several vectors
_AND = ";"


@dataclass(frozen=True, slots=True)
class Raw:
    """What is to be imported, as it was typed; empty: the default."""

    path: str = ""
    name: str = ""
    columns: str = ""
    repeats: str = ""
    bad_rows: str = ""
    items: str = ""
    users: str = ""
    vectors: str = ""
    keep: str = ""
    type_weights: str = ""
    rating_range: str = ""
    separator: str = ""
    time_unit: str = ""
    parts: str = ""
    memory_limit: str = ""

    def arguments(self) -> list[str]:
        """Write it as `data import` takes it."""
        given = [
            f"--{field.option}={value}"
            for field in FIELDS
            if field.option
            for value in field.values(getattr(self, field.key))
        ]
        return [*given, "--", _expanded(self.path)]


@dataclass(frozen=True, slots=True)
class ImportField:
    """A line of the form.

    Parameters
    ----------
    key
        Which one of `Raw`.
    example
        What stands in it while it is empty.
    choices
        What it may be; empty: anything.
    files
        Whether it names files: after ``NAME=`` in vectors.
    """

    key: str
    label: str
    example: str
    help: str
    choices: tuple[str, ...] = ()
    files: bool = False

    @property
    def option(self) -> str:
        """The option of `data import`; the path has none."""
        return {"path": "", "bad_rows": "on-bad-rows"}.get(self.key, self.key.replace("_", "-"))

    @property
    def is_vectors(self) -> bool:
        """Whether it holds any number of ``NAME=FILE``."""
        return self.key == "vectors"

    def values(self, text: str) -> list[str]:
        """Give the values of its option."""
        parts = text.split(_AND) if self.is_vectors else [text]
        given = [part.strip() for part in parts if part.strip()]
        return [_expanded(part) for part in given] if self.files else given

    def problem(self, text: str) -> str:
        """Say what is wrong with it; empty when nothing is seen at once."""
        if self.choices and text and text not in self.choices:
            return f"{self.label}: {', '.join(self.choices[:-1])} or {self.choices[-1]}"
        if self.key == "memory_limit":
            return limit_problem(read_memory, text)
        if self.files and self.key != "path":
            return next(filter(None, map(self._missing, self.values(text))), "")
        return ""

    def _missing(self, text: str) -> str:
        """Say that what `text` names is no file: it begins with a path, or with ``NAME=``."""
        name, equals, rest = text.partition("=") if self.is_vectors else ("", "=", text)
        if not equals or (self.is_vectors and not name.strip()):
            return f"{self.label}: NAME=FILE"
        path = rest.partition(",")[0]
        return "" if Path(path).is_file() else f"{self.label}: no such file: {path or 'FILE'}"


#: heading -> its fields, what is needed most first; the events themselves need none
GROUPS: dict[str, tuple[ImportField, ...]] = {
    "": (
        ImportField(
            "path",
            "path",
            "folder, zip or file; → completes",
            "Ratings, clicks, plays or purchases on this machine; the files are only read.",
            files=True,
        ),
        ImportField(
            "name",
            "name",
            "what it is recognised as",
            "What the data set is called. Empty: what it is recognised as, or the file's name.",
        ),
        ImportField(
            "columns",
            "columns",
            "tables: user=id,item=book,rating=stars",
            "What each column is, by name or number: user, item, rating or label, timestamp, type, "
            "part. Others named here are features: device, price:number.",
        ),
        ImportField(
            "repeats",
            "repeats",
            "error, first, last, greatest, count or keep",
            "Rows with the same user and item: error stops, keep keeps all, count makes their "
            "number the rating; or the first or last in time, or the greatest, stays.",
            ("error", "first", "last", "greatest", "count", "keep"),
        ),
        ImportField(
            "bad_rows",
            "bad rows",
            "error or skip",
            "error stops at the first row that is invalid; skip leaves such rows out and counts "
            "them.",
            ("error", "skip"),
        ),
    ),
    "tables beside the events": (
        ImportField(
            "items",
            "items",
            "products.csv",
            "A table of the items: titles, genres, prices … FILE, or FILE,id=COLUMN,title=COLUMN "
            "to say which columns.",
            files=True,
        ),
        ImportField(
            "users",
            "users",
            "people.csv",
            "A table of the users: FILE, or FILE,id=COLUMN,NAME=COLUMN to say which columns.",
            files=True,
        ),
        ImportField(
            "vectors",
            "vectors",
            "covers=covers.npz",
            "Vectors of items: NAME=FILE (.npz, .parquet, or .npy with ids=FILE). Of users: "
            f"user:NAME=FILE. Several: with {_AND} in between.",
            files=True,
        ),
    ),
    "seldom needed": (
        ImportField(
            "keep",
            "keep types",
            "buy,cart",
            "Types of events that are read; the others are left out and counted. The column of "
            "types is type=NAME in columns.",
        ),
        ImportField(
            "type_weights",
            "type weights",
            "view=1,cart=3,buy=5",
            "What an event of each type weighs, for models that use it.",
        ),
        ImportField(
            "rating_range",
            "ratings",
            "0,10",
            "The lowest and the highest rating, e.g. 1,1000000 for play counts.",
        ),
        ImportField(
            "separator",
            "separator",
            "detected; tab, comma, semicolon, pipe, blank or ::",
            "What stands between fields: tab, comma, semicolon, pipe, blank (one or more), :: or "
            "any character.",
        ),
        ImportField(
            "time_unit",
            "time unit",
            "s, ms, us, ns, min, h or d",
            "The unit of times that are numbers, counted from 1970. Empty: seconds.",
            ("s", "ms", "us", "ns", "min", "h", "d"),
        ),
        ImportField(
            "parts",
            "parts",
            "train=train.txt,test=test.txt",
            "Files of a published split, below the path: train, valid and test, or folds by names "
            "of their own. Empty: files that are called so.",
        ),
        ImportField(
            "memory_limit",
            "memory",
            "none",
            "Read the rows through the disk, with less memory than that, e.g. 1G; slower, the same "
            "data set.",
        ),
    ),
}
FIELDS = tuple(field for fields in GROUPS.values() for field in fields)
_LABELS = {field.option: field.label for field in FIELDS if field.option}
#: a whole command with the columns, then an option with or without the command before it
_COMMAND = "recsys-workbench data import "
_WORD = r"(?:'[^']*'|\S+)"
_ADVICE = re.compile(rf"{_COMMAND}{_WORD} (--columns {_WORD}) --name \S+, then use --dataset \S+")
_OPTION = re.compile(rf"(?:{_COMMAND}(?:PATH )?)?--([a-z][a-z-]+)")


def in_words_of_form(error: InputError) -> InputError:
    """Name the form's fields where a complaint names options of the command."""
    return type(error)(_reworded(error.problem), _reworded(error.remedy))


def _reworded(text: str) -> str:
    def name(found: re.Match[str]) -> str:
        label = _LABELS.get(found[1])
        return found[0] if label is None else f"'{label}'"

    return _OPTION.sub(name, _ADVICE.sub(r"\1", text))


def problem_of(raw: Raw) -> str:
    """Say what is wrong with what was typed, the path apart; empty when nothing is seen at once."""
    try:
        if raw.name:
            check_name(raw.name)
    except InputError as error:
        return str(error).replace("\n", ": ")
    problems: Iterator[str] = (field.problem(getattr(raw, field.key)) for field in FIELDS)
    return next(filter(None, problems), "")


def path_state(text: str) -> tuple[str, bool]:
    """Say what is at a path, and whether that is well so far."""
    if not text:
        return "MovieLens, RecBole's atomic files, CSV and similar text, parquet", True
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            count = sum(1 for _ in islice(path.iterdir(), _MANY))
            more = " or more" if count == _MANY else ""
            return f"a folder with {count:,}{more} {'entry' if count == 1 else 'entries'}", True
        if path.is_file():
            return f"a file of {counted(path.stat().st_size, 'byte')}", True
    except OSError as error:
        return f"✖ cannot be read: {error.strerror}", False
    return "✖ no such file or folder", False


def complete(text: str, after: str = "") -> str | None:
    """Complete the path at the end of a text by the first thing that is there.

    Parameters
    ----------
    after
        The path begins after the last one of these; empty: it is the whole text.
    """
    place = text.rfind(after) + 1 if after else 0
    value = text[place:]
    folder, slash, start = value.rpartition("/")
    try:
        names = sorted(
            entry.name + ("/" if entry.is_dir() else "")
            for entry in Path(folder + slash or ".").expanduser().iterdir()
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        )
    except OSError:
        return None
    return f"{text[:place]}{folder}{slash}{names[0]}" if names and value else None


def _expanded(text: str) -> str:
    """Write out the home folder where a path begins: at once, or after ``NAME=``."""
    return os.path.expanduser(text).replace("=~/", f"={Path.home()}/")  # noqa: PTH111 - no path
