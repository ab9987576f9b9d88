"""The command group: commands are imported when they are called, errors become one or two lines."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from recsys_core import __version__
from recsys_core.errors import InputError
from recsys_core.extensions import extension_problems
from recsys_core.reading import shorten
from workbench.cli.completing import Items
from workbench.cli.context import NamingGroup, Settings, globals_first
from workbench.store.text import plain

#: opens the interactive session: runs folder, data folder -> exit code
Session = Callable[[Path, Path], int]
#: exit codes
OK, NOT_MET, WRONG_INPUT, JOB_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

#: what the operating system says when there is no room for more
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

#: what it says of a name that cannot be one
_NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP)

#: command -> module, attribute, line of help
COMMANDS: dict[str, tuple[str, str, str]] = {
    "eval": ("evaluate", "evaluate", "Train or reuse a suite of models, compare, gate, report."),
    "train": ("train", "train", "Train and evaluate one model."),
    "score": ("score", "score", "Evaluate the scores of a model from elsewhere."),
    "compare": (
        "compare",
        "compare",
        "Compare runs: values, differences, significance.",
    ),
    "user": ("user", "user", "Show a user's history next to what runs recommend; find users."),
    "recommend": ("recommend", "recommend", "List what a run recommends, or write it to a file."),
    "similar": (
        "similar",
        "similar",
        "Show the items most similar to one, run by run.",
    ),
    "data": ("data", "data", "List, fetch, import and describe data sets."),
    "runs": ("runs", "runs", "List, show, export and prune the runs on this machine."),
    "queue": ("queue", "queue", "Run jobs in the background: add, list, edit, cancel, resume."),
    "models": ("models", "models", "List models, show their fields; export fitted ones."),
    "completion": (
        "completion",
        "completion",
        "Print the script that lets a shell complete lines.",
    ),
    "doctor": ("doctor", "doctor", "Check installation, machine, folders and plug-ins."),
}


class LazyGroup(NamingGroup):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command called `cmd_name`."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"workbench.cli.{module}"), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        """Offer the commands without importing them."""
        found = (CompletionItem(name, help=text) for name, (_, _, text) in COMMANDS.items())
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [item for item in found if item.value.startswith(incomplete)] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


def _folder(ctx: click.Context, option: click.Parameter, text: str) -> Path:
    """Take a folder; an empty text (a variable that is not set) is not the current folder."""
    if not text:
        raise InputError(f"{option.opts[0]} is empty", "name a folder, or leave the option out")
    return Path(text)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="These options may stand anywhere on the line. Exit codes: 0 success; 1 a gate or "
    "baseline not met; 2 wrong command, configuration or data; 3 a job failed; 130 interrupted.",
)
@click.option("--headless", is_flag=True, help="Do not open the interactive session.")
@click.option(
    "--runs-dir",
    metavar="PATH",
    callback=_folder,
    default="runs",
    show_default=True,
    help="Folder of the runs.",
)
@click.option(
    "--data-dir",
    metavar="PATH",
    callback=_folder,
    default="data",
    show_default=True,
    help="Folder of the prepared data.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option("--serve", is_flag=True, help="Open the interactive session in a browser.")
@click.option(
    "--host", default="localhost", show_default=True, help="With --serve: the address to serve on."
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="With --serve: the port.",
)
@click.version_option(__version__, prog_name="recsys-workbench")
@click.pass_context
def cli(
    ctx: click.Context,
    headless: bool,
    runs_dir: Path,
    data_dir: Path,
    debug: bool,
    serve: bool,
    host: str,
    port: int,
) -> int | None:
    """Train, evaluate and compare recommender models offline.

    Without a command, the interactive session opens.
    """
    open_session: Session = ctx.obj
    ctx.obj = Settings(runs_dir, data_dir, debug, headless)
    if ctx.invoked_subcommand is not None:
        if serve:
            raise InputError("--serve takes no command", "leave one of the two out")
        return None
    if headless:
        raise InputError("--headless needs a command", f"one of: {', '.join(COMMANDS)}")
    if serve:
        from workbench.cli.serve import serve as serve_browser

        return serve_browser(runs_dir, data_dir, host, port)
    # stderr, too: it is what Textual draws on
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise InputError(
            "the interactive session needs a terminal (stdin, stdout and stderr)",
            "for scripts: recsys-workbench --headless eval (or --help)",
        )
    return open_session(runs_dir, data_dir)


def run_command_line(arguments: Sequence[str], open_session: Session) -> int:
    """Run one command line and return its exit code; every error ends here.

    Parameters
    ----------
    open_session
        Opens the interactive session on a runs and a data folder; called without a command.
    """
    arguments = globals_first(arguments)
    debug = "--debug" in arguments
    try:
        # not cli.main: it would end the process by itself
        with cli.make_context("recsys-workbench", arguments, obj=open_session) as context:
            code = cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return WRONG_INPUT
    except (KeyboardInterrupt, click.exceptions.Abort) as error:
        return _complain(error, "interrupted", "", INTERRUPTED, debug)
    except click.ClickException as error:
        return _complain(error, *_usage(error), WRONG_INPUT, debug)
    except InputError as error:
        return _complain(error, f"error: {error.problem}", error.remedy, WRONG_INPUT, debug)
    except OSError as error:
        if error.errno in _NO_NAME:
            problem = f"error: {shorten(error.filename)}: {error.strerror}"
            return _complain(error, problem, "choose another name", WRONG_INPUT, debug)
        if error.errno not in _FULL or error.filename is not None:
            return _unexpected(error, debug)
        _forget_stdout()
        problem = f"error: stdout cannot be written: {error.strerror}"
        return _complain(error, problem, "free some space where it goes to", WRONG_INPUT, debug)
    except BaseException as error:  # noqa: BLE001 - the last line of defence, against sys.exit too:
        return _unexpected(error, debug)  # 0 and 1 would tell of gates that nobody has judged
    finally:
        _say_broken_extensions()
    return code if isinstance(code, int) else OK


def _say_broken_extensions() -> None:
    """Name what is broken of the extensions that the command has imported."""
    for error in extension_problems():
        lines = " ".join(plain(f"{error.problem}; {error.remedy}").split())
        sys.stderr.write(f"note: {lines}\n")


def _forget_stdout() -> None:
    """Send the rest of stdout nowhere, so that the end of the process does not try it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: click.ClickException) -> tuple[str, str]:
    """Say what is wrong with the command line, and where its help is."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "recsys-workbench"
    message = " ".join(error.format_message().split())
    return f"error: {message[:1].lower()}{message[1:]}", f"see: {path} --help"


def _unexpected(error: BaseException, debug: bool) -> int:
    problem = f"error: {type(error).__name__}: {error}"
    return _complain(error, problem, "run it with --debug to see where", JOB_FAILED, debug)


def _complain(error: BaseException, problem: str, remedy: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    lines = [" ".join(plain(text).split()) for text in (problem, remedy) if text]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return code
