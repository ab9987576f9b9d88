"""Checks of commands by id: each test file tests every command of its scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.tui.session import Session
from workbench.tui.commands import commands_of

Check = Callable[[Session], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def checks(command: str) -> Callable[[Check], Check]:
    """Register a function as the test of one command."""

    def remember(check: Check) -> Check:
        CHECKS[command] = check
        return check

    return remember


def ids_of(*scopes: str) -> list[str]:
    """List the commands of some scopes, to be parametrized over."""
    return [command.id for scope in scopes for command in commands_of(scope)]
