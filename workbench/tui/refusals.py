"""Why a key does nothing at the moment: said in the last line rather than in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from textual.actions import parse
from textual.dom import DOMNode

from workbench.tui.commands import COMMANDS
from workbench.tui.commands.command import shown


@runtime_checkable
class Explains(Protocol):
    """A screen or widget that knows why a command of its own has no use now."""

    def why_not(self, action: str, parameters: Sequence[object]) -> str:
        """Say why; empty when it does not know."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that `check_action` refused."""

    action: str
    node: DOMNode


def reason_of(refusal: Refusal, key: str) -> str:
    """Say why a key does nothing; empty for one that only steps back, or is no command."""
    if key == "escape":
        return ""
    # a field has actions of the same names: they are no commands
    own = {binding.id for _, binding in refusal.node._bindings}
    command = next((c for c in COMMANDS if c.handler == refusal.action and c.id in own), None)
    if command is None:
        return ""
    _, name, parameters = parse(refusal.action)
    if isinstance(refusal.node, Explains) and (why := refusal.node.why_not(name, parameters)):
        return why
    return f"{shown(key)} ({command.label}): nothing here to use it on"
