"""Errors that name options of the command line, in the words of Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from recsys_core.errors import InputError

_VALUE = r"(\"[^\"]*\"|'[^']*'|[^\s;)(]+)"


def _argument(match: re.Match[str]) -> str:
    return f'{match[1].replace("-", "_")}="{match[2].strip(chr(39))}"'


#: what a message says -> what it says in Python, in the order in which it is looked for
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(rf"recsys-workbench data import \S+ --(columns) {_VALUE} --name .*$"),
        _argument,
    ),
    (re.compile(r"recsys-workbench (data import|eval|train)( PATH)? (?=--)"), ""),
    (re.compile(r"--(items|users) \S+,id=COLUMN"), r'\1=(frame, "id=COLUMN")'),
    (re.compile(r"--set protocol\.(\w+)="), r"\1="),
    (re.compile(r"--(columns|type-weights) ([^\s;)(]+=[^\s;)(]*[^\s;)(,.:])"), _argument),
    (re.compile(r"--(keep) ([^\s;)(]*[^\s;)(,.:])"), _argument),
    (re.compile(r"--(on-bad-rows|repeats|time-unit|protocol) ([a-z][a-z-]*)"), _argument),
    (re.compile(r"with --columns\b"), "with columns=…"),
    (re.compile(r"with --k\b"), "with ks=…"),
    (re.compile(r"--([a-z]+(?:-[a-z]+)*)"), lambda match: match[1].replace("-", "_")),
    (re.compile("the first line is"), "its columns are"),
    (re.compile("convert it before it is written"), "convert it"),
    (re.compile("fix the file"), "mend the rows"),
)


def in_python(text: str) -> str:
    """Write a message of the command line as one for Python.

    Examples
    --------
    >>> in_python("leave it out: recsys-workbench data import PATH --on-bad-rows skip")
    'leave it out: on_bad_rows="skip"'
    >>> in_python("use --set protocol.relevance=3, or --protocol random-rows")
    'use relevance=3, or protocol="random-rows"'
    >>> in_python("say which: --columns user=NAME,item=NAME (names)")
    'say which: columns="user=NAME,item=NAME" (names)'
    """
    for pattern, said in _RULES:
        text = pattern.sub(said, text)
    return text


@contextmanager
def python_words() -> Iterator[None]:
    """Let errors name arguments instead of options."""
    try:
        yield
    except InputError as error:
        error.problem, error.remedy = in_python(error.problem), in_python(error.remedy)
        error.args = (error.problem, error.remedy)
        raise
