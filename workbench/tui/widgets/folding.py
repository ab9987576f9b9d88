"""A table with rows that others are folded below."""

from __future__ import annotations

from collections.abc import Callable

from workbench.tui.widgets.grid import Grid


class FoldingGrid(Grid):
    """The keys to the right and left unfold and fold a row before they go to other columns.

    Parameters
    ----------
    turn
        Unfolds (1) or folds (-1) the row under the cursor; tells whether it did.
    """

    def __init__(self, turn: Callable[[int], bool]) -> None:
        super().__init__(id="jobs", sortable=False)
        self._turn = turn

    def action_column(self, columns: int) -> None:
        """Unfold or fold; else move the column cursor."""
        if abs(columns) > 1 or not self._turn(columns):
            super().action_column(columns)
