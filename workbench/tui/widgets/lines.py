"""One-line widgets: the title below the header, the keys at the bottom, a line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from rich.cells import cell_len, set_cell_size
from textual import events
from textual.app import RenderResult
from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import Reactive, reactive
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Input, Static

from workbench.tui.commands import BY_ID, COMMANDS, Command
from workbench.tui.messages import LOOKS, Said

if TYPE_CHECKING:
    from workbench.tui.session import Session


#: cells below which the beginning of a remark says nothing
_LEAST_REMARK = 12


def put(place: Static, text: Content | str) -> None:
    """Write into a widget whose size does not depend on it; what it says already costs nothing."""
    new = Content(text) if isinstance(text, str) else text
    old = place.content
    if not (isinstance(old, Content) and new.is_same(old)):
        place.update(new, layout=False)


class Title(Static):
    """A line above a part; its place depends neither on its text nor on how it looks."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(text, id=id, classes="title", markup=False)

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw the line anew, and nothing else."""
        return super().refresh(*regions, repaint=repaint, recompose=recompose)


class Entry(Input):
    """A line to type in whose place does not depend on its text: typing lays nothing out anew."""

    #: keys of the line itself and what they do, for the line of keys
    HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("Enter", "keep"), ("Esc", "back"))

    virtual_size: Reactive[Size] = Reactive(Size(0, 0), repaint=False)


class TitleLine(Widget):
    """What the screen shows, and a remark at the right."""

    DEFAULT_CSS = "TitleLine { height: 1; }"
    what: reactive[str] = reactive("")
    remark: reactive[str] = reactive("")

    def has_room(self, what: str, remark: str) -> bool:
        """Tell whether both fit side by side."""
        width = cell_len(what) + cell_len(remark) + 4
        return width <= self.screen.size.width

    def render(self) -> RenderResult:
        """Draw the line; of a remark that is too long the beginning, where that says something."""
        left, text = Content(f" {self.what}"), self.remark
        if not self.has_room(self.what, text):
            room = self.size.width - left.cell_length - 3
            if room < _LEAST_REMARK:
                return left
            text = f"{set_cell_size(text, room - 1).rstrip()}…"
        remark = Content.styled(text, "$secondary")
        space = self.size.width - left.cell_length - remark.cell_length - 1
        return Content.assemble(left, " " * space, remark)


class KeyLine(Widget):
    """The commands that work now, as many as fit; a click runs one. For seconds a message.

    Built from the active bindings of the screen, so a command that its screen has no use for at the
    moment (`check_action`) is not named.
    """

    DEFAULT_CSS = "KeyLine { height: 1; }"

    def on_mount(self) -> None:
        """Follow the screen's bindings; the app and the screen say when a message is due."""
        self.screen.bindings_updated_signal.subscribe(self, self._on_bindings)

        self._named: list[Command] = []
        self._asked = False

    def _on_bindings(self, _screen: Screen[object]) -> None:
        """Look at the commands when what a key changed has been seen: that takes a while."""
        if not self._asked:
            self._asked = True
            self.call_after_refresh(self._follow)

    def _follow(self) -> None:
        self._asked = False
        if self.is_attached and not self.app._batch_count and self.fitting() != self._named:
            self.refresh()

    def commands(self) -> list[Command]:
        """List the commands of the line that work now."""
        active = self.screen.active_bindings
        working = {entry.binding.id for entry in active.values() if entry.enabled}
        named = (command for command in COMMANDS if command.in_key_line and command.id in working)
        return [command for command in named if self._key(command)]

    def _hints(self) -> tuple[tuple[str, str], ...]:
        """Name the keys of the line that is typed in."""
        typed_in = self.screen.focused
        return typed_in.HINTS if isinstance(typed_in, Entry) else ()

    def fitting(self) -> list[Command]:
        """Leave out what does not fit, from the middle: the last three are always named."""
        commands = self.commands()
        last, rest = commands[-3:], commands[:-3]
        room = self.size.width - sum(len(key) + len(label) + 3 for key, label in self._hints())
        while rest and sum(map(self._width, [*rest, *last])) > room:
            rest.pop()
        return [*rest, *last]

    def render(self) -> RenderResult:
        """Draw ``key label`` pairs, or what was just said."""
        app: Session = self.app  # type: ignore[assignment]
        if app.said is not None:
            self._named = []
            return self._message(app.said)
        parts: list[Content] = []
        self._named = self.fitting()
        for key, label in self._hints():
            parts.append(self._pair(key, label))
        for command in self._named:
            pair = self._pair(self._key(command), command.label)
            parts.append(pair.stylize(Style.from_meta({"command": command.id})))
        return Content("").join(parts)

    def _pair(self, key: str, label: str) -> Content:
        return Content.assemble(" ", Content.styled(key, "bold $primary"), f" {label} ")

    def _message(self, said: Said) -> Content:
        """Draw a message; of a long one the beginning, and where the whole is."""
        text, rest = said.line, ""
        if cell_len(text) > self.size.width - 2:
            key = self._key(BY_ID["everywhere.messages"])
            rest = f"…  {key} shows all" if key else "…"
            text = set_cell_size(text, max(0, self.size.width - 2 - cell_len(rest)))
        style = LOOKS[said.severity][1]
        return Content.assemble(
            " ", Content.styled(text, style), Content.styled(rest, "$secondary")
        )

    def _key(self, command: Command) -> str:
        """Name a key of a command; while a line is typed in, one that is not text, or none."""
        app: Session = self.app  # type: ignore[assignment]
        keys = app.settings.shown_keys(command)
        if isinstance(self.screen.focused, Input):
            keys = tuple(key for key in keys if len(key) > 1 and key != "Space")
        return keys[0] if keys else ""

    def _width(self, command: Command) -> int:
        return cell_len(self._key(command)) + cell_len(command.label) + 3

    async def on_click(self, event: events.Click) -> None:
        """Run the command that was clicked."""
        wanted = event.style.meta.get("command")
        for entry in self.screen.active_bindings.values():
            if wanted is not None and entry.binding.id == wanted:
                await self.app.run_action(entry.binding.action, entry.node)
                return
