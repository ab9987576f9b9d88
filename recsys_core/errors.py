"""Errors that tell a person what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

#: characters of a foreign value that a message shows at most
SHOWN = 120
#: characters of a message at most, whatever was put into it
LONGEST = 1_500


def shorten(value: Any, most: int = SHOWN) -> str:
    """Show a foreign value in a message: its text, cut where it is long."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list in lists
        text = f"a {type(value).__name__} that is too long to show"
    return text if len(text) <= most else f"{text[: most - 1]}…"


#: the remedy for a model or a run that is gone, damaged or of an earlier version
TRAIN_AGAIN = "train it again: recsys-workbench train or eval, with --fresh"


class InputError(Exception):
    """The command, the configuration or the data is wrong.

    Parameters
    ----------
    problem
        What is wrong and where; names the thing and its value.
    remedy
        What to do about it; empty when `problem` already says so.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = _within_bounds(problem)
        self.remedy = _within_bounds(remedy)

    def __str__(self) -> str:
        return f"{self.problem}\n{self.remedy}" if self.remedy else self.problem


def _within_bounds(text: str) -> str:
    """Leave out the middle of a text that no one would read to its end."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} … {text[-half:]}"


class DataError(InputError):
    """A file of a data set is malformed; the message names file, line and column."""


class LostProcessError(InputError):
    """Of several processes that work on a job one is gone; the job can be resumed."""


class CapacityError(InputError):
    """A model refuses to fit because its estimated memory is more than the machine has.

    Parameters
    ----------
    changes
        Changes of the job with each of which it would fit, the best first: fields to set by
        ``params``, or another ``model``.
    """

    def __init__(
        self, problem: str, remedy: str = "", changes: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(problem, remedy)
        self.changes = tuple(changes)


def unknown_name(kind: str, value: str, valid: Iterable[str]) -> InputError:
    """Build the error for a name that does not exist, offering the nearest valid ones.

    Examples
    --------
    >>> print(unknown_name("model", "itemcf", ["item-cf", "mf"]))
    unknown model 'itemcf'
    did you mean 'item-cf'? valid: item-cf, mf
    """
    names = sorted(shorten(name) for name in valid)
    value = shorten(value)
    near = get_close_matches(value, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{value}'", f"{hint}valid: {', '.join(names) or 'none'}")


def no_such_file(path: Path, remedy: str) -> InputError:
    """Build the error for a path that is no file: nothing is there, or a folder is."""
    try:
        folder = path.is_dir()
    except OSError:  # a name that none can have
        folder = False
    what = f"{path} is a folder, not a file" if folder else f"no such file: {path}"
    return InputError(what, remedy)
