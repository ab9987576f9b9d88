"""The line at the top of every screen: the screens by key, what the queue does, the time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from workbench.store.text import plain
from workbench.tui.modes import SCREENS
from workbench.tui.view.format import state_look

if TYPE_CHECKING:
    from workbench.tui.session import Session

_NAME = "recsys-workbench"
#: the clock shows minutes; seconds until it is looked at again
_CLOCK_SECONDS = 5.0


class Header(Widget):
    """Screens and queue; a click on a screen's name goes there."""

    DEFAULT_CSS = "Header { height: 1; }"

    @property
    def workbench(self) -> Session:
        """The app, with its runs and its queue."""
        app: Session = self.app  # type: ignore[assignment]
        return app

    def on_mount(self) -> None:
        """Follow runs, queue and clock."""
        for name in ("runs", "queue", "chosen"):
            self.watch(self.app, name, self._again, init=False)
        self.set_interval(_CLOCK_SECONDS, self._again)
        self._drawn: Content | None = None

    def _again(self) -> None:
        if self.is_attached and self._draw() != self._drawn:
            self.refresh()

    def render(self) -> RenderResult:
        """Draw the line."""
        self._drawn = self._draw()
        return self._drawn

    def _draw(self) -> Content:
        """Put the parts together; the program's name gives way first, then words for signs."""
        screens = self._screens()
        for name in (f" {_NAME} ", ""):
            for long in (True, False):
                right = self._right(long)
                left = Content.assemble(Content.styled(name, "bold $primary"), screens)
                space = self.size.width - left.cell_length - right.cell_length - 1
                if space >= 1:
                    return Content.assemble(left, " " * space, right)
        return screens

    def _screens(self) -> Content:
        parts = []
        for screen in SCREENS:
            here = screen.name == self.workbench.chosen
            key = Content.styled(screen.key, "bold $primary")
            name = Content.styled(screen.title, "bold underline" if here else "$secondary")
            part = Content.assemble(" ", key, " ", name, " ")
            parts.append(part.stylize(Style.from_meta({"screen": screen.name})))
        return Content("").join(parts)

    def _right(self, long: bool) -> Content:
        clock = datetime.fromtimestamp(self.workbench.now()).strftime("%H:%M")
        return Content.assemble(
            *self._counts(long),
            *self._queue(long),
            Content.styled(clock, "$secondary"),
        )

    def _counts(self, long: bool) -> list[Content]:
        parts = []
        dataset = self._dataset()
        if long and dataset:
            parts.append(Content.styled(f"{plain(dataset)}  ", "$secondary"))
        for state, style in (("running", "$primary"), ("queued", "$secondary")):
            count = sum(run.state == state for run in self.workbench.runs)
            look = state_look(state)
            if count:
                text = f"{look.glyph} {count} {look.word}  " if long else f"{look.glyph}{count} "
                parts.append(Content.styled(text, style))
        return parts

    def _dataset(self) -> str:
        """Name the data set of the jobs under way, where they have one in common."""
        names = {run.dataset for run in self.workbench.runs if run.state in ("queued", "running")}
        return names.pop() if len(names) == 1 else ""

    def _queue(self, long: bool) -> list[Content]:
        queue = self.workbench.queue
        if queue.paused:
            return [Content.styled("queue paused  " if long else "paused ", "bold $accent")]
        if queue.waiting and not queue.supervised:
            return [Content.styled("queue idle  " if long else "idle ", "$accent")]
        return []

    def on_click(self, event: events.Click) -> None:
        """Go to the screen that was clicked."""
        wanted = event.style.meta.get("screen")
        if isinstance(wanted, str):
            self.workbench.action_go(wanted)
