"""The line of a form: some characters are keys there, where no text can have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import events
from textual.binding import Binding
from textual.widgets import Input

from workbench.tui.widgets.lines import Entry

#: of the keys of a line these are commands of the form
_TAKEN = "ctrl+e"


def _without_taken() -> list[Any]:
    found: list[Any] = []
    for each in Input.BINDINGS:
        assert isinstance(each, Binding)
        keys = [key for key in each.key.split(",") if key != _TAKEN]
        found.append(Binding(",".join(keys), each.action, each.description, show=False))
    return found


class FieldEntry(Entry, inherit_bindings=False):
    """A line to type in that leaves some characters to the form around it.

    Parameters
    ----------
    leaves
        Tells whether a character is a key of the form now.
    """

    BINDINGS: ClassVar = _without_taken()

    def __init__(self, text: str, leaves: Callable[[str], bool], **options: Any) -> None:
        super().__init__(text, **options)
        self._leaves = leaves

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character and self._leaves(event.character):
            event.prevent_default()  # it goes on to the bindings of the form
