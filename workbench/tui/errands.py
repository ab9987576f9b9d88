"""What one screen asks another to show when it goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Errand:
    """What to show; what is empty, or None, is not asked for.

    Parameters
    ----------
    dataset
        By name.
    question
        A search for users.
    user
        The number of one of them, who is opened.
    runs
        Ids of the runs that users are shown with.
    item_id
        The original id of an item.
    """

    dataset: str = ""
    question: str = ""
    item_id: str = ""
    metric: str = ""
    user: int | None = None
    runs: tuple[str, ...] = ()


@runtime_checkable
class TakesErrand(Protocol):
    """A screen that can be asked while it is shown, too."""

    def take_errand(self) -> None:
        """Do what it was asked for, if anything."""
