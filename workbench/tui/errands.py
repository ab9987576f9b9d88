"""What one screen asks another to show when it goes there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Errand:
    """A data set by name, a search for users, an item by original id; empty: none."""

    dataset: str = ""
    question: str = ""
    item_id: str = ""
