"""Checks of commands by id: each test file tests every command of its scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from _pytest.mark import ParameterSet

from tests.tui.session import Session
from workbench.tui.commands import commands_of

Check = Callable[[Session], Awaitable[None]]
CHECKS: dict[str, Check] = {}


def checks(*commands: str) -> Callable[[Check], Check]:
    """Register a function as the test of some commands, in one session."""

    def remember(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(commands, check))
        return check

    return remember


def ids_of(*scopes: str) -> list[str]:
    """List the commands of some scopes."""
    return [command.id for scope in scopes for command in commands_of(scope)]


def cases_of(*scopes: str) -> list[ParameterSet]:
    """List the tests of all commands of some scopes, to be parametrized over."""
    names: dict[Check, list[str]] = {}
    for command in ids_of(*scopes):
        names.setdefault(CHECKS[command], []).append(command)
    return [pytest.param(check, id=" ".join(ids)) for check, ids in names.items()]
