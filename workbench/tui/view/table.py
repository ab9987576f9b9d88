"""A table as plain cells: what the widget draws and the exports write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from workbench.store.listing import RunSummary
from workbench.store.text import plain
from workbench.tui.view import format as show

_BAR_WIDTH = 12
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
        """Make the row, once."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index not in self._made:
            self._made[index] = self._make(self._runs[index])
        return self._made[index]


@dataclass(frozen=True, slots=True)
class Head:
    """A column as drawn: its key, title, width in cells, and alignment."""

    key: str
    title: str
    width: int
    right: bool = False


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
    keys: tuple[str, ...] = ()
    fixed: int = 0
    note_from: int = 0
    sort: tuple[str, bool] | None = None


def reason_of(run: RunSummary) -> str:
    """Say why a run has no result, or what is wrong with its files; empty when all is well."""
    return plain((run.problem or run.reason).removeprefix(f"{run.folder}/"))


def progress_text(run: RunSummary) -> str:
    """Draw how far a run is: ``fit ███████▌     13/20  loss 0.4120``."""
    progress = run.progress
    if progress is None:
        return "starting"
    parts = [plain(progress.stage)]
    if progress.total:
        done = bar_of(progress.step, progress.total)
        parts.append(f"{done} {progress.step}/{progress.total}")
    parts += [f"{plain(name)} {show.quantity(value)}" for name, value in progress.metrics.items()]
    if progress.message:
        parts.append(plain(progress.message))
    return "  ".join(parts)


def bar_of(step: int, total: int) -> str:
    """Draw a progress bar with its track."""
    return show.bar(step / total, _BAR_WIDTH).replace(" ", "░")
