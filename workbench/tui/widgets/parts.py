"""The names of a screen's parts in a line, the one that is shown underlined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget


class PartLine(Widget):
    """Names parts; a click on one chooses it."""

    DEFAULT_CSS = "PartLine { height: 1; }"

    @dataclass
    class Chosen(Message):
        """A part was clicked."""

        part: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._names: tuple[str, ...] = ()
        self._shown = ""

    def show(self, names: Sequence[str], shown: str) -> None:
        """Name the parts; `shown` is the one in sight."""
        self._names, self._shown = tuple(names), shown
        self.refresh()

    def render(self) -> RenderResult:
        """Draw the names."""
        parts = []
        for name in self._names:
            style = "bold underline" if name == self._shown else "$secondary"
            part = Content.assemble(" ", Content.styled(name, style), "  ")
            parts.append(part.stylize(Style.from_meta({"part": name})))
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        """Choose a part."""
        part = event.style.meta.get("part")
        if isinstance(part, str):
            self.post_message(self.Chosen(part))
