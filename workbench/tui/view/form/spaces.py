"""What a field's text says to search it, and how many combinations there are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from recsys_core.errors import InputError
from recsys_core.values import counted, is_finite_number
from workbench.jobs.json_schema import choices_of, problem_of
from workbench.jobs.space import Space, alternatives, read_space, space_of_field
from workbench.tui.view.form.fields import Field, read_value, write_value

#: what a field's text says to search it between its own bounds
SWEEP = "sweep"
SEARCH = "to search it: several values (16,32,64), log(1e-4,1e-1) or sweep"
#: trials of a sweep unless there are fewer combinations
TRIALS = 20
_SPACE = re.compile(r"(log|float|int|choice)\s*\(.*\)", re.DOTALL)
#: a number's neighbours, where three values are proposed: two of them are a decade apart
_APART = math.sqrt(10)


def space_text(text: str, each: Field) -> str:
    """Write what a text asks to search as the command line has it; empty: it asks for none.

    Several values of a field that takes one are a choice: ``16,32,64``.
    """
    if text == SWEEP or _SPACE.fullmatch(text):
        return text
    lists = any(entry.get("type") in ("array", "object") for entry in _entries(each))
    if "," in text and not lists and not each.takes_text:
        return f"choice({text})"
    return ""


def space_problem(text: str, each: Field) -> str:
    """Say what is wrong with a space; empty when nothing is."""
    try:
        space = space_of(text, each)
    except InputError as error:
        return str(error).replace("\n", "; ").replace("--sweep ", "")
    for end in space.ends:
        if problem := problem_of(end, each.entry, each.shared):
            return f"{end:.10g} {problem}" if isinstance(end, float) else f"{end} {problem}"
    return ""


def space_of(text: str, each: Field) -> Space:
    """Read the space that a field is searched in.

    Raises
    ------
    InputError
        It is none.
    """
    entries = _entries(each)
    written = space_text(text, each)
    if written == SWEEP:
        default = read_value(each.default, each) if each.default else None
        return space_of_field(each.name, entries, default)
    whole = any(entry.get("type") == "integer" for entry in entries)
    return read_space(written, f"{each.name}={text}", whole)


def say_combinations(count: int | None) -> str:
    """Say how many combinations there are.

    Examples
    --------
    >>> say_combinations(9), say_combinations(None)
    ('9 combinations', 'continuous: no end of combinations')
    """
    return "continuous: no end of combinations" if count is None else counted(count, "combination")


def proposals(each: Field) -> list[str]:
    """Propose what to search a field by: three values around the default, and a range."""
    if choices_of(each.entry, each.shared):
        return [SWEEP]
    default = read_value(each.default, each) if each.default else None
    numbers = [entry for entry in _entries(each) if entry.get("type") in ("integer", "number")]
    if not is_finite_number(default) or default <= 0 or not numbers:
        return []
    found = [",".join(_around(default, each, whole=numbers[0]["type"] == "integer"))]
    if not space_problem(SWEEP, each):
        found.append(SWEEP)
    return found if "," in found[0] else found[1:]


def _around(default: float, each: Field, *, whole: bool) -> Iterator[str]:
    """Halve and double a whole number, make another one a half decade smaller and larger."""
    values = (
        (int(default) // 2, int(default), int(default) * 2)
        if whole
        else (float(f"{default / _APART:.1g}"), default, float(f"{default * _APART:.1g}"))
    )
    for value in values:
        if not problem_of(value, each.entry, each.shared):
            yield write_value(value)


def _entries(each: Field) -> list[dict[str, object]]:
    return alternatives(dict(each.entry), each.shared)
