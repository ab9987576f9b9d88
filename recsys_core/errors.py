"""Errors that tell a person what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

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
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n{self.remedy}" if self.remedy else self.problem


class DataError(InputError):
    """A file of a data set is malformed; the message names file, line and column."""


class CapacityError(InputError):
    """A model refuses to fit because its estimated memory is more than the machine has."""


def unknown_name(kind: str, value: str, valid: Iterable[str]) -> InputError:
    """Build the error for a name that does not exist, offering the nearest valid ones.

    Examples
    --------
    >>> print(unknown_name("model", "itemcf", ["item-cf", "mf"]))
    unknown model 'itemcf'
    did you mean 'item-cf'? valid: item-cf, mf
    """
    names = sorted(valid)
    near = get_close_matches(value, names, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return InputError(f"unknown {kind} '{value}'", f"{hint}valid: {', '.join(names)}")
