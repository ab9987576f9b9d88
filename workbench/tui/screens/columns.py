"""Choose the columns of the table, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.store.text import plain
from workbench.tui.view.choices import Options

_ON, _OFF = "[x]", "[ ]"


class ColumnsScreen(ModalScreen[tuple[frozenset[str], tuple[str, ...]] | None]):
    """A list of columns; it ends with the hidden ones and the order, or None when nothing changed.

    Parameters
    ----------
    columns
        Key and title of every column that can be chosen, in their usual order.
    """

    CSS_PATH = "columns.tcss"
    BINDINGS: ClassVar = [
        Binding("escape", "dismiss", "close", show=False),
        Binding("space", "switch", show=False),
        Binding("J", "shift(1)", show=False),
        Binding("K", "shift(-1)", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("a", "reset", show=False),
    ]

    def __init__(self, columns: Sequence[tuple[str, str]], options: Options) -> None:
        super().__init__()
        self._usual = [key for key, _ in columns]
        self._titles = {key: _title(key, title) for key, title in columns}
        places = {key: place for place, key in enumerate(options.order)}
        self._keys = sorted(self._usual, key=lambda key: places.get(key, len(places)))
        self._hidden = set(options.hidden)
        self._ordered = bool(options.order)

    def compose(self) -> ComposeResult:
        """Put the list into a frame."""
        with Vertical(id="columns") as frame:
            frame.border_title = "columns"
            frame.border_subtitle = "Space on/off · J K move · a reset · Enter applies · Esc"
            yield OptionList(*self._options(), markup=False)

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def _options(self) -> list[Option]:
        return [Option(self._line(key), id=None) for key in self._keys]

    def _line(self, key: str) -> str:
        return f"{_OFF if key in self._hidden else _ON} {self._titles[key]}"

    def _show(self, row: int) -> None:
        self._list.clear_options()
        self._list.add_options(self._options())
        self._list.highlighted = row

    def on_option_list_option_selected(self, _event: OptionList.OptionSelected) -> None:
        """Take the choice."""
        known = set(self._keys)
        gone = self._hidden - known  # of metrics that come back with another filter
        hidden = frozenset((self._hidden & known) | gone)
        self.dismiss((hidden, tuple(self._keys) if self._ordered else ()))

    def action_switch(self) -> None:
        """Take the column off, or put it back."""
        row = self._list.highlighted
        if row is not None:
            self._hidden ^= {self._keys[row]}
            self._list.replace_option_prompt_at_index(row, self._line(self._keys[row]))

    def action_shift(self, by: int) -> None:
        """Move the column up or down."""
        row = self._list.highlighted
        if row is not None and 0 <= row + by < len(self._keys):
            self._keys[row], self._keys[row + by] = self._keys[row + by], self._keys[row]
            self._ordered = True
            self._show(row + by)

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        if by > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()

    def action_reset(self) -> None:
        """Go back to all columns in their usual order."""
        self._keys, self._hidden, self._ordered = list(self._usual), set(), False
        self._show(0)


def _title(key: str, title: str) -> str:
    """Name a column so that it can be told from others: a setting, the figure of a metric."""
    kind, _, rest = key.partition(" ")
    return plain(f"{rest} ({'setting' if kind == 'param' else kind})" if rest else title)
