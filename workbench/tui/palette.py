"""The palette: the commands of all screens, found by what they do as well as by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from workbench.tui.commands import COMMANDS, SCOPES, Command, screen_of

if TYPE_CHECKING:
    from workbench.tui.session import Session

#: a hit in the name counts for more than one in the description, and the current screen for more
#: than others
_IN_HELP, _HERE = 0.5, 1.0
_THEME = ("theme", "Change the colours.")


@dataclass(frozen=True, slots=True)
class Offer:
    """A command as the palette names it.

    Parameters
    ----------
    here
        Whether it works on the screen that the palette was opened on.
    """

    title: str
    help: str
    run: Callable[[], Awaitable[None] | None]
    here: bool


class CommandsProvider(Provider):
    """Offers every command; those of the current screen first."""

    async def discover(self) -> Hits:
        """List all commands."""
        for offer in self._offers():
            yield DiscoveryHit(offer.title, offer.run, help=offer.help)

    async def search(self, query: str) -> Hits:
        """List the commands whose name or description fits."""
        matcher = self.matcher(query)
        for offer in self._offers():
            score, display = matcher.match(offer.title), matcher.highlight(offer.title)
            if score <= 0 and _has_words(offer.help, query):
                score, display = _IN_HELP, Content(offer.title)
            if score > 0:
                score += _HERE * offer.here
                yield Hit(score, display, offer.run, offer.title, offer.help)

    def _offers(self) -> Iterator[Offer]:
        offers = list(self._all())
        yield from (offer for offer in offers if offer.here)
        yield from (offer for offer in offers if not offer.here)

    def _all(self) -> Iterator[Offer]:
        app: Session = self.app  # type: ignore[assignment]
        active = {entry.binding.id: entry for entry in self.screen.active_bindings.values()}
        for command in COMMANDS:
            key = app.settings.shown_keys(command)[0]
            entry = active.get(command.id)
            if entry is not None and entry.enabled:
                run = partial(_run, app, command, entry.node)
                yield Offer(f"{command.label} ({key})", command.help, run, here=True)
            elif entry is None and command.scope != "everywhere":
                title = f"{SCOPES[command.scope]}: {command.label} ({key})"
                yield Offer(title, command.help, partial(_go, app, command), here=False)
        name, help_text = _THEME
        yield Offer(name, help_text, app.action_change_theme, here=True)


def _has_words(text: str, query: str) -> bool:
    """Tell whether a text has all words of a query."""
    return all(word in text.lower() for word in query.lower().split())


async def _run(app: Session, command: Command, node: Any) -> None:
    await app.run_action(command.handler, node)


def _go(app: Session, command: Command) -> None:
    """Go to the screen of a command: what it works on is chosen there, and then its key pressed."""
    key, where = app.settings.shown_keys(command)[0], SCOPES[command.scope]
    if screen := screen_of(command):
        app.action_go(screen)
        app.notify(f"{key}: {command.help}", markup=False)
    else:
        app.notify(f"{key} works in: {where}", markup=False)
