"""Configurations inside a model's: parts with fields of their own, and lists that grow.

A part has no text of its own: what it is follows from its fields. One that was typed as a whole is
taken apart; as long as that cannot be done, its text stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from recsys_core.errors import InputError, unknown_name
from workbench.jobs.catalogue import GROUPS, RENAMED, Catalogue
from workbench.jobs.json_schema import Schema, alternatives_of, fields_of
from workbench.tui.view.form.fields import Field, as_typed, read_value, write_value

#: stage of the models that a part of this name may have, and what else it may be
_MODELS = {"channels": ("recall", ()), "ranker": ("ranking", ("mlp", "none"))}
#: stand before the fields of the model of a part
_FIRST = ("name", "model", "quota", "loss", "params")
_NOTHING = object()


def make_field(key: str, name: str, entry: Schema, shared: Schema, start: Any = _NOTHING) -> Field:
    """Make a field of a typed configuration.

    Parameters
    ----------
    start
        Its value by default, where that is not its schema's.
    """
    if start is _NOTHING:
        start = entry.get("default", _NOTHING)
    shape = _shape(entry, shared)
    default = "" if start is _NOTHING or shape else write_value(start)
    start = None if start is _NOTHING else start
    about = entry.get("description", "")
    return Field(key, name, about, entry, shared, default, start=start, path=name, shape=shape)


def _shape(entry: Schema, shared: Schema) -> Any:
    found = list(alternatives_of(entry, shared))
    if len(found) == 1 and "properties" in found[0]:
        return "part"
    if len(found) == 1 and found[0].get("type") == "array":
        return "list" if _variants(entry, shared) else ""
    return ""


def _variants(entry: Schema, shared: Schema) -> list[Schema]:
    """List what an entry of a list may be made of; empty for lists of plain values."""
    items = next(alternatives_of(entry, shared)).get("items", {})
    found = list(alternatives_of(items, shared))
    return found if all("properties" in each for each in found) else []


class Nested:
    """The texts of fields inside others.

    Parameters
    ----------
    texts
        By key, shared with the form that this is part of.
    """

    def __init__(self, catalogue: Catalogue, texts: dict[str, str]) -> None:
        self._catalogue = catalogue
        self._texts = texts
        #: what the lists hold that are not as by default; an entry keeps its name if others go
        self._entries: dict[str, tuple[str, ...]] = {}

    # Fields

    def walk(self, field: Field) -> Iterator[Field]:
        """List the fields inside one, each before its own."""
        if field.shape and not self.raw(field):
            for child in self.children(field):
                yield child
                yield from self.walk(child)

    def children(self, field: Field) -> list[Field]:
        """List the fields right inside one."""
        if field.shape == "list":
            names = self._names(field)
            return [self._item(field, name, place) for place, name in enumerate(names)]
        entries = fields_of(self._variant(field))
        first = [name for name in _FIRST if name in entries]
        found = []
        for name in dict.fromkeys([*first, *entries]):
            if name == "params" and "model" in entries:
                found += self._params(field)
            else:
                found.append(self._child(field, name, entries[name]))
        return found

    def _child(self, field: Field, name: str, entry: Schema) -> Field:
        start = _of(field).get(name, entry.get("default", _NOTHING))
        child = make_field(f"{field.key}.{name}", name, entry, field.shared, start)
        child = replace(child, depth=field.depth + 1, path=f"{field.path}.{name}")
        if name == "model":
            child = replace(child, choices=self.models(field))
        elif "const" in entry:
            names = tuple(fields_of(each)["name"]["const"] for each in self._choices(field))
            child = replace(child, choices=names)
        return child

    def models(self, field: Field) -> tuple[str, ...]:
        """List the models that a part may have."""
        stage, more = _MODELS.get(field.path.partition(".")[0], ("", ()))
        cards = self._catalogue.models.values()
        return (*more, *(card.name for card in cards if card.stage == stage))

    def _item(self, field: Field, name: str, place: int) -> Field:
        starts = field.start if isinstance(field.start, Sequence) else ()
        start = starts[int(name)] if name.isdecimal() and int(name) < len(starts) else {}
        variants = _variants(field.entry, field.shared)
        entry = variants[0] if len(variants) == 1 else {"oneOf": variants}
        key, path = f"{field.key}.{name}", f"{field.path}.{place}"
        item = make_field(key, path, entry, field.shared, start)
        about = f"Entry {place} of {field.name}."
        return replace(item, help=about, depth=field.depth + 1, path=path, shape="part")

    def _choices(self, field: Field) -> list[Schema]:
        return list(alternatives_of(field.entry, field.shared))

    def _variant(self, field: Field) -> Schema:
        """Find what a part is made of: of several the one that its name says."""
        choices = self._choices(field)
        named = self._text(f"{field.key}.name") or _of(field).get("name")
        for each in choices[1:]:
            if fields_of(each).get("name", {}).get("const") == named:
                return each
        return choices[0]

    def _params(self, field: Field) -> list[Field]:
        model = self.model_of(field)
        schema = self._schema(model)
        if schema is None:
            return []
        start, shared = self._start_of_params(field, model), schema.get("$defs", {})
        entries = fields_of(schema)
        found = []
        for name in schema.get(GROUPS, entries):
            default = start.get(name, entries[name].get("default", _NOTHING))
            child = make_field(
                f"{field.key}.params.{model}.{name}", name, entries[name], shared, default
            )
            path = f"{field.path}.params.{name}"
            found.append(replace(child, depth=field.depth + 2, path=path))
        return found

    def _schema(self, model: str) -> Schema | None:
        card = self._catalogue.models.get(model)
        return card.schema if card is not None else self._catalogue.parts.get(model)

    def model_of(self, field: Field) -> str:
        """Name the model of a part; empty where a run brings it, and where a part has none."""
        if self._text(f"{field.key}.model"):
            return self._text(f"{field.key}.model")
        if self._text(f"{field.key}.run"):
            return ""
        known = fields_of(self._variant(field)).get("model", {})
        return str(_of(field).get("model") or known.get("default", ""))

    def _start_of_params(self, field: Field, model: str) -> Mapping[str, Any]:
        same = model == _of(field).get("model")
        found = _of(field).get("params") if same else None
        return found if isinstance(found, Mapping) else {}

    # Values

    def _text(self, key: str) -> str:
        return self._texts.get(key, "")

    def raw(self, field: Field) -> str:
        """Return what was typed for the whole of a part and could not be taken apart."""
        return self._text(field.key) if field.shape else ""

    def text(self, field: Field) -> str:
        """Write a part as JSON; empty where it is as by default."""
        if self.raw(field):
            return self.raw(field)
        value = self.value(field)
        return "" if value == self.value(field, bare=True) else write_value(value)

    def value(self, field: Field, *, bare: bool = False) -> Any:
        """Collect what differs from the defaults of the schemas.

        Parameters
        ----------
        bare
            As if nothing had been typed.
        """
        if not bare and self.raw(field):
            return read_value(self.raw(field), field)
        if field.shape == "list":
            children = self.children(field) if not bare else self._first_children(field)
            return [self.value(child, bare=bare) for child in children]
        if not field.shape:
            text = "" if bare else self._text(field.key)
            return read_value(text, field) if text else field.start
        return self._part(field, bare=bare)

    def _first_children(self, field: Field) -> list[Field]:
        names = map(str, range(len(field.start or ())))
        return [self._item(field, name, place) for place, name in enumerate(names)]

    def _part(self, field: Field, *, bare: bool) -> dict[str, Any]:
        if bare:
            start = {name: x for name, x in _of(field).items() if name != "params" or x}
            return {name: x for name, x in start.items() if x != self._default(field, name)}
        found: dict[str, Any] = {}
        model = self.model_of(field)
        params = dict(self._start_of_params(field, model))
        for child in self.children(field):
            value = self.value(child)
            if child.depth == field.depth + 2:
                if self._text(child.key):
                    params[child.name] = value
            elif child.name == "name" and child.choices:
                found["name"] = value
            elif value != self._default(field, child.name):
                found[child.name] = value
        if self._text(f"{field.key}.run") and not self._text(f"{field.key}.model"):
            found.pop("model", None)
        if params and "params" in fields_of(self._variant(field)):
            found["params"] = params
        return found

    def _default(self, field: Field, name: str) -> Any:
        entry = fields_of(self._variant(field)).get(name, {})
        return None if name == "name" else entry.get("default", _NOTHING)

    # Changes

    def put(self, field: Field, value: Any) -> None:
        """Take a value apart that is no `misfit`."""
        self.clear(field)
        if field.shape == "list":
            self._entries[field.key] = tuple(f"+{place}" for place in range(len(value)))
            for child, inner in zip(self.children(field), value, strict=True):
                self.put(child, inner)
            return
        if not field.shape:
            if value != field.start:
                self._texts[field.key] = as_typed(value)
            return
        for name in ("name", "model", "run"):  # the others follow from them
            if name in value:
                self._texts[f"{field.key}.{name}"] = str(value[name])
        model = self.model_of(field)
        renamed = (self._schema(model) or {}).get(RENAMED, {})
        params = {renamed.get(name, name): x for name, x in (value.get("params") or {}).items()}
        for child in self.children(field):
            inside = params if child.depth == field.depth + 2 else value
            if child.name in inside and child.name not in ("name", "model", "run"):
                self.put(child, inside[child.name])

    def misfit(self, field: Field, value: Any) -> str:
        """Say why a value cannot be taken apart into fields; empty where it can."""
        if field.shape == "list":
            if not isinstance(value, list):
                return "must be a list"
            item = self._item(field, "+", 0)
            found = (self.misfit(item, each) for each in value)
            said = (f"entry {place}: {text}" for place, text in enumerate(found) if text)
            return next(said, "")
        if not field.shape:
            return ""
        if not isinstance(value, Mapping):
            return "must be fields in braces: {name: value}"
        known = [name for each in self._choices(field) for name in fields_of(each)]
        for name in value:
            if name not in known:
                return _line(unknown_name("field", str(name), known))
        return self._misfit_of_params(field, value)

    def _misfit_of_params(self, field: Field, value: Mapping[str, Any]) -> str:
        params = value.get("params") or {}
        if not params:
            return ""
        model = str(value.get("model") or self.model_of(field))
        schema = self._schema(model)
        if schema is None:
            return _line(unknown_name("model", model, self.models(field)))
        if not isinstance(params, Mapping):
            return "params must be fields in braces: {name: value}"
        fields, renamed = fields_of(schema), schema.get(RENAMED, {})
        wrong = [name for name in params if renamed.get(name, name) not in fields]
        return _line(unknown_name(f"field of {model}", str(wrong[0]), fields)) if wrong else ""

    def clear(self, field: Field) -> None:
        """Put a field back to its default, with all that is inside."""
        for key in [key for key in self._texts if key == field.key or _inside(key, field)]:
            del self._texts[key]
        for key in [key for key in self._entries if key == field.key or _inside(key, field)]:
            del self._entries[key]

    def forget(self) -> None:
        """Put everything back."""
        self._texts.clear()
        self._entries.clear()

    def state(self) -> dict[str, str]:
        """Return what lists hold, by key, where that was changed."""
        return {f"{key}[]": ",".join(names) for key, names in self._entries.items()}

    def add(self, field: Field, after: int) -> int:
        """Put a new entry into a list, behind another one; return its place."""
        names = self._names(field)
        new = next(f"+{n}" for n in range(len(names) + 1) if f"+{n}" not in names)
        place = min(after + 1, len(names))
        self._entries[field.key] = (*names[:place], new, *names[place:])
        return place

    def remove(self, field: Field, place: int) -> None:
        """Take an entry out of a list."""
        names = self._names(field)
        self.clear(self._item(field, names[place], place))
        self._entries[field.key] = (*names[:place], *names[place + 1 :])

    def _names(self, field: Field) -> tuple[str, ...]:
        first = tuple(map(str, range(len(field.start or ()))))
        return self._entries.get(field.key, first)

    def summary(self, field: Field) -> str:
        """Say in a few words what a part is."""
        if field.shape == "list":
            names = [self.summary(child) for child in self.children(field)]
            return f"{len(names)}: {', '.join(names)}" if names else "none"
        for name in ("label", "name"):
            if text := self._text(f"{field.key}.{name}") or _of(field).get(name, ""):
                return str(text)
        own = self._text(f"{field.key}.run").rpartition("/")[2]
        if self.model_of(field) or own:
            return self.model_of(field) or own
        changed = [(child.name, self._text(child.key)) for child in self.children(field)]
        return "  ".join(f"{name}={text}" for name, text in changed if text)


def _inside(key: str, field: Field) -> bool:
    return key.startswith(f"{field.key}.")


def _of(field: Field) -> Mapping[str, Any]:
    return field.start if isinstance(field.start, Mapping) else {}


def _line(error: InputError) -> str:
    return str(error).replace("\n", "; ")
