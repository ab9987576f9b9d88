"""The form of a new job: fields from the catalogue's schemas, texts, what is wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recsys_core.errors import InputError, unknown_name
from workbench.jobs.catalogue import Card, Catalogue
from workbench.jobs.json_schema import Schema, choices_of, fields_of, problem_of
from workbench.jobs.space import alternatives, read_space, space_of_field
from workbench.tui.view.form.copied import Copied, copy_of_spec
from workbench.tui.view.form.fields import Field, Section, Start, read_value, write_value

#: what a field's text says to search it between its own bounds
SWEEP = "sweep"
SEARCH = "to search it: sweep, log(1e-4,1e-1), int(16,64) or choice(a,b)"
_SPACE = re.compile(r"(log|float|int|choice)\s*\(.*\)", re.DOTALL)
_WHOLE = {"type": "integer", "minimum": -1000, "maximum": 1000}
_COUNTS: Schema = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_CUTOFFS: Schema = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}}


class Form:
    """What a person has put in so far.

    Parameters
    ----------
    datasets
        Names of the data sets on this machine.
    starts
        Jobs that may be copied from.
    """

    def __init__(
        self, catalogue: Catalogue, datasets: Sequence[str], starts: Sequence[Start]
    ) -> None:
        self.catalogue = catalogue
        self._datasets = tuple(dict.fromkeys([*datasets, *catalogue.datasets]))
        self._starts = {start.name: start for start in starts}
        self.texts: dict[str, str] = {"dataset": self._datasets[0], "model": "popularity"}
        #: what of the job that was taken over last could not be
        self.left: tuple[str, ...] = ()

    # Fields

    @property
    def model(self) -> Card | None:
        """The chosen model, when there is such one."""
        return self.catalogue.models.get(self.text("model"))

    def text(self, key: str) -> str:
        """Return what was put in for a field; empty: its default."""
        return self.texts.get(key, "")

    def sections(self) -> list[Section]:
        """List all fields; those of model and protocol change with the choice."""
        parts = [Section("job", tuple(self._job_fields()))]
        model = self.model
        if model is not None and model.schema is not None:
            name = f"{model.name}: {model.title} ({model.stage})"
            parts.append(Section(name, tuple(_typed(f"{model.name}.", model.schema))))
        protocol = self.text("protocol") or self._default_protocol
        if protocol in self.catalogue.protocols:
            entry = self.catalogue.protocols[protocol]
            title = f"protocol {protocol}: {entry['leaks']}"
            parts.append(Section(title, tuple(_typed(f"protocol {protocol}.", entry["schema"]))))
        return parts

    def fields(self) -> dict[str, Field]:
        """Return all fields by key."""
        return {each.key: each for part in self.sections() for each in part.fields}

    @property
    def _default_protocol(self) -> str:
        return next(iter(self.catalogue.protocols))

    def _job_fields(self) -> Iterator[Field]:
        job = fields_of(self.catalogue.job)
        yield Field(
            "from",
            "copy from",
            "Start from an entry of a suite, or from the job of a run.",
            choices=tuple(self._starts),
        )
        yield Field("dataset", "data set", job["dataset"]["description"], choices=self._datasets)
        yield Field(
            "protocol",
            "protocol",
            "How the data is split and models are evaluated.",
            default=self._default_protocol,
            choices=tuple(self.catalogue.protocols),
        )
        yield Field(
            "model", "model", "What to train; Tab completes.", choices=tuple(self.catalogue.models)
        )
        yield Field("label", "label", job["label"]["description"], default=self.text("model"))
        if self.model is not None and self.model.reads_features:
            help_text = job["features"]["description"]
            names = tuple(self.catalogue.features)
            yield Field("features", "features", help_text, choices=names)
        yield Field(
            "seeds", "seeds", "Random seeds, e.g. 0,1,2: one job per seed.", _COUNTS, {}, "0"
        )
        yield Field("k", "k", job["ks"]["description"], _CUTOFFS, {}, "10,20,50")
        yield Field("threads", "threads", job["threads"]["description"], job["threads"])
        yield Field(
            "priority", "priority", "Jobs with a higher priority run first.", _WHOLE, {}, "0"
        )
        if self.swept():
            entry = {"type": "integer", "minimum": 1, "maximum": 100_000}
            yield Field("trials", "trials", "Number of trials of the sweep.", entry, {}, "20")

    # Values

    def set(self, key: str, text: str) -> None:
        """Put a text in; one that names something to copy from fills the form."""
        self.texts[key] = text.strip()
        if key == "from" and text.strip() in self._starts:
            self.take(copy_of_spec(self._starts[text.strip()].spec, self.catalogue))

    def set_protocol(self, protocol: Mapping[str, Any]) -> None:
        """Take over a protocol with its parameters; without a name it is the default one."""
        name = str(protocol.get("name") or self._default_protocol)
        self.texts["protocol"] = name
        for field_name, value in protocol.items():
            if field_name != "name":
                self.texts[f"protocol {name}.{field_name}"] = write_value(value)

    def take(self, copied: Copied) -> None:
        """Take over a job."""
        kept = {key: self.text(key) for key in ("from", "threads", "priority")}
        self.texts = kept | dict(copied.texts)
        self.left = copied.left

    def first(self) -> str:
        """Name the field to begin with: the first setting that is not as by default."""
        for key, each in self.fields().items():
            if self.text(key) and self.text(key) != each.default and key not in _CHOSEN:
                return key
        return "model"

    def swept(self) -> list[str]:
        """List the names of the model's fields that are to be searched."""
        prefix = f"{self.text('model')}."
        return [
            key.removeprefix(prefix)
            for key, text in self.texts.items()
            if key.startswith(prefix) and is_space(text)
        ]

    def searchable(self, each: Field) -> bool:
        """Tell whether a sweep can search a field: those of the model."""
        return each.key.startswith(f"{self.text('model')}.")

    def problem(self, each: Field) -> str:
        """Say what is wrong with a field; empty when nothing is."""
        text = self.text(each.key)
        special = _CHECKS.get(each.key)
        if special is not None:
            return special(text, each)
        if not text:
            return ""
        if is_space(text) and self.searchable(each):
            return _space_problem(text, each)
        return problem_of(read_value(text, each), each.entry, each.shared)

    def problems(self) -> dict[str, str]:
        """Return all that is wrong, by key."""
        found = {each.key: self.problem(each) for each in self.fields().values()}
        return {key: problem for key, problem in found.items() if problem}

    def completions(self, each: Field, text: str) -> list[str]:
        """List the values of a field that begin with, or else contain, a text."""
        choices = each.choices or tuple(
            write_value(value) for value in choices_of(each.entry, each.shared)
        )
        begin = [choice for choice in choices if choice.startswith(text)]
        return begin + [choice for choice in choices if text in choice and choice not in begin]

    def arguments(self) -> list[str]:
        """Write the command line that adds the job: what follows ``recsys-workbench``."""
        words = ["queue", "add", "--model", self.text("model"), "--dataset", self.text("dataset")]
        for key, option in _OPTIONS.items():
            if self.text(key):
                words.append(f"--{option}={self.text(key)}")
        for each in self.fields().values():
            words += self._field_arguments(each)
        return words

    def _field_arguments(self, each: Field) -> list[str]:
        text = self.text(each.key)
        prefix, dot, name = each.key.partition(".")
        if not dot or not text or text == each.default:
            return []
        if prefix.startswith("protocol "):
            return ["--set", f"protocol.{name}={_exact(read_value(text, each))}"]
        if text == SWEEP:
            return ["--sweep", name]
        if is_space(text):
            return ["--sweep", f"{name}={text}"]
        return ["--set", f"{name}={_exact(read_value(text, each))}"]


#: what every job has, whatever it is set to
_CHOSEN = ("from", "dataset", "protocol", "model", "label")
_OPTIONS = {
    name: name
    for name in (
        *("protocol", "label", "features", "seeds", "k", "threads", "device", "priority"),
        *("time-limit", "memory-limit", "trials"),
    )
}


def _typed(prefix: str, schema: Schema) -> Iterator[Field]:
    """Make the fields of a typed configuration."""
    shared = schema.get("$defs", {})
    for name, entry in fields_of(schema).items():
        default = write_value(entry["default"]) if "default" in entry else ""
        yield Field(f"{prefix}{name}", name, entry.get("description", ""), entry, shared, default)


def _exact(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) else write_value(value)


def is_space(text: str) -> bool:
    """Tell whether a text asks for a search: ``log(1e-4,1e-1)``, or just ``sweep``."""
    return text == SWEEP or _SPACE.fullmatch(text) is not None


def _space_problem(text: str, each: Field) -> str:
    entries = alternatives(dict(each.entry), each.shared)
    try:
        if text == SWEEP:
            default = read_value(each.default, each) if each.default else None
            space_of_field(each.name, entries, default)
            return ""
        whole = any(entry.get("type") == "integer" for entry in entries)
        space = read_space(text, f"{each.name}={text}", whole)
    except InputError as error:
        return str(error).replace("\n", "; ").replace("--sweep ", "")
    for end in space.ends:
        if problem := problem_of(end, each.entry, each.shared):
            return f"{end:.10g} {problem}" if isinstance(end, float) else f"{end} {problem}"
    return ""


def _named(kind: str, *, paths: bool, empty: bool) -> Callable[[str, Field], str]:
    """Build the check of a name that is one of the field's choices."""

    def check(text: str, each: Field) -> str:
        if text in each.choices or (empty and not text):
            return ""
        if paths and ("/" in text or text.endswith((".yaml", ".csv", ".zip"))):
            return "" if Path(text).expanduser().exists() else f"no such file or folder: {text}"
        return str(unknown_name(kind, text, each.choices)).replace("\n", ": ")

    return check


_CHECKS: dict[str, Callable[[str, Field], str]] = {
    "from": _named("suite entry or run", paths=False, empty=True),
    "dataset": _named("data set", paths=True, empty=False),
    "protocol": _named("protocol", paths=False, empty=True),
    "model": _named("model", paths=False, empty=False),
    "features": _named("feature schema", paths=True, empty=True),
    "label": lambda text, each: "",
}
