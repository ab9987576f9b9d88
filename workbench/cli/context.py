"""What every command knows: the global options, which may stand anywhere on the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import click

from recsys_core.errors import InputError

#: global option -> whether it takes a value
GLOBALS = {"--runs-dir": True, "--data-dir": True, "--debug": False, "--headless": False}


@dataclass(frozen=True)
class Settings:
    """The global options; commands take them with `pass_settings`."""

    runs_dir: Path
    data_dir: Path
    debug: bool = False
    headless: bool = False


class NamingGroup(click.Group):
    """A group of commands that offers the nearest name for one that does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the next word names."""
        name, valid = args[0], self.list_commands(ctx)
        if name not in valid and not name.startswith("-"):
            near = get_close_matches(name, valid, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'? " if near else ""
            whole = f"{self.name} {name}" if ctx.parent else name
            raise InputError(f"unknown command '{whole}'", f"{hint}valid: {', '.join(valid)}")
        return super().resolve_command(ctx, args)


pass_settings = click.make_pass_decorator(Settings)


def globals_first(arguments: Sequence[str]) -> list[str]:
    """Move global options to the front, where the command group reads them.

    Examples
    --------
    >>> globals_first(["runs", "list", "--runs-dir", "x", "--debug"])
    ['--runs-dir', 'x', '--debug', 'runs', 'list']
    >>> globals_first(["runs", "--", "--debug"])
    ['runs', '--', '--debug']
    """
    moved, rest = [], []
    words = iter(arguments)
    for word in words:
        name, equals, _ = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif name in GLOBALS:
            moved.append(word)
            if GLOBALS[name] and not equals:
                moved += [value for value in [next(words, None)] if value is not None]
        else:
            rest.append(word)
    return moved + rest
