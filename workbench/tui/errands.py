"""What one screen asks another to show when it goes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Errand:
    """A data set by name, a search for users, an item by original id, a metric; empty: none."""

    dataset: str = ""
    question: str = ""
    item_id: str = ""
    metric: str = ""


@runtime_checkable
class TakesErrand(Protocol):
    """A screen that can be asked while it is shown, too."""

    def take_errand(self) -> None:
        """Do what it was asked for, if anything."""
