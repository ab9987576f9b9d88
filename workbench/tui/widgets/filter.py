"""The line that filters runs while it is typed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from textual.message import Message

from recsys_core.errors import InputError
from workbench.tui.view.filters import Filter, filter_words, parse_filter
from workbench.tui.widgets.lines import Entry
from workbench.tui.widgets.search import SearchLine, beginning

_EXAMPLE = "words   model:mf   -state:failed   ndcg@10>.2   tag:paper   a OR b"


class FilterLine(SearchLine):
    """An input whose text is a filter; what is wrong with it stands below it.

    Parameters
    ----------
    names
        Gives the metrics and settings that a filter may compare.
    labels
        Gives the labels that there are.
    """

    @dataclass
    class Filtered(Message):
        """The text is a filter, another one than before."""

        text: str
        passes: Filter

    @dataclass
    class Left(Message):
        """The person is done with the line."""

    def __init__(
        self,
        text: str,
        names: Callable[[], Collection[str]],
        labels: Callable[[], Collection[str]] = list,
    ) -> None:
        super().__init__(text, placeholder=_EXAMPLE, id="filter", completions=self._complete)
        self.border_title = "filter"
        self._names = names
        self._labels = labels

    def _complete(self, word: str) -> list[str]:
        return beginning(word, filter_words(sorted(self._names()), sorted(self._labels())))

    def on_input_changed(self, event: Entry.Changed) -> None:
        """Filter; what does not parse (yet) is told and waits."""
        event.stop()
        try:
            passes = parse_filter(event.value, self._names)
        except InputError as error:
            self.complain(str(error))
            return
        self.complain("")
        self.post_message(self.Filtered(event.value.strip(), passes))

    def on_input_submitted(self, event: Entry.Submitted) -> None:
        """Leave the line, unless it is wrong."""
        event.stop()
        try:
            parse_filter(event.value, self._names)
        except InputError as error:
            self.complain(str(error))
        else:
            self.remember()
            self.post_message(self.Left())
