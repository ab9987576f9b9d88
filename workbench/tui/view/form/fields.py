"""Fields of the form of a new job, and their texts as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from recsys_core.values import parse_value
from workbench.jobs.json_schema import Schema, allowed
from workbench.jobs.space import alternatives


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form.

    Parameters
    ----------
    key
        Unique; texts are kept under it, those of models and protocols for each of them.
    entry, shared
        Its JSON schema; empty for names that have `choices` of their own.
    default
        The text that stands for the default.
    choices
        What it may be, or the beginning of what it may be.
    """

    key: str
    name: str
    help: str
    entry: Schema = field(default_factory=dict)
    shared: Schema = field(default_factory=dict)
    default: str = ""
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """Type and bounds."""
        return allowed(self.entry, self.shared) if self.entry else ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its fields."""

    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """Something to begin with: an entry of a suite, or a run."""

    name: str
    spec: Mapping[str, Any]


def read_value(text: str, each: Field) -> Any:
    """Read a field's text; what can only be a name or a list of numbers needs no quotes."""
    kinds = [each.get("type") for each in alternatives(dict(each.entry), each.shared)]
    enums = any("enum" in each for each in alternatives(dict(each.entry), each.shared))
    if "array" in kinds and not text.startswith("["):
        text = f"[{text}]"
    value = parse_value(text)
    if isinstance(value, list):
        return [parse_value(each) if isinstance(each, str) else each for each in value]
    if "string" in kinds and not enums and not isinstance(value, str) and value is not None:
        return text
    return value


def write_value(value: Any) -> str:
    """Write a value so that it is read back as the same.

    Examples
    --------
    >>> write_value(0.01), write_value(None), write_value("bpr"), write_value([64, 32])
    ('0.01', 'null', 'bpr', '[64, 32]')
    """
    if isinstance(value, str) and value and parse_value(value) == value:
        return value
    return json.dumps(value)
