"""Fields of the form of a new job, and their texts as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from recsys_core.values import parse_value
from workbench.jobs.json_schema import Schema, allowed, alternatives_of
from workbench.jobs.space import alternatives

#: the word for what is not set: no value, an empty list, no limit
NONE = "none"
#: fields without a schema whose text may hold any character
FREE = ("from", "dataset", "features", "label")


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
    start
        The value that it has by default.
    depth
        How many configurations it stands in, inside the model's.
    path
        The name from the outermost field on: ``channels.0.model``.
    shape
        Whether it holds other fields: a ``part`` with named ones, or a ``list`` of parts.
    """

    key: str
    name: str
    help: str
    entry: Schema = field(default_factory=dict)
    shared: Schema = field(default_factory=dict)
    default: str = ""
    choices: tuple[str, ...] = ()
    start: Any = None
    depth: int = 0
    path: str = ""
    shape: Literal["", "part", "list"] = ""

    @property
    def full_name(self) -> str:
        """The name by which it is found."""
        return self.path or self.name

    @property
    def takes_text(self) -> bool:
        """Whether any character may be part of it: a path, a label, fields in braces."""
        if self.depth and self.choices:
            return False
        kinds = alternatives_of(self.entry, self.shared) if self.entry else ()
        texts = (e.get("type") == "string" and not {"enum", "const"} & set(e) for e in kinds)
        return self.key in FREE or bool(self.shape) or any(texts)

    @property
    def takes_path(self) -> bool:
        """Whether a slash may be its first character."""
        return self.takes_text and self.name in ("data set", "features", "run")

    @property
    def allowed(self) -> str:
        """Type and bounds."""
        said = allowed(self.entry, self.shared) if self.entry and not self.shape else ""
        return said.replace(" or null", f" or {NONE}")

    @property
    def said_default(self) -> str:
        """The default as it is shown."""
        if self.key == "threads":
            return self.default or "automatic"
        return self.default.strip('"') or NONE

    def is_default(self, text: str) -> bool:
        """Whether a text that was put in changes nothing; `null` is another word for NONE.

        Examples
        --------
        >>> each = Field("", "", "", default="none")
        >>> each.is_default(""), each.is_default("null"), each.is_default("2")
        (True, True, False)
        """
        return text in ("", self.default) or (text == "null" and self.default == NONE)


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
    """Read a field's text; what can only be a name or a list of numbers needs no quotes.

    Examples
    --------
    >>> of = Field("", "", "", {"anyOf": [{"type": "number"}, {"type": "null"}]})
    >>> read_value("none", of), read_value("null", of), read_value("2", of)
    (None, None, 2)
    """
    kinds = [each.get("type") for each in alternatives(dict(each.entry), each.shared)]
    enums = any("enum" in each for each in alternatives(dict(each.entry), each.shared))
    if "array" in kinds and not text.startswith("["):
        text = f"[{text}]"
    if text.strip("[]").lower() == NONE and {"null", "array"} & {*kinds}:
        return None if "null" in kinds else []
    value = parse_value(text)
    if isinstance(value, list):
        return [parse_value(each) if isinstance(each, str) else each for each in value]
    if "string" in kinds and not enums and not isinstance(value, str) and value is not None:
        return text
    return value


def as_typed(value: Any) -> str:
    """Write a value as a person would type it: what they wrote as text stays as it is.

    Examples
    --------
    >>> as_typed("1e-3"), as_typed("16,32"), as_typed(0.5), as_typed("")
    ('1e-3', '16,32', '0.5', '""')
    """
    return " ".join(value.split()) if isinstance(value, str) and value else write_value(value)


def write_value(value: Any) -> str:
    """Write a value so that `read_value` reads it back as the same.

    Examples
    --------
    >>> write_value(0.01), write_value(None), write_value("bpr"), write_value([64, 32])
    ('0.01', 'none', 'bpr', '[64, 32]')
    """
    if value is None or value == []:
        return NONE
    if isinstance(value, str) and value and parse_value(value) == value:
        return value
    return json.dumps(value)
