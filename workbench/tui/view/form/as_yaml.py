"""A field, or the whole job, as YAML for an editor; and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from recsys_core.errors import InputError, unknown_name
from recsys_core.reading import YAMLError, parse_yaml
from workbench.jobs.json_schema import fields_of
from workbench.tui.view.form.copied import Copied
from workbench.tui.view.form.fields import Field, as_typed, read_value
from workbench.tui.view.form.form import Form

#: keys of the job -> keys of the form
_KEYS = {
    "model": "model",
    "label": "label",
    "seeds": "seeds",
    "trials": "trials",
    "pruner": "pruner",
    "budget": "budget",
    "dataset": "dataset",
    "features": "features",
    "ks": "k",
    "priority": "priority",
    "time_limit": "time-limit",
    "memory_limit": "memory-limit",
    "threads": "threads",
    "nproc": "nproc",
    "device": "device",
}
_INSIDE = ("protocol", "params")


def write_field(form: Form, each: Field) -> str:
    """Write one field; what it is and may be stands above it."""
    about = [f"# {each.full_name}: {each.help}"]
    if each.allowed or each.choices:
        about.append(f"# {each.allowed or ', '.join(each.choices)}")
    about.append("# Save and leave the editor to take it over; an empty file changes nothing.")
    return "\n".join(about) + "\n" + _dump({each.name: _value(form, each)})


def take_field(form: Form, each: Field, text: str) -> None:
    """Take a field over from what an editor left.

    Raises
    ------
    InputError
        It is no YAML, or not of that field.
    """
    values = _parse(text)
    if set(values) != {each.name}:
        other = next(iter(set(values) - {each.name}), "")
        problem = f"'{other}' is another field" if other else f"'{each.name}' is missing"
        raise InputError(problem, f"the file has one field, '{each.name}: VALUE'")
    value = values[each.name]
    if each.shape and value is not None:
        if problem := form.nested.misfit(each, value):
            raise InputError(f"{each.name}: {problem}")
        form.texts.pop(each.key, None)
        form.nested.put(each, value)
    else:
        form.set(each.key, "" if value is None and each.shape else as_typed(value))


def write_job(form: Form) -> str:
    """Write the whole job: what was chosen, and as comments what else could be."""
    fields = form.fields()
    found: dict[str, Any] = {}
    for name, key in _KEYS.items():
        if key in fields and form.texts.get(key):
            found[name] = _value(form, fields[key])
    protocol = form.text("protocol") or fields["protocol"].default
    found["protocol"] = {"name": protocol, **_changed(form, fields, f"protocol {protocol}.")}
    found["params"] = _changed(form, fields, f"{form.text('model')}.")
    about = [
        "# The whole job; what is left out is as by default, and an empty file changes nothing.",
        "# A field of the model is searched by several values (16,32,64), log(1e-4,1e-1) or sweep.",
    ]
    written = _dump(found).rstrip().removesuffix(" {}")
    return "\n".join([*about, written, *_others(form, fields)]) + "\n"


def take_job(form: Form, text: str) -> None:
    """Take a whole job over from what an editor left; the form stays as it is where that fails.

    Raises
    ------
    InputError
        It is no YAML, or names what there is not.
    """
    values = _parse(text)
    _check_known("field of the job", values, (*_KEYS, *_INSIDE))
    texts = {
        _KEYS[name]: as_typed(x) for name, x in values.items() if name in _KEYS and x is not None
    }
    protocol, params = (_mapping(values, name) for name in _INSIDE)
    name = str(protocol.get("name") or next(iter(form.catalogue.protocols)))
    _check_known("protocol", [name], form.catalogue.protocols)
    known = fields_of(form.catalogue.protocols[name]["schema"])
    _check_known(f"field of protocol {name}", set(protocol) - {"name"}, known)
    texts["protocol"] = name
    texts |= {f"protocol {name}.{key}": as_typed(x) for key, x in protocol.items() if key != "name"}
    model = texts.setdefault("model", form.text("model"))
    _check_known("model", [model], form.catalogue.models)
    _check_known(f"field of {model}", params, fields_of(form.catalogue.models[model].schema or {}))
    texts |= {f"{model}.{key}": as_typed(x) for key, x in params.items()}
    form.replace(Copied({"dataset": form.text("dataset"), **texts}))


def _value(form: Form, each: Field) -> Any:
    """Read what a field is; what is searched is text, as it was typed."""
    if each.shape:
        return form.nested.value(each)
    text = form.text_of(each)
    if not text:
        return each.start
    plain = each.choices or not each.entry or form.is_searched(each)
    return text if plain else read_value(text, each)


def _changed(form: Form, fields: Mapping[str, Field], prefix: str) -> dict[str, Any]:
    mine = [each for key, each in fields.items() if key.startswith(prefix) and not each.depth]
    return {each.name: _value(form, each) for each in mine if form.text_of(each)}


def _others(form: Form, fields: Mapping[str, Field]) -> Iterator[str]:
    """List the fields of the model that are as by default: without the sign they count."""
    prefix = f"{form.text('model')}."
    mine = [each for key, each in fields.items() if key.startswith(prefix) and not each.depth]
    rest = [each for each in mine if not form.text_of(each)]
    for each in rest:
        value = each.start if each.shape == "part" else _value(form, each)
        lines = _dump({each.name: value}).splitlines()
        lines[0] += f"  # {each.allowed}" if each.allowed else ""
        yield from (f"  # {line}" for line in lines)


def _dump(values: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)


def _parse(text: str) -> dict[str, Any]:
    try:
        values = parse_yaml(text)
    except YAMLError as error:
        where = f"line {error.line}: " if error.line else ""
        raise InputError(f"{where}not valid YAML: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InputError("not 'field: value' lines")
    return values


def _check_known(kind: str, names: Any, known: Any) -> None:
    for name in names:
        if name not in known:
            raise unknown_name(kind, str(name), known)


def _mapping(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name) or {}
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise InputError(f"{name} is not 'field: value' lines", "indent its fields below it")
    return found
