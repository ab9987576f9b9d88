"""`completion`: bash, zsh and fish complete commands, options, runs, data sets, models, fields."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stderr

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from workbench.cli.context import GLOBALS, globals_first

PROGRAM = "recsys-workbench"
#: set by the script: which shell asks
VARIABLE = "_RECSYS_WORKBENCH_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
#: the end of the function for bash: after ``field=`` a value follows, not a blank
_BASH_END = "    return 0\n"
_BASH_VALUE = "    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"


@click.command
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that lets SHELL complete lines of this program: docs/setup.md."""
    script = _completer(shell, click.Group()).source()
    if shell == "bash":
        script = script.replace(_BASH_END, _BASH_VALUE + _BASH_END)
    sys.stdout.write(script)


def _completer(shell: str, program: click.Command) -> ShellComplete:
    found = get_completion_class(shell)
    if found is None:
        raise LookupError(shell)
    return found(program, {}, PROGRAM, VARIABLE)


def answer(program: click.Command) -> int:
    """Print what the shell asks for in environment variables; whatever is wrong, print nothing."""
    try:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # noqa: PTH123
            completer = _completer(os.environ[VARIABLE].partition("_")[0], program)
            items = _offers(completer, *completer.get_completion_args())
            text = "\n".join(completer.format_completion(item) for item in items)
    except Exception:  # noqa: BLE001 - a complaint would stand in the middle of what is typed
        return 1
    sys.stdout.write(f"{text}\n" if text else "")
    return 0


def _offers(
    completer: ShellComplete, words: list[str], incomplete: str
) -> list[CompletionItem[str]]:
    """List what can stand after `words`; global options count wherever they stand."""
    if words and GLOBALS.get(words[-1]):
        return [CompletionItem(incomplete, type="dir")]
    return completer.get_completions(globals_first(words), incomplete)
