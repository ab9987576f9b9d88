"""Readers that extensions register: files of a further format become events.

>>> @register_reader("visits", title="visits of the shop, one per line", suffixes=(".visits",))
... def read_visits(file: RawFile) -> Events:
...     return Events(user=file.read().splitlines(), item=...)

`data import` then takes ``*.visits``, gzipped ones and such in folders and zips included. What a
reader returns is checked like the rows of a table: a bad row is named by its number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import RawFile, RawFiles
from recsys_core.data.attributes import Attributes, RawData
from recsys_core.data.context import Texts
from recsys_core.data.dataset import BoolArray
from recsys_core.data.file_layout import LATEST, MISSING, RANGE_HINT, SKIP_HINT, ContextColumn
from recsys_core.data.import_options import DEFAULT_RANGE, ImportOptions
from recsys_core.data.import_summary import Summary
from recsys_core.data.numbering import Rows
from recsys_core.data.pieces import IN_MEMORY, Piece, Wanted
from recsys_core.errors import DataError, InputError, shorten
from recsys_core.extensions import (
    NAME,
    REMEDY,
    foreign_code,
    if_it_fails,
    load_extensions,
    registered_twice,
)

Array = NDArray[Any]
Values = Sequence[Any] | Array


@dataclass(frozen=True)
class Events:
    """What a reader found, a value per event in each column that there is.

    Parameters
    ----------
    user, item
        Ids: texts, bytes of UTF-8 or whole numbers.
    rating
        Numbers; leave it out where there are none, nothing is made up.
    label
        0 or 1, in place of ratings.
    timestamp
        Seconds since 1970.
    type
        What kind of event each was, ``"view"`` or ``"buy"``.
    columns
        Further columns by name: what was known when an event happened.
    users, items
        What is known of users and items.
    """

    user: Values
    item: Values
    rating: Values | None = None
    label: Values | None = None
    timestamp: Values | None = None
    type: Values | None = None
    columns: Mapping[str, Values] = field(default_factory=dict)
    users: Attributes = field(default_factory=Attributes)
    items: Attributes = field(default_factory=Attributes)


Read = Callable[[RawFile], Events]


@dataclass(frozen=True)
class Reader:
    """A registered reader.

    Parameters
    ----------
    title
        A few words for the summary of an import.
    suffixes
        How names of its files end, in lower case, without ``.gz``.
    read
        Turns a file into events.
    recognises
        Tells from the first lines of such a file whether it is of the format.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    read: Read
    recognises: Callable[[bytes], bool]

    @property
    def where(self) -> str:
        """Its name for a message."""
        return f"reader '{self.name}' ({self.read.__module__}.{self.read.__qualname__})"

    def takes(self, file: RawFile) -> bool:
        """Whether a file is of the format.

        Raises
        ------
        InputError
            Its code raised anything.
        """
        head = file.head()
        return bool(self._call(lambda: self.recognises(head), file.where))

    def events(self, file: RawFile) -> Events:
        """Read a file.

        Raises
        ------
        InputError
            Its code raised anything, or returned no events.
        """
        found = self._call(lambda: self.read(file), file.where)
        if not isinstance(found, Events):
            raise InputError(f"{file.where}: {self.where} returned no Events", REMEDY)
        return found

    def _call(self, ask: Callable[[], Any], where: str) -> Any:
        remedy = (
            "check that the file is of this format, and complete; if it is, fix or uninstall"
            " the package of the reader"
        )
        with foreign_code(f"{where}: {self.where}", remedy, DataError):
            return ask()


_readers: dict[str, Reader] = {}


def register_reader(
    name: str,
    *,
    title: str,
    suffixes: tuple[str, ...],
    recognises: Callable[[bytes], bool] = lambda head: True,
) -> Callable[[Read], Read]:
    """Register the decorated function as the reader of a format.

    Parameters
    ----------
    title
        A few words for the summary of an import.
    suffixes
        How names of such files end: ``(".visits",)``.
    recognises
        Tells a file with such a name from others by its first lines; it has to be given where the
        suffix is one of tables, e.g. ``.csv``.

    Raises
    ------
    InputError
        The name is taken or none, or a suffix is none.
    """
    if re.fullmatch(NAME, name) is None:
        raise InputError(f"reader '{shorten(name)}': not a name", "use words like 'web-log'")
    for suffix in suffixes:
        if re.fullmatch(r"([.][a-z0-9_-]+)+", suffix) is None or suffix.endswith((".gz", ".zip")):
            raise InputError(
                f"reader '{name}': suffix '{shorten(suffix)}'",
                "write it in lower case with its dot, e.g. '.visits'; gzip is unpacked for you",
            )

    def decorate(read: Read) -> Read:
        taken = _readers.get(name)
        if taken is not None and taken.read.__module__ != read.__module__:
            raise registered_twice("reader", name, taken.read.__module__, read.__module__)
        _readers[name] = Reader(name, title, tuple(suffixes), read, recognises)
        if_it_fails(lambda: forget_reader(name))
        return read

    return decorate


def forget_reader(name: str) -> None:
    """Take a registration back."""
    _readers.pop(name, None)


def readers_of(name: str) -> list[Reader]:
    """List the readers of files with such a base name."""
    load_extensions()
    return [each for each in _readers.values() if name.lower().endswith(each.suffixes)]


def find_reader(name: str) -> Reader | None:
    """Look up a reader; None where there is none."""
    load_extensions()
    return _readers.get(name)


def choose_reader(file: RawFile, name: str) -> Reader | None:
    """Choose the reader of a file with that base name; None where no extension reads it."""
    return next((each for each in readers_of(name) if each.takes(file)), None)


def read_events(reader: Reader, files: RawFiles, options: ImportOptions) -> RawData:
    """Read the main file, and check what the reader made of it.

    Raises
    ------
    InputError
        An option does not fit such files, or the reader is broken.
    DataError
        A row is bad, or there is none.
    """
    file = files[files.main]
    if options.time_unit is not None:
        raise InputError(
            f"{file.where}: recsys-workbench data import --time-unit has no effect:"
            f" {reader.where} gives times in seconds",
            "leave it out",
        )
    events = reader.events(file)
    columns = _columns(events, reader, file.where)
    n = len(columns["user"])
    if not n:
        raise DataError(f"{file.where}: there are no rows", "check that this is the right file")
    scale = (0.0, 1.0) if "label" in columns else options.rating_range or DEFAULT_RANGE
    texts, numbers = _parsed(columns)
    good = _good(texts, numbers, scale)
    if options.on_bad_rows == "error":
        _check_rows(good, columns, file.where)
    kept = np.flatnonzero(np.logical_and.reduce(list(good.values())))
    if not len(kept):
        raise DataError(f"{file.where}: every row is bad", "check that this is the right file")
    bad = Counter({"row": n - len(kept)} if len(kept) < n else {})
    rows = _rows(texts, numbers, events.columns, kept)
    wanted = Wanted(
        file.where,
        options.rule,
        "row",
        tuple(ContextColumn(column, place) for place, column in enumerate(events.columns)),
        options.kept_types,
        labelled="label" in columns,
    )
    ratings = IN_MEMORY.gather([Piece(rows, kept + 1, file.where)], wanted, bad)
    summary = Summary(f"{reader.title} (reader {reader.name})", {role: role for role in columns})
    summary = summary.with_context(ratings.context)
    return RawData(ratings, events.users, events.items, summary=summary)


def _parsed(columns: Mapping[str, Values]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Take ids and types as text, the rest as numbers."""
    texts = {
        role: _texts(values) for role, values in columns.items() if role in ("user", "item", "type")
    }
    return texts, {role: _numbers(columns[role]) for role in columns if role not in texts}


def _check_rows(good: Mapping[str, BoolArray], columns: Mapping[str, Values], where: str) -> None:
    """Name the first bad row."""
    for role, fine in good.items():
        if not fine.all():
            row = int(np.argmin(fine))
            found, hint = shorten(_text(columns[role][row])), RANGE_HINT * (role == "rating")
            raise DataError(f"{where}, row {row + 1}: {role} is '{found}'{hint}", SKIP_HINT)


def _rows(
    texts: Mapping[str, Array],
    numbers: Mapping[str, Array],
    context: Mapping[str, Values],
    kept: NDArray[np.integer],
) -> Rows:
    """Put the good rows together."""
    value, times = numbers.get("label", numbers.get("rating")), numbers.get("timestamp")
    return Rows(
        Texts.of(texts["user"][kept]),
        Texts.of(texts["item"][kept]),
        None if value is None else value[kept].astype(np.float32),
        None if times is None else times[kept].astype(np.int64),
        kind=Texts.of(texts["type"][kept]) if "type" in texts else None,
        context=tuple(Texts.of(_texts(values)[kept]) for values in context.values()),
    )


def _columns(events: Events, reader: Reader, where: str) -> dict[str, Values]:
    """Give the columns that there are, all of one length."""
    by = f"{where}: {reader.where}"
    roles = ("user", "item", "rating", "label", "timestamp", "type")
    found = {role: getattr(events, role) for role in roles if getattr(events, role) is not None}
    if "rating" in found and "label" in found:
        raise InputError(f"{by} gave ratings and labels", REMEDY)
    lengths = {name: len(values) for name, values in (found | dict(events.columns)).items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise InputError(f"{by} gave columns of several lengths: {listed}", REMEDY)
    for table, side in ((events.users, "users"), (events.items, "items")):
        wrong = [name for name, one in table.columns.items() if len(one.values) != len(table.ids)]
        if wrong or len(set(table.ids)) < len(table.ids):
            what = f"column {wrong[0]} is not as long as its ids" if wrong else "an id occurs twice"
            raise InputError(f"{by}, table of {side}: {what}", REMEDY)
    return found


def _texts(values: Values) -> NDArray[Any]:
    """Write ids as text; what is missing is empty."""
    return np.array([_text(value) for value in values], dtype=object)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None or value != value else str(value)


def _numbers(values: Values) -> NDArray[np.float64]:
    """Take numbers; what is none is NaN."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values.astype(np.float64)
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        try:
            found[row] = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
    return found


def _good(
    texts: Mapping[str, NDArray[Any]],
    numbers: Mapping[str, NDArray[np.float64]],
    scale: tuple[float, float],
) -> dict[str, BoolArray]:
    """Tell by column which rows are fine; NaN fails every comparison."""
    missing = MISSING | {""}
    good = {
        role: np.array([text.lower() not in missing for text in column], dtype=np.bool_)
        for role, column in texts.items()
    }
    for role, column in numbers.items():
        low, high = (0, LATEST) if role == "timestamp" else scale
        fine = (column >= low) & (column <= high)
        good[role] = fine & ((column == 0) | (column == 1)) if role == "label" else fine
    return good
