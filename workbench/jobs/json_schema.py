"""Values against the JSON schemas that pydantic writes, without pydantic.

The part of JSON Schema that typed configurations use: types, bounds, enumerations, alternatives
with null, lists, and objects with known keys. What several fields must fulfil together is not in a
schema; the process that adds a job checks that.

No library does this here: jsonschema takes a seventh of a second to load, fastjsonschema executes
code that it makes of a schema, and the messages of both would have to be written anew: they name
no near miss. Tests hold every model's fields against pydantic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from recsys_core.errors import unknown_name

Schema = Mapping[str, Any]

_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
    "null": (type(None),),
}
_BOUNDS: tuple[tuple[str, str], ...] = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)


def fields_of(schema: Schema) -> dict[str, Schema]:
    """Return the fields of an object's schema, by name."""
    return dict(schema.get("properties", {}))


def problem_of(value: Any, entry: Schema, shared: Schema) -> str:
    """Say what is wrong with a value; empty when nothing is.

    Parameters
    ----------
    entry
        Schema of the value.
    shared
        The ``$defs`` that it may refer to.

    Examples
    --------
    >>> problem_of(0, {"type": "integer", "minimum": 1}, {})
    'must be at least 1'
    >>> problem_of("brp", {"enum": ["bpr", "bce"]}, {})
    "'brp' is not one of bpr, bce: did you mean 'bpr'?"
    """
    alternatives = list(alternatives_of(entry, shared))
    problems = [_problem(value, each, shared) for each in alternatives]
    if not all(problems):
        return ""
    fitting = [
        problem
        for each, problem in zip(alternatives, problems, strict=True)
        if _is_type(value, str(each.get("type", ""))) or "enum" in each
    ]
    return fitting[0] if fitting else _must_be(entry, shared)


def alternatives_of(entry: Schema, shared: Schema) -> Iterator[Schema]:
    """Follow references and list what a value may be."""
    if "$ref" in entry:
        yield from alternatives_of(shared[entry["$ref"].rpartition("/")[2]], shared)
    elif "anyOf" in entry or "oneOf" in entry:
        for choice in entry.get("anyOf") or entry["oneOf"]:
            yield from alternatives_of(choice, shared)
    elif "allOf" in entry and len(entry["allOf"]) == 1:
        yield from alternatives_of(entry["allOf"][0], shared)
    else:
        yield entry


def _problem(value: Any, entry: Schema, shared: Schema) -> str:
    choices = choices_of(entry, shared)
    if "enum" in entry or "const" in entry:
        return "" if value in choices else _not_among(value, choices)
    kind = entry.get("type")
    if kind is None:
        return ""
    if not _is_type(value, kind):
        return _must_be(entry, shared)
    if kind in ("integer", "number"):
        return _out_of_bounds(value, entry)
    if kind == "string":
        most = entry.get("maxLength")
        return "" if most is None or len(value) <= most else f"must have at most {most} characters"
    if kind == "array":
        return _list_problem(value, entry, shared)
    if kind == "object":
        return _object_problem(value, entry, shared)
    return ""


def _must_be(entry: Schema, shared: Schema) -> str:
    """Say what a value has to be; a type has an article, listed values have none."""
    what = allowed(entry, shared)
    kind = what.split(" ", 1)[0]
    article = {"integer": "an ", "number": "a ", "string": "a ", "list": "a "}.get(kind, "")
    return f"must be {article}{what}"


def _is_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(kind, (object,)))


def _not_among(value: Any, choices: Sequence[Any]) -> str:
    names = [str(choice) for choice in choices]
    near = get_close_matches(str(value), names, n=1)
    hint = f": did you mean '{near[0]}'?" if near else ""
    return f"'{value}' is not one of {', '.join(names)}{hint}"


def _out_of_bounds(value: float, entry: Schema) -> str:
    for name, words in _BOUNDS:
        if name in entry and not _within(value, name, entry[name]):
            return f"must be {words} {entry[name]:.10g}"
    return ""


def _within(value: float, name: str, bound: float) -> bool:
    if name.endswith("inimum"):
        return value > bound if name.startswith("ex") else value >= bound
    return value < bound if name.startswith("ex") else value <= bound


def _list_problem(values: Sequence[Any], entry: Schema, shared: Schema) -> str:
    fewest, most = entry.get("minItems", 0), entry.get("maxItems")
    if len(values) < fewest:
        return f"must have at least {fewest}"
    if most is not None and len(values) > most:
        return f"must have at most {most}"
    prefix = entry.get("prefixItems", [])
    for place, value in enumerate(values):
        item = prefix[place] if place < len(prefix) else entry.get("items", {})
        if problem := problem_of(value, item, shared):
            return f"entry {place + 1} {problem}"
    return ""


def _object_problem(values: Mapping[str, Any], entry: Schema, shared: Schema) -> str:
    known = fields_of(entry)
    for name, value in values.items():
        if name not in known:
            if entry.get("additionalProperties", True):
                continue
            return str(unknown_name("field", name, known)).replace("\n", "; ")
        if problem := problem_of(value, known[name], shared):
            return f"{name} {problem}"
    missing = [name for name in entry.get("required", []) if name not in values]
    return f"{missing[0]} is missing" if missing else ""


def choices_of(entry: Schema, shared: Schema) -> list[Any]:
    """List the values of a field that lists them (null and booleans too); else nothing."""
    found: list[Any] = []
    for each in alternatives_of(entry, shared):
        if "enum" in each:
            found += each["enum"]
        elif "const" in each:
            found.append(each["const"])
        elif each.get("type") == "boolean":
            found += [True, False]
        elif each.get("type") == "null":
            found.append(None)
        else:
            return []
    return found


def allowed(entry: Schema, shared: Schema) -> str:
    """Write the type and bounds of a field.

    Examples
    --------
    >>> allowed({"type": "integer", "minimum": 1, "maximum": 1000}, {})
    'integer 1 to 1000'
    >>> allowed({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}, {})
    'number above 0, or null'
    >>> allowed({"type": "array", "items": {"type": "integer", "minimum": 0}}, {})
    'list of integers, each at least 0'
    """
    found = dict.fromkeys(_allowed(each, shared) for each in alternatives_of(entry, shared))
    comma = "," if any(words in each for each in found for _, words in _BOUNDS) else ""
    return f"{comma} or ".join(found)


def _allowed(entry: Schema, shared: Schema, *, many: bool = False) -> str:
    if "enum" in entry:
        return " | ".join(map(str, entry["enum"]))
    if "const" in entry:
        return str(entry["const"])
    if entry.get("type") == "array":
        alternatives = alternatives_of(entry.get("items", {}), shared)
        items = [_allowed(each, shared, many=True) for each in alternatives]
        named = " or ".join(dict.fromkeys(items))
        return f"list of {named}" if named != "any" else "list"
    kind = str(entry.get("type", "any"))
    if kind == "boolean":
        return "true | false"
    kind += "s" if many and kind in ("integer", "number", "string", "object") else ""
    bounds = _bounds(entry)
    between = ", each" if many and bounds else " of" if bounds.startswith("at ") else ""
    return f"{kind}{between} {bounds}".rstrip()


def _bounds(entry: Schema) -> str:
    if "minimum" in entry and "maximum" in entry:
        return f"{entry['minimum']:.10g} to {entry['maximum']:.10g}"
    found = [f"{words} {entry[name]:.10g}" for name, words in _BOUNDS if name in entry]
    return ", ".join(found)
