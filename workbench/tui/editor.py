"""Text that is edited in a person's own editor, while the session waits."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.app import SuspendNotSupported

from recsys_core.errors import InputError
from recsys_core.reading import read_bytes

_NONE_SET = "set one in the shell, e.g. export EDITOR=nano"


def editor_command() -> list[str]:
    """Read which editor a person wants, and with which arguments: ``code -w``.

    Raises
    ------
    InputError
        None is set, or its quotes do not end.
    """
    for name in ("VISUAL", "EDITOR"):
        text = os.environ.get(name, "").strip()
        if not text:
            continue
        try:
            return shlex.split(text)
        except ValueError as error:
            raise InputError(f"{name} is {text!r}: {error}", _NONE_SET) from None
    raise InputError("no editor is set: VISUAL and EDITOR are empty", _NONE_SET)


def edit(text: str, name: str, suspend: Callable[[], AbstractContextManager[None]]) -> str:
    """Let a person edit a text; return what they left.

    Parameters
    ----------
    name
        Of the file, whose ending tells editors what it is.
    suspend
        Gives the terminal away for the time of a block.

    Raises
    ------
    InputError
        There is no editor, it failed, or what it left is no text.
    """
    command = editor_command()
    with TemporaryDirectory(prefix="recsys-workbench-") as folder:
        file = Path(folder, name)
        file.write_text(text, encoding="utf-8")
        try:
            with suspend():
                code = _wait([*command, str(file)])
        except SuspendNotSupported:
            raise InputError("there is no terminal here to give to an editor") from None
        except OSError as error:
            raise InputError(f"{command[0]}: {error.strerror}", _NONE_SET) from None
        if code:
            raise InputError(f"{command[0]} ended with exit code {code}: nothing is taken over")
        try:
            return read_bytes(file).decode("utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"what {command[0]} left cannot be read: {error}") from None


def _wait(command: list[str]) -> int:
    """Run the editor; Ctrl+C is for it alone."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # a program does not inherit a function
    try:
        return subprocess.run(command).returncode  # noqa: S603 - what the person has set
    finally:
        signal.signal(signal.SIGINT, before)
