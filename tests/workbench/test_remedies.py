"""Advice can be followed: an option that a message names is one that its command has.

Messages of the core and of the store reach people through many commands. The options of `eval` and
`train` may stand alone in them; others need their command in full, `recsys-workbench data import`.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

import recsys_core
import workbench
from tests.workbench.conftest import Cli
from workbench.cli.context import GLOBALS
from workbench.cli.main import cli as program

FOLDERS = [Path(next(iter(package.__path__))) for package in (recsys_core, workbench)]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
#: a command, and what follows it up to the next one
NAMED = re.compile(r"recsys-workbench (?:--headless )?((?:[a-z]+ ?)+)([^;]*)")
#: options whose wrong values are named together with them
ABOUT_THEMSELVES = {
    "--after",
    "--columns",
    "--keep",
    "--parts",
    "--scheduler",
    "--suite",
    "--sweep",
    "--type-weights",
}


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name[:2] == "--"}


def find(words: list[str]) -> click.Command | None:
    """Follow words from the top: ``data import`` is a command of a group; None: there is none."""
    command: click.Command = program
    for word in words:
        if isinstance(command, click.Group):
            below = command.get_command(click.Context(command), word)
            if below is None:
                return None
            command = below
    return command


@cache
def texts(path: Path) -> list[tuple[int, str]]:
    """List line and text of every string that is no docstring; what is filled in is left out."""
    found: list[tuple[int, str]] = []
    source = path.read_text(encoding="utf-8")
    if not OPTION.search(source):
        return found
    tree = ast.parse(source)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    parts = {
        id(x) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for x in node.values
    }
    for node in ast.walk(tree):
        if id(node) in docs | parts:
            continue
        if isinstance(node, ast.JoinedStr):
            pieces = [x.value if isinstance(x, ast.Constant) else "X" for x in node.values]
            found.append((node.lineno, "".join(map(str, pieces))))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append((node.lineno, node.value))
    return found


def said(folder: Path, below: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of every message that names an option in words around it."""
    for path in sorted((folder / below).rglob("*.py")):
        for line, text in texts(path):
            if OPTION.search(text) and " " in text.strip():
                yield f"{path.relative_to(folder.parent)}:{line}", text


def test_an_option_behind_a_command_is_one_of_its_options() -> None:
    wrong = []
    for folder in FOLDERS:
        for place, text in said(folder, "."):
            for words, rest in NAMED.findall(text):
                command = find(words.split())
                known = options(command) | set(GLOBALS) | {"--help"} if command else set()
                wrong += [(place, text) for option in OPTION.findall(rest) if option not in known]
    assert wrong == [], "\n".join(map(str, wrong))


@pytest.mark.parametrize("below", ["recsys_core", "workbench/store", "workbench/jobs"])
def test_options_of_other_commands_come_with_their_command(below: str) -> None:
    shared = set.intersection(*(options(find([name]) or program) for name in ("eval", "train")))
    shared |= ABOUT_THEMSELVES
    shared -= {"--fresh", "--report"}
    wrong = [
        (place, option)
        for place, text in said(FOLDERS[0].parent, below)
        for option in OPTION.findall(NAMED.sub("", text))
        if option not in shared | set(GLOBALS)
    ]
    assert wrong == [], "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("plain.csv", "1,a,5\n1,b,4\n2,a,3\n", "user=1,item=2,rating=3"),
        ("Log 2.csv", "9,a,978300760\n8,b,978300761\n", "user=1,item=2,timestamp=3"),
        (
            "four.tsv",
            "1\t7\t978300760\t4.5\n2\t8\t978300761\t3\n",
            "user=1,item=2,rating=4,timestamp=3",
        ),
        ("named.csv", "who,what,stars\na,1,3\nb,2,4\n", "user=who,item=what,rating=stars"),
        ("item.csv", "sku,who,item\nz,a,1\ny,b,2\n", "user=who,item=item"),
    ],
)
def test_the_import_that_eval_advises_works(
    cli: Cli, tmp_path: Path, name: str, content: str, columns: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    done = cli("eval", "--dataset", str(path), "--models", "popularity", "--quiet")
    assert done.code == 2
    advice, _, dataset = done.err.splitlines()[1].partition(", then use --dataset ")
    words = shlex.split(advice.removeprefix("say which is which: "))
    assert words[:3] == ["recsys-workbench", "data", "import"]
    assert words[words.index("--columns") + 1] == columns
    imported = cli(*words[1:])
    assert imported.code == 0, imported.err
    described = cli("data", "describe", dataset)
    assert described.code == 0, described.err


def test_another_name_is_that_of_an_import(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("user,item\na,1\nb,2\n")
    done = cli("data", "describe", str(path))
    assert done.code == 2
    assert "recsys-workbench data import PATH --name NAME" in done.err
