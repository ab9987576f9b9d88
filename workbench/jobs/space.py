"""A search space of a sweep: as it is written, or from a field's JSON schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from recsys_core.errors import InputError
from recsys_core.values import is_finite_number, parse_value

Kind = Literal["log", "float", "int", "choice"]
EXAMPLES = "log(1e-4,1e-1), float(0,1), int(32,256) or choice(a,b)"
#: a field whose bounds lie closer together than this can be searched from end to end
_WIDEST_NUMBER, _WIDEST_INTEGER = 4.0, 100


@dataclass(frozen=True)
class Space:
    """Where one field is searched.

    Parameters
    ----------
    kind
        ``log`` and ``float``: numbers, evenly by size or by value; ``int``: whole numbers.
    low, high
        Both ends, included; not for ``choice``.
    choices
        Plain values, for ``choice`` only.
    whole
        Only whole numbers: always with ``int``; with ``log`` where the field takes no others.
    """

    kind: Kind
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Any, ...] = ()
    whole: bool = False

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Space:
        """Take back what `plain` gave."""
        return cls(**{**values, "choices": tuple(values["choices"])})

    def plain(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {**vars(self), "choices": list(self.choices)}

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that a model must accept if it is to accept all of them."""
        ends = self.choices or (self.low, self.high)
        return tuple(int(end) for end in ends) if self.whole else ends

    @property
    def values(self) -> Sequence[Any] | None:
        """All of its values, where they can be counted."""
        if self.kind == "choice":
            return self.choices
        return range(int(self.low), int(self.high) + 1) if self.whole else None

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies in it."""
        if self.kind == "choice":
            return value in self.choices
        return is_finite_number(value) and self.low <= value <= self.high

    def __str__(self) -> str:
        """Write it as on the command line.

        Examples
        --------
        >>> str(Space("log", 1e-4, 0.1)), str(Space("choice", choices=("bpr", [64, 32], None)))
        ('log(0.0001,0.1)', 'choice(bpr,[64, 32],null)')
        """
        if self.kind != "choice":
            return f"{self.kind}({self.low:.10g},{self.high:.10g})"
        shown = (x if isinstance(x, str) else json.dumps(x) for x in self.choices)
        return f"choice({','.join(shown)})"


def combinations(spaces: Iterable[Space]) -> int | None:
    """Count the combinations of values; None: there is no end of them.

    Examples
    --------
    >>> combinations([Space("choice", choices=("bpr", "mse")), Space("int", 1, 4, whole=True)])
    8
    >>> combinations([Space("float", 0, 1)])
    """
    sizes = [None if space.values is None else len(space.values) for space in spaces]
    return None if None in sizes else math.prod(size for size in sizes if size is not None)


def read_space(written: str, text: str, whole: bool) -> Space:
    """Read e.g. ``log(1e-4,1e-1)``.

    Parameters
    ----------
    text
        What it is part of, for the message.
    whole
        Whether the field takes whole numbers only.

    Raises
    ------
    InputError
        It is no space, or its ends are the wrong way round.
    """
    found = re.fullmatch(r"(log|float|int|choice)\s*\((.*)\)", written, flags=re.DOTALL)
    wrong = InputError(f"--sweep '{text}' is not of the form FIELD=SPACE", f"a space is {EXAMPLES}")
    if found is None:
        raise wrong
    kind, values = found[1], _values(found[2])
    if kind == "choice":
        if not values:
            raise wrong
        return Space("choice", choices=tuple(values))
    if len(values) != 2 or not all(map(is_finite_number, values)):
        raise wrong
    low, high = values
    if not low < high:
        raise InputError(f"--sweep '{text}': {low} is not below {high}", "put the lower end first")
    if kind == "log" and low <= 0:
        raise InputError(f"--sweep '{text}': log needs numbers above 0", f"now it begins at {low}")
    if not whole and kind != "int":
        return Space("log" if kind == "log" else "float", low, high)
    if kind == "float" or low != int(low) or high != int(high):
        raise InputError(
            f"--sweep '{text}': only whole numbers are possible",
            "write int(LOW,HIGH), or log(LOW,HIGH) with whole ends",
        )
    return Space("int" if kind == "int" else "log", low, high, whole=True)


def _values(text: str) -> list[Any]:
    """Read a list as YAML does, and numbers such as 1e-4 as numbers."""
    values = parse_value(f"[{text}]")
    if not isinstance(values, list):
        return []
    return [parse_value(value) if isinstance(value, str) else value for value in values]


def alternatives(entry: dict[str, Any], shared: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List what a field may be, by its JSON schema."""
    if "$ref" in entry:
        return alternatives(shared[entry["$ref"].rpartition("/")[2]], shared)
    if "anyOf" in entry:
        return [found for choice in entry["anyOf"] for found in alternatives(choice, shared)]
    return [entry]


def space_of_field(name: str, entries: list[dict[str, Any]], value: Any) -> Space:
    """Derive the space of a field from its type and bounds, where these are close together.

    Parameters
    ----------
    entries
        What it may be: its `alternatives`.
    value
        What it is now; the message makes an example of it.

    Raises
    ------
    InputError
        The bounds are too wide to be searched from end to end.
    """
    choices: list[Any] = []
    for entry in entries:
        if "enum" in entry or "const" in entry:
            choices += entry.get("enum", [entry.get("const")])
        elif entry.get("type") in ("boolean", "null"):
            choices += [False, True] if entry["type"] == "boolean" else [None]
        else:
            return _of_numbers(name, entry, value)
    return Space("choice", choices=tuple(choices))


def _of_numbers(name: str, entry: dict[str, Any], value: Any) -> Space:
    low, high = entry.get("minimum"), entry.get("maximum")
    if low is not None and high is None and "exclusiveMaximum" in entry:
        high = math.nextafter(entry["exclusiveMaximum"], -math.inf)
    if low is not None and high is not None:
        if entry["type"] == "integer" and high - low <= _WIDEST_INTEGER:
            return Space("int", low, high, whole=True)
        if entry["type"] == "number" and high - low <= _WIDEST_NUMBER:
            return Space("float", float(low), float(high))
    field = name.rpartition(".")[2]
    example = f"one of {EXAMPLES}"
    if is_finite_number(value) and value > 0:
        ends = (value / 10, value * 10)
        if entry.get("type") == "integer":
            ends = (max(1, round(ends[0])), ends[1])
        example = f"e.g. log({ends[0]:g},{ends[1]:g})"
    raise InputError(
        f"the bounds of {name} are too wide to be searched from end to end",
        f"give a space: --sweep {field}=…, {example}",
    )
