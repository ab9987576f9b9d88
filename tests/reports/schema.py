"""The part of JSON Schema that schema.json uses, checked literally."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_KNOWN = {
    *("$schema", "$defs", "title", "description", "$ref", "type", "const", "enum", "anyOf"),
    *("required", "properties", "additionalProperties", "items", "minItems", "maxItems"),
    *("minimum", "maximum"),
}


def packaged_schema() -> dict[str, Any]:
    """Read the schema that is shipped."""
    source = resources.files("workbench.reports").joinpath("schema.json")
    schema: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return schema


def violations(value: Any, schema: dict[str, Any]) -> list[str]:
    """List what is wrong with `value`, each with its path."""
    return list(_check(value, schema, schema, "report"))


def _check(value: Any, schema: Any, root: dict[str, Any], at: str) -> Iterator[str]:
    assert not schema.keys() - _KNOWN, f"keyword not understood here: {schema.keys() - _KNOWN}"
    if "$ref" in schema:
        yield from _check(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{at}: {value!r} is not {schema['type']}"
        return
    yield from _check_choices(value, schema, root, at)
    if isinstance(value, dict):
        yield from _check_object(value, schema, root, at)
    elif isinstance(value, list):
        yield from _check_array(value, schema, root, at)
    elif _is(value, "number"):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        yield from [] if low <= value <= high else [f"{at}: {value} is out of bounds"]


def _check_choices(value: Any, schema: Any, root: dict[str, Any], at: str) -> Iterator[str]:
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not one of {schema['enum']}"
    if "anyOf" in schema and all(list(_check(value, one, root, at)) for one in schema["anyOf"]):
        yield f"{at}: {value!r} fits no alternative"


def _check_array(
    value: list[Any], schema: dict[str, Any], root: dict[str, Any], at: str
) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at}: {len(value)} items"
    for position, entry in enumerate(value):
        yield from _check(entry, schema.get("items", {}), root, f"{at}[{position}]")


def _check_object(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str
) -> Iterator[str]:
    for name in schema.get("required", []):
        if name not in value:
            yield f"{at}: {name} is missing"
    others = schema.get("additionalProperties", {})
    for name, entry in value.items():
        inner = schema.get("properties", {}).get(name, others)
        if inner is False:
            yield f"{at}: {name} is not known"
        else:
            yield from _check(entry, inner, root, f"{at}.{name}")


def _is(value: Any, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)
