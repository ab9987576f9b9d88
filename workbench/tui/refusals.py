"""Why a key does nothing at the moment: said in the last line rather than in silence.

What it needs may still be read: then the key waits for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from textual.actions import parse
from textual.dom import DOMNode

from workbench.tui.commands import COMMANDS
from workbench.tui.commands.command import Command, shown


@runtime_checkable
class Explains(Protocol):
    """A screen or widget that knows why a command of its own has no use now."""

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why; empty when it does not know."""


@runtime_checkable
class Awaits(Protocol):
    """A screen or widget that knows what a command needs and is still being read."""

    def awaits(self, action: str) -> str:
        """Say what it is, as "the users are"; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that `check_action` refused."""

    action: str
    node: DOMNode

    @property
    def command(self) -> Command | None:
        """What was refused; a field has actions of the same names: they are no commands."""
        own = {binding.id for _, binding in self.node._bindings}
        return next((c for c in COMMANDS if c.handler == self.action and c.id in own), None)

    @property
    def awaits(self) -> str:
        """What is still being read, in the part that was asked or around it."""
        _, name, _ = parse(self.action)
        nodes = (node for node in self.node.ancestors_with_self if isinstance(node, Awaits))
        return next(filter(None, (node.awaits(name) for node in nodes)), "")


def waiting_for(refusal: Refusal, key: str) -> str:
    """Say what a key waits for; empty: nothing that comes would give it a use."""
    command = refusal.command
    what = "" if command is None or key == "escape" else refusal.awaits
    if command is None or not what:
        return ""
    return f"{shown(key)} ({command.label}) waits: {what} still being read; Esc forgets it"


def reason_of(refusal: Refusal, key: str) -> str:
    """Say why a key does nothing; empty for one that only steps back, or is no command."""
    command = refusal.command
    if command is None or key == "escape":
        return ""
    _, name, parameters = parse(refusal.action)
    if isinstance(refusal.node, Explains) and (why := refusal.node.why_not(name, parameters)):
        return why
    return f"{shown(key)} ({command.label}) does nothing here"
