"""Reading what may be foreign: files handed on, edited by hand, or damaged.

Every JSON and YAML file that the program did not write a moment ago is read through this module.
A file is opened only if it is a regular one and read only up to a limit of size; parsing ends with
a `ValueError` whatever the text is (too deep, too large a number, aliases that multiply), never
with another exception and never by taking all memory.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

from recsys_core.errors import SHOWN as SHOWN
from recsys_core.errors import InputError
from recsys_core.errors import shorten as shorten

MIB = 1 << 20
#: what stands in the place of a file: a pipe, a device, a folder
NOT_REGULAR = "not a regular file"
#: bytes of a JSON or YAML file at most
LIMIT = 64 * MIB
#: digits of a whole number at most: it still fits a float
DIGITS = 300
#: nesting of JSON and YAML at most
DEPTH = 100
#: values of a YAML text at most, once its aliases are written out
NODES = 200_000


class DamagedError(InputError):
    """A file does not hold what it should: truncated, edited, or not ours."""


class YAMLError(ValueError):
    """A text is not YAML within bounds; `line` and `column` start at 1, 0 where unknown."""

    def __init__(self, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.line = line
        self.column = column


def read_bytes(path: Path, limit: int = LIMIT) -> bytes:
    """Read a regular file of at most `limit` bytes.

    Raises
    ------
    OSError
        It is missing or cannot be read.
    ValueError
        It is no regular file (a pipe, a device, a folder) or is larger than `limit`.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        # a buffer of the limit's size would take longer to get than most files to read
        content = file.read(size + 1) if size <= limit else None
    if content is None or len(content) > limit:
        raise ValueError(f"larger than {limit // MIB} MiB")
    return content


def open_regular(
    path: Path, mode: Literal["rb", "ab", "a+b"] = "rb", buffering: int = -1
) -> BinaryIO:
    """Open a file if it is a regular one, or if there is none and it may be made.

    Raises
    ------
    OSError
        It is missing or cannot be opened.
    ValueError
        It is no regular file: a pipe, which would be waited for, a device, a folder.
    """
    try:
        file = open(path, mode, buffering, opener=_without_waiting)  # noqa: SIM115
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads
            raise ValueError(NOT_REGULAR) from None
        raise
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise ValueError(NOT_REGULAR)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK, 0o666)


def is_file(path: Path) -> bool:
    """Tell whether there is a file; of a name that none can have (too long) there is not."""
    try:
        return path.is_file()
    except OSError:
        return False


def parse_json(text: str | bytes) -> Any:
    """Parse JSON (UTF-8).

    Raises
    ------
    ValueError
        It is not JSON, is nested too deeply, or holds a number or text that cannot be kept.
    """
    if isinstance(text, bytes):
        text = text.decode()
    try:
        value = json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > DEPTH:
        _check_depth(value)
    if "\\u" in text:
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair
    return value


_COLLECTIONS = (dict, list)  # as the parser makes them


def _check_depth(value: Any) -> None:
    """Refuse what a recursive function could not walk through."""
    level = [value] if type(value) in _COLLECTIONS else []
    for _ in range(DEPTH):
        inner = (each.values() if type(each) is dict else each for each in level)
        level = [each for values in inner for each in values if type(each) in _COLLECTIONS]
        if not level:
            return
    raise ValueError("nested too deeply")


def _whole_number(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def read_json(path: Path, *, remedy: str = "", limit: int = LIMIT) -> dict[str, Any]:
    """Read a JSON object from a file that may be foreign.

    Raises
    ------
    InputError
        It is missing or cannot be read.
    DamagedError
        It is not a regular file of reasonable size with a JSON object in it.
    """
    try:
        value = parse_json(read_bytes(path, limit))
    except FileNotFoundError:
        raise InputError(f"no such file: {path}", remedy) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", remedy) from None
    except json.JSONDecodeError:
        raise DamagedError(f"{path}: damaged: this is not JSON", remedy) from None
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is not UTF-8 text"
        raise DamagedError(f"{path}: damaged: {why}", remedy) from None
    except ValueError as error:
        raise DamagedError(f"{path}: damaged: {error}", remedy) from None
    if not isinstance(value, dict):
        raise DamagedError(f"{path}: damaged: expected a JSON object", remedy)
    return value


def parse_yaml(text: str | bytes) -> Any:
    """Parse YAML with the safe loader, within bounds of depth and size.

    Raises
    ------
    YAMLError
        It is not YAML, names a value that does not exist (the 99th of a month), is nested too
        deeply, or its aliases multiply into more than `NODES` values.
    """
    import yaml  # 20 ms that who only lists runs does without

    try:
        _check_size(yaml.parse(text, Loader=_loader()))
        return yaml.load(text, Loader=_loader())  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error).partition("\n")[0]
        at = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise YAMLError(shorten(problem), *at) from None
    except YAMLError:
        raise
    except RecursionError:
        raise YAMLError("nested too deeply") from None
    except ValueError as error:  # half of a surrogate pair
        raise YAMLError(f"it cannot be read: {shorten(error)}") from None


def entry_lines(text: str, key: str) -> list[int]:
    """List the line of each entry of the list under a top-level `key` of YAML that was parsed.

    Empty where the list does not stand there, as when a merge (``<<``) brings it.
    """
    import yaml

    root: Any = yaml.compose(text, Loader=_loader())
    lists = [value for name, value in root.value if name.value == key]
    return [entry.start_mark.line + 1 for entry in lists[-1].value] if lists else []


@cache
def _loader() -> Any:
    """Build PyYAML's safe loader, with an error and a place for every value it cannot make."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        def construct_object(self, node: Any, deep: bool = False) -> Any:
            try:
                value = super().construct_object(node, deep)
            except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
                # what PyYAML lets through: `2001-99-99`, `!!bool x`, `!!int x`
                problem = f"a value cannot be read: {shorten(error)}"
            else:
                if not isinstance(value, int) or abs(value) < 10**DIGITS:
                    return value
                problem = f"a number of more than {DIGITS} digits"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

    return Loader


def _check_size(events: Any) -> None:
    """Refuse, before anything is built, what would be too deep or too large once written out."""
    sizes: dict[str, int] = {}  # of what each anchor stands for
    around: list[tuple[str | None, int]] = []  # anchor of each open collection, values before it
    values = 0
    for event in events:
        kind = type(event).__name__
        anchor: Any = getattr(event, "anchor", None)
        line = event.start_mark.line + 1
        if kind.endswith("EndEvent") and around and kind[:3] in {"Map", "Seq"}:
            anchor, before = around.pop()
            sizes[anchor or ""] = values - before
        elif kind == "AliasEvent":
            if any(anchor == name for name, _ in around):
                raise YAMLError("an alias stands inside its own value", line)
            values += sizes.get(anchor, 1)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            around.append((anchor, values))
            values += 1
        elif kind == "ScalarEvent":
            values += 1
            sizes[anchor or ""] = 1
        if len(around) > DEPTH:
            raise YAMLError("nested too deeply", line)
        if values > NODES:
            raise YAMLError(f"more than {NODES:,} values", line)
