"""What the session says: in the last line for some seconds, and in a list."""

from __future__ import annotations

from typing import Any

from textual.content import Content
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input

from workbench.tui.commands import BY_ID
from workbench.tui.messages import SECONDS, Messages
from workbench.tui.session import Session
from workbench.tui.widgets.lines import KeyLine


class Speaking(Session):
    """A session whose notifications cover nothing."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.messages = Messages(self.now)
        self._saying: Timer | None = None

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something in the last line for some seconds; the list of messages keeps it."""
        text = Content.from_markup(message).plain if markup else message
        self.said = self.messages.take(f"{title}: {text}" if title else text, severity)
        if self._saying is not None:
            self._saying.stop()
        self._saying = self.set_timer(timeout or SECONDS[severity], self._be_quiet)

    def watch_said(self) -> None:
        """Show it, or the keys again; over a dialog, which may lie over the line, too."""
        screens = self.screen_stack  # none any more when the session has ended meanwhile
        for screen in screens:
            if isinstance(screen, ModalScreen) and self.said is None:
                screen.query(KeyLine).remove()
        for screen in screens[-1:]:
            if isinstance(screen, ModalScreen) and self.said and not screen.query(KeyLine):
                screen.mount(KeyLine())
        for screen in screens:
            for line in screen.query(KeyLine):
                line.refresh()

    def _be_quiet(self) -> None:
        self.said = None

    def action_messages(self) -> None:
        """List what has been said."""
        from workbench.tui.screens.messages import MessagesScreen

        self.push_screen(MessagesScreen(self.messages))

    def action_help_quit(self) -> None:
        """Say which key leaves: Ctrl+C, which ends other programs, does not."""
        keys = self.settings.shown_keys(BY_ID["everywhere.quit"])[0]
        if isinstance(self.screen, ModalScreen) or isinstance(self.focused, Input):
            keys = f"Esc, then {keys}"  # which is a letter like others in a field
        self.notify(f"{keys} leaves the session.", markup=False)
