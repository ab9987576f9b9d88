"""A table as plain cells: what the widget draws and the exports write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show

_BAR_WIDTH = 12
#: cells between a text and the next column
_GAP = 2
#: rows that were made are kept until there are so many: a person may pass over all of a long list
_ROWS_KEPT = 2_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cell:
    """Text that is safe to draw, and the name of its style."""

    text: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One run: a cell a column; a note, where there is one, covers the metrics.

    A row without a key is a heading: its note covers all of it, and the cursor passes over it.
    """

    key: str
    cells: tuple[Cell, ...]
    note: Cell | None = None


class Rows(Sequence[Row], Generic[T]):
    """Rows that are made when they are looked at: of thousands a screen shows fifty."""

    def __init__(self, runs: Sequence[T], make: Callable[[T], Row]) -> None:
        self._runs = runs
        self._make = make
        self._made: dict[int, Row] = {}

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """Make the row; those in sight are made once."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index not in self._made:
            if len(self._made) == _ROWS_KEPT:
                self._made.clear()
            self._made[index] = self._make(self._runs[index])
        return self._made[index]


class NumberKeys(Sequence[str]):
    """Keys that are numbers, written when they are looked at."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Write the key."""
        if isinstance(index, slice):
            return [str(number) for number in self._numbers[index]]
        return str(self._numbers[index])

    def __contains__(self, key: object) -> bool:
        """Tell whether a row has the key."""
        return isinstance(key, str) and key.isdecimal() and int(key) in self._numbers

    def index(self, key: str, *bounds: int) -> int:
        """Find the row with the key."""
        return self._numbers.index(int(key), *bounds)


@dataclass(frozen=True, slots=True)
class Head:
    """A column as drawn: its key, title, width in cells, and alignment."""

    key: str
    title: str
    width: int
    right: bool = False


def gap(head: Head) -> int:
    """Return the cells after a column: two after text; numbers end with a mark, glyphs need one."""
    return _GAP if head.title and not head.right else 1


@dataclass(frozen=True, slots=True)
class Table:
    """All there is to draw.

    Parameters
    ----------
    keys
        The key of each row; empty for a heading.
    fixed
        How many columns at the left always stay in sight.
    note_from
        The first column that a row's note covers.
    """

    heads: tuple[Head, ...] = ()
    rows: Sequence[Row] = ()
    keys: Sequence[str] = ()
    fixed: int = 0
    note_from: int = 0
    sort: tuple[str, bool] | None = None


def reason_of(run: RunSummary) -> str:
    """Say why a run has no result, or what is wrong with its files; empty when all is well."""
    return plain((run.problem or run.reason).removeprefix(f"{run.folder}/"))


def end_of(run: RunSummary) -> str:
    """Say in which state a run is and why: ``failed: out of memory``; no word twice."""
    if run.state == "succeeded" and run.refit_of:
        return f"fitted on all rows, as run {plain(run.refit_of)}: not judged"
    word, reason = show.run_look(run).word, reason_of(run)
    if reason.startswith(word):
        return reason
    return f"{word}: {reason}" if reason else word


#: stages without steps, as words
STAGES = {"load": "loading data", "split": "splitting", "evaluate": "evaluating", "fit": "fitting"}


def progress_text(run: RunSummary) -> str:
    """Draw how far a run is: ``fit ███████▌     13/20  loss 0.4120``."""
    progress = run.progress
    if progress is None:
        return "starting"
    if not progress.total:
        return STAGES.get(progress.stage) or plain(progress.message or progress.stage)
    done = bar_of(progress.step, progress.total)
    parts = [plain(progress.stage), f"{done} {progress.step}/{progress.total}"]
    parts += [f"{plain(name)} {show.quantity(value)}" for name, value in progress.metrics.items()]
    if progress.message:
        parts.append(plain(progress.message))
    return "  ".join(parts)


def bar_of(step: int, total: int) -> str:
    """Draw a progress bar with its track."""
    return show.bar(step / total, _BAR_WIDTH).replace(" ", "░")
