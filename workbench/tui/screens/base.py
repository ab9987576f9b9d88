"""What full screens share: header, title line, key line, a polite word when there is no room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.reactive import Reactive, reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from workbench.doctor.terminal import MINIMUM
from workbench.tui.commands import bindings
from workbench.tui.compositor import SparingCompositor
from workbench.tui.session import Session
from workbench.tui.widgets.grid import Grid
from workbench.tui.widgets.header import Header
from workbench.tui.widgets.lines import KeyLine, TitleLine

#: stays when a part has the whole screen
_FRAME = (Header, TitleLine, KeyLine)
#: a cursor that rests so long (seconds) is followed by what takes reading or drawing
REST = 0.05


class FullScreen(Screen[Any]):
    """A screen with the header, a title line, a body and a key line.

    A container with the class ``part`` is zoomed as a whole; else it is the widget in it that has
    the focus.
    """

    BINDINGS: ClassVar = bindings("parts")

    #: what the focus changes is drawn by those who have it, not by all of the screen
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    #: whether one part has the whole screen; a subclass that lays out by size watches it
    zoomed: reactive[bool] = reactive(False, init=False, repaint=False)

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SparingCompositor()
        self._later: list[Callable[[], None]] = []
        self._resting: Timer | None = None
        #: what has the focus, and what is around it
        self._lit: set[Widget] = set()

    @property
    def workbench(self) -> Session:
        """The app, with its runs."""
        app = self.app
        assert isinstance(app, Session)
        return app

    def body(self) -> Iterable[Widget]:
        """Make the widgets between title and key line."""
        raise NotImplementedError

    def watch_focused(self) -> None:
        """Light up the part that keys go to: its nearest title follows this."""
        way = self.focused.ancestors_with_self if self.focused else []
        lit = {node for node in way[:2] if isinstance(node, Widget)}
        before, self._lit = self._lit, lit
        for node in before ^ lit:
            if node.is_attached:
                node.set_class(node in lit, "-lit", update=False)
                # not tables: they draw their focus themselves, and to style one takes long
                styled = [each for each in node.walk_children() if not isinstance(each, Grid)]
                self.app.stylesheet.update_nodes([node, *styled][isinstance(node, Grid) :])

    def compose(self) -> ComposeResult:
        """Put the parts together; classes that follow the size come before what they style."""
        for name, wanted in self.classes_at(self.app.size).items():
            self.set_class(wanted, name, update=False)
        yield Header()
        yield TitleLine()
        yield from self.body()
        yield KeyLine()
        yield Static(classes="too-small", markup=False)

    def classes_at(self, size: Size) -> dict[str, bool]:
        """Tell which classes the screen has at a size of the terminal, and which it has not."""
        steps = sorted(self.HORIZONTAL_BREAKPOINTS or ())
        reached = [name for least, name in steps if size.width >= least][-1:]
        return {name: name in reached for _, name in steps}

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why a command has no use now; empty: nothing more is known than that."""
        return ""

    def awaits(self, action: str) -> str:
        """Say what a command needs and is still being read, as "the users are"; empty: nothing."""
        return ""

    @property
    def title_line(self) -> TitleLine:
        """The line below the header."""
        return self.query_one(TitleLine)

    def has_parts(self, *more: type[Widget]) -> bool:
        """Tell whether the widgets are there: one that waited may find the session at its end."""
        there = {type(node) for node in self.walk_children()}
        parts: tuple[type[Widget], ...] = (*_FRAME, *more)
        return all(any(issubclass(kind, part) for kind in there) for part in parts)

    def on_screen_resume(self) -> None:
        """Take away, or show, a message of meanwhile."""
        for line in self.query(KeyLine):
            line.refresh()

    def action_zoom(self) -> None:
        """Give the part that has the focus the whole screen, or take it back."""
        if self.zoomed:
            self.query(".-aside, .-whole").remove_class("-aside", "-whole")
            self.zoomed = False
        elif self.focused is not None:
            way = [node for node in self.focused.ancestors_with_self if isinstance(node, Widget)]
            parts = [place for place, node in enumerate(way) if node.has_class("part")]
            for node in way[max(parts, default=0) : way.index(self)]:
                node.add_class("-whole")
                for sibling in node.siblings:
                    sibling.set_class(not isinstance(sibling, _FRAME), "-aside")
            self.zoomed = True

    def unzoom(self) -> bool:
        """Take the whole screen back from a part; tell whether one had it."""
        if self.zoomed:
            self.action_zoom()
            return True
        return False

    def _compositor_refresh(self) -> None:
        """Paint, unless it would not be shown: Textual draws all and then throws it away."""
        if not self.app._batch_count:
            super()._compositor_refresh()

    def _screen_resized(self, size: Size) -> None:
        """Lay out for another size; Textual does it for the same one, too, when a screen opens."""
        if size != self._size:
            super()._screen_resized(size)

    def once_painted(self, work: Callable[[], None]) -> None:
        """Do `work` when the screen has been drawn; asked for twice before, it is done once.

        A key that moves a cursor shows that first, and then what follows from it.
        """
        if work not in self._later:
            self._later.append(work)
            self.call_after_refresh(self._work)

    async def painted(self) -> None:
        """Wait until what was asked for is on the screen."""
        done = asyncio.Event()
        self.call_after_refresh(done.set)
        await done.wait()

    def _work(self) -> None:
        later, self._later = self._later, []
        if self.is_attached:
            for work in later:
                work()

    def once_rested(self, work: Callable[[], None]) -> None:
        """Do `work` when the cursor has rested for a moment: a held key passes over many rows."""
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST, lambda: work() if self.is_attached else None)

    def on_resize(self, event: events.Resize) -> None:
        """Say so when the terminal is too small."""
        width, height = event.size
        small = width < MINIMUM[0] or height < MINIMUM[1]
        self.set_class(small, "-too-small")
        if small:
            needed = f"{MINIMUM[0]}x{MINIMUM[1]}"
            text = f"This needs {needed} characters;\nthe terminal has {width}x{height}."
            self.query_one(".too-small", Static).update(text)
