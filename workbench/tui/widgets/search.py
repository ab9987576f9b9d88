"""Lines that search while one types: what is wrong stands below them, earlier ones come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from workbench.store.text import plain
from workbench.tui.widgets.lines import Entry

#: lines of a kind that are remembered
_REMEMBERED = 50
#: cells at each side of a problem
_PADDING = 2
#: by kind, the newest last; for the time of the session
_EARLIER: dict[str, list[str]] = {}


class Problem(Static):
    """What is wrong with the line above; takes no room while nothing is."""

    DEFAULT_CSS = """
    Problem { display: none; height: auto; padding: 0 2; color: $text-error; }
    """

    def __init__(self) -> None:
        super().__init__(classes="problem", markup=False)
        self._problem = ""

    def say(self, problem: str) -> None:
        """Write it, or take it away."""
        self._problem = plain(problem.replace("\n", ": "))
        self.display = bool(problem)
        self._write()

    def on_resize(self) -> None:
        """Cut it to the new width."""
        self._write()

    def _write(self) -> None:
        """Write two lines at most, with an ellipsis where there would be more."""
        assert isinstance(self.parent, Widget)
        room = max(1, self.parent.content_size.width - 2 * _PADDING)
        first, *others = Content(self._problem).wrap(room)
        if len(others) > 1:
            others = [Content(" ").join(others).truncate(room, ellipsis=True)]
        self.update(Content("\n").join([first, *others]))


class SearchLine(Entry):
    """An input that recalls what was asked before and completes words.

    Parameters
    ----------
    completions
        Lists what the last word may become.
    """

    HINTS = (("Enter", "keep"), ("Esc", "clear"), ("Tab", "complete"), ("↑", "earlier"))
    BINDINGS: ClassVar = [
        Binding("up", "recall(-1)", show=False),
        Binding("down", "recall(1)", show=False),
        Binding("tab", "complete", show=False),
    ]

    def __init__(
        self,
        text: str,
        *,
        placeholder: str,
        id: str,  # noqa: A002 - Textual's name
        completions: Callable[[str], Sequence[str]] = lambda word: (),
    ) -> None:
        # what is typed next is another word
        begun = f"{text} " if text and text.count('"') % 2 == 0 else text
        super().__init__(begun, placeholder=placeholder, id=id, select_on_focus=False)
        self._completions = completions
        self._place = 0
        #: what Tab goes through: what stands before the word, its values, the text that it made
        self._offered: tuple[str, Sequence[str], str] = ("", (), "")

    @property
    def _earlier(self) -> list[str]:
        return _EARLIER.setdefault(self.id or "", [])

    def complain(self, problem: str) -> None:
        """Say what is wrong with the text; empty: nothing."""
        self.set_class(bool(problem), "-wrong")
        assert self.parent is not None
        self.parent.query_one(Problem).say(problem)

    def remember(self) -> None:
        """Keep the text, so that it can be asked again."""
        asked = self.value.strip()
        if asked and asked not in self._earlier[-1:]:
            self._earlier.append(asked)
            del self._earlier[:-_REMEMBERED]

    def action_recall(self, step: int) -> None:
        """Put in what was asked before, or after that."""
        place = self._place + step
        if -len(self._earlier) <= place <= 0:
            self._place = place
            self.value = self._earlier[place] if place else ""
            self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        """Put in the next of what the last word may become."""
        before, offered, made = self._offered
        if self.value == made and offered:
            place = offered.index(made[len(before) :]) + 1
        else:
            before, word = last_word(self.value)
            offered, place = self._completions(word), 0
        if offered:
            made = before + offered[place % len(offered)]
            self._offered = before, offered, made
            self.value = made
            self.cursor_position = len(made)


def last_word(text: str) -> tuple[str, str]:
    """Split off the word that is being typed; a quote that is open belongs to it.

    Examples
    --------
    >>> last_word("age=25 lik"), last_word('worst=auc liked="Star W')
    (('age=25 ', 'lik'), ('worst=auc ', 'liked="Star W'))
    """
    start, quoted = 0, False
    for place, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif sign == " " and not quoted:
            start = place + 1
    return text[:start], text[start:]


def beginning(word: str, names: Sequence[str]) -> list[str]:
    """List the names that begin with a word, those that only have it in them after these."""
    low = word.lower()
    first = [name for name in names if name.lower().startswith(low)]
    return first + [name for name in names if low in name.lower() and name not in first]
