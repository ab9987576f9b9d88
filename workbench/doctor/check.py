"""One finding of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from recsys_core.errors import InputError

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Check:
    """What was found of one thing.

    Parameters
    ----------
    name
        The thing; several findings may share it, one per damaged run for example.
    state
        ``wrong``: something will fail; ``note``: something is slower, missing or unusual.
    found
        What it is, in a line.
    remedy
        What to do about it; never empty where something is wrong.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def wrong(name: str, error: InputError) -> Check:
    """Make a finding of an error."""
    return Check(name, "wrong", error.problem, error.remedy)
