"""The line that filters runs while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from textual.message import Message

from recsys_core.errors import InputError
from workbench.tui.view.filters import Filter, parse_filter
from workbench.tui.widgets.lines import Entry

_EXAMPLE = "words   model:mf   -state:failed   ndcg@10>.2   tag:paper   a OR b"


class FilterLine(Entry):
    """An input whose text is a filter; what is wrong with it stands in its border.

    Parameters
    ----------
    names
        Gives the metrics and settings that a filter may compare.
    """

    @dataclass
    class Filtered(Message):
        """The text is a filter, another one than before."""

        text: str
        passes: Filter

    @dataclass
    class Left(Message):
        """The person is done with the line."""

    def __init__(self, text: str, names: Callable[[], Collection[str]]) -> None:
        super().__init__(text, placeholder=_EXAMPLE, id="filter")
        self.border_title = "filter"
        self._names = names

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Filter; what does not parse (yet) is told and waits."""
        event.stop()
        try:
            passes = parse_filter(event.value, self._names)
        except InputError as error:
            self.border_subtitle = str(error).replace("\n", ": ")
            self.add_class("-wrong")
            return
        self.border_subtitle = ""
        self.remove_class("-wrong")
        self.post_message(self.Filtered(event.value, passes))

    def on_input_submitted(self, event: Entry.Submitted) -> None:
        """Leave the line, unless it is wrong."""
        event.stop()
        if not self.has_class("-wrong"):
            self.post_message(self.Left())
