"""What a person has put into the form so far: its fields, what is wrong, the command it makes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from recsys_core.errors import InputError
from workbench.jobs.catalogue import GROUPS, Card, Catalogue
from workbench.jobs.json_schema import Schema, choices_of, fields_of, problem_of
from workbench.jobs.space import Space, combinations
from workbench.jobs.sweep_progress import Pruner
from workbench.tui.view.form.copied import Copied, copy_of_spec
from workbench.tui.view.form.fields import Field, Section, Start, read_value, write_value
from workbench.tui.view.form.names import CHECKS, check_part_model
from workbench.tui.view.form.nested import Nested, make_field
from workbench.tui.view.form.spaces import (
    SWEEP,
    TRIALS,
    proposals,
    say_combinations,
    space_of,
    space_problem,
    space_text,
)

_WHOLE = {"type": "integer", "minimum": -1000, "maximum": 1000}
_COUNTS: Schema = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_CUTOFFS: Schema = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}}
_TRIALS = {"type": "integer", "minimum": 1, "maximum": 100_000}
#: headings of the groups of a model's fields
_HEADINGS = {"training": "training", "sampling": "sampling", "index": "nearest-neighbour index"}
#: what every job has, whatever it is set to
_CHOSEN = ("from", "dataset", "protocol", "model", "label")
#: fields that are options of ``queue add``
_OPTIONS = (
    *("protocol", "label", "features", "seeds", "k", "threads", "nproc", "device"),
    *("priority", "time-limit", "memory-limit"),
)
_LISTS = ("seeds", "k")
#: and those that are of a sweep
_SWEEP_OPTIONS = ("pruner", "budget")


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
        self.nested = Nested(catalogue, self.texts)
        #: what of the job that was taken over last could not be
        self.left: tuple[str, ...] = ()

    # Fields

    @property
    def model(self) -> Card | None:
        """The chosen model, when there is such one."""
        return self.catalogue.models.get(self.texts.get("model", ""))

    def text(self, key: str) -> str:
        """Return what was put in for a field; empty: its default."""
        if key in self.texts:
            return self.texts[key]
        field = self.fields().get(key) if "." in key else None
        return self.text_of(field) if field is not None else ""

    def text_of(self, field: Field) -> str:
        """Return what was put in for a field and for those inside it; empty: its default."""
        return self.nested.text(field) if field.shape else self.texts.get(field.key, "")

    def sections(self) -> list[Section]:
        """List all fields; those of model and protocol change with the choice."""
        parts = [
            Section("job", tuple(self._job_fields())),
            Section("data", (*self._data_fields(),)),
        ]
        model = self.model
        if model is not None and model.schema is not None:
            title = f"{model.name}: {model.title} ({model.stage})"
            for group, fields in self._model_fields(model.name, model.schema).items():
                parts.append(Section(_HEADINGS.get(group, title), tuple(fields)))
        parts.append(self._protocol_section())
        parts.append(Section("place in the queue, limits", tuple(self._place_fields())))
        return parts

    def fields(self) -> dict[str, Field]:
        """Return all fields by key."""
        return {each.key: each for part in self.sections() for each in part.fields}

    def _model_fields(self, model: str, schema: Schema) -> dict[str, list[Field]]:
        """Sort the fields of a model into their groups, those inside others below these."""
        entries, shared = fields_of(schema), schema.get("$defs", {})
        found: dict[str, list[Field]] = {}
        groups: Mapping[str, str] = schema.get(GROUPS) or dict.fromkeys(entries, "model")
        for name, group in groups.items():
            each = make_field(f"{model}.{name}", name, entries[name], shared)
            found.setdefault(group, []).extend([each, *self.nested.walk(each)])
        return found

    @property
    def _default_protocol(self) -> str:
        return next(iter(self.catalogue.protocols))

    def _protocol_section(self) -> Section:
        protocol = self.text("protocol") or self._default_protocol
        about = "How the data is split and models are evaluated."
        names = tuple(self.catalogue.protocols)
        fields = [
            Field("protocol", "protocol", about, default=self._default_protocol, choices=names),
            Field("k", "k", self._job["ks"]["description"], _CUTOFFS, {}, "10,20,50"),
        ]
        known = self.catalogue.protocols.get(protocol)
        if known is None:
            return Section("protocol", tuple(fields))
        shared = known["schema"].get("$defs", {})
        for name, entry in fields_of(known["schema"]).items():
            each = make_field(f"protocol {protocol}.{name}", name, entry, shared)
            fields.append(replace(each, shape=""))
        return Section(f"protocol {protocol}: {known['leaks']}", tuple(fields))

    @property
    def _job(self) -> dict[str, Schema]:
        return fields_of(self.catalogue.job)

    def _job_fields(self) -> Iterator[Field]:
        about = (
            "Start from an entry of a suite, or from the job of a run; Ctrl+E edits all as YAML."
        )
        yield Field("from", "copy from", about, choices=tuple(self._starts))
        models = tuple(self.catalogue.models)
        yield Field("model", "model", "What to train; Tab completes.", choices=models)
        about = self._job["label"]["description"]
        yield Field("label", "label", about, default=self.text("model"))
        about = "Random seeds, e.g. 0,1,2: one job per seed."
        yield Field("seeds", "seeds", about, _COUNTS, {}, "0")
        if self.swept():
            about = f"Number of trials of the sweep: {say_combinations(self.combinations())}."
            yield Field("trials", "trials", about, _TRIALS, {}, self._default_trials())
            about = "Ends trials that are worse than others after as many epochs: than the median, "
            about += "or than the best third (halving, hyperband)."
            yield Field("pruner", "pruner", about, default="none", choices=get_args(Pruner))
            about = "Begin no trial after its trials have run so long, e.g. 90m."
            yield Field("budget", "budget", about, default="none")

    def _data_fields(self) -> Iterator[Field]:
        about = self._job["dataset"]["description"]
        yield Field("dataset", "data set", about, choices=self._datasets)
        if self.model is not None and self.model.reads_features:
            about, names = self._job["features"]["description"], tuple(self.catalogue.features)
            yield Field("features", "features", about, choices=names)

    def _place_fields(self) -> Iterator[Field]:
        about = "Jobs with a higher priority run first."
        yield Field("priority", "priority", about, _WHOLE, {}, "0")
        about = "Stop the job if it takes longer, e.g. 30m or 2h; its checkpoint is kept."
        yield Field("time-limit", "time limit", about, default="none")
        about = "Stop the job if it needs more memory, e.g. 4G; its checkpoint is kept."
        yield Field("memory-limit", "memory limit", about, default="none")
        for name in ("threads", "nproc", "device"):
            if name != "nproc" or self._takes_nproc:
                each = make_field(name, name, self._job[name], {})
                yield replace(each, default="" if each.start is None else each.default)

    @property
    def _takes_nproc(self) -> bool:
        """Whether several processes can train the model; what was put in is shown in any case."""
        model = self.model
        return "nproc" in self.texts or (model is not None and model.trains_together)

    # Sweeps

    def swept(self) -> dict[str, str]:
        """List the model's fields that are to be searched, and their spaces as written."""
        model = self.model
        if model is None or model.schema is None:
            return {}
        shared, found = model.schema.get("$defs", {}), {}
        for name, entry in fields_of(model.schema).items():
            key = f"{model.name}.{name}"
            each = make_field(key, name, entry, shared) if key in self.texts else None
            if each is not None and (space := space_text(self.texts[key], each)):
                found[name] = space
        return found

    def combinations(self) -> int | None:
        """Count the combinations of what is searched; None: there is no end of them."""
        spaces: list[Space] = []
        for name, text in self.swept().items():
            key, schema = f"{self.text('model')}.{name}", self.model.schema if self.model else {}
            entry, shared = fields_of(schema or {})[name], (schema or {}).get("$defs", {})
            try:
                spaces.append(space_of(text, make_field(key, name, entry, shared)))
            except InputError:
                return None
        return combinations(spaces)

    def _default_trials(self) -> str:
        count = self.combinations()
        return str(TRIALS if count is None else min(count, TRIALS))

    def searchable(self, each: Field) -> bool:
        """Tell whether a sweep can search a field: those of the model, not those inside others."""
        return each.key.startswith(f"{self.text('model')}.") and not each.depth

    def is_searched(self, each: Field) -> bool:
        """Tell whether a sweep searches a field."""
        return self.searchable(each) and bool(space_text(self.texts.get(each.key, ""), each))

    # Values

    def set(self, key: str, text: str) -> None:
        """Put a text in; one that names something to copy from fills the form."""
        text = text.strip()
        self._put(key, text)
        if key == "from" and text in self._starts:
            self.take(copy_of_spec(self._starts[text].spec, self.catalogue))

    def _put(self, key: str, text: str) -> None:
        field = self.fields().get(key) if "." in key else None
        if field is not None and field.shape and text and not space_text(text, field):
            value = read_value(text, field)
            if not self.nested.misfit(field, value):
                self.nested.put(field, value)
                return
        if field is not None and field.shape:
            self.nested.clear(field)
        self.texts[key] = text
        if field is not None and field.shape and not text:
            del self.texts[key]

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
        self.replace(Copied(kept | dict(copied.texts), copied.left))

    def replace(self, copied: Copied) -> None:
        """Forget what was put in, and take over a job."""
        self.nested.forget()
        for key, text in copied.texts.items():  # the model before its fields
            self._put(key, text)
        self.left = copied.left

    def state(self) -> dict[str, str]:
        """Return all that was put in."""
        return self.texts | self.nested.state()

    def first(self) -> str:
        """Name the field to begin with: the first setting that is not as by default."""
        for key, each in self.fields().items():
            text = self.text_of(each)
            if not each.is_default(text) and key not in _CHOSEN:
                return key
        return "model"

    def problem(self, each: Field) -> str:
        """Say what is wrong with a field; empty when nothing is."""
        text = self.texts.get(each.key, "")
        if each.key in CHECKS:
            return CHECKS[each.key](text, each)
        if each.depth and each.name in ("model", "name") and each.choices:
            return check_part_model(text, each, self.catalogue, self.texts)
        if not text:
            return ""
        if self.is_searched(each):
            return space_problem(text, each)
        value = read_value(text, each)
        problem = problem_of(value, each.entry, each.shared)
        return problem or (self.nested.misfit(each, value) if each.shape else "")

    def hint(self, each: Field) -> str:
        """Say in short what a field may be."""
        if each.key == "trials":
            return f"{say_combinations(self.combinations())}; {each.allowed}"
        return ", ".join(each.choices) or each.allowed

    def problems(self, fields: Mapping[str, Field] | None = None) -> dict[str, str]:
        """Return all that is wrong, by key."""
        every = self.fields() if fields is None else fields
        found = {each.key: self.problem(each) for each in every.values()}
        return {key: problem for key, problem in found.items() if problem}

    def completions(self, each: Field, text: str) -> list[str]:
        """List the values of a field that begin with, or else contain, a text."""
        choices = each.choices or tuple(
            write_value(value) for value in choices_of(each.entry, each.shared)
        )
        if self.searchable(each) and not each.shape:
            choices = (*choices, *proposals(each))
        begin = [choice for choice in choices if choice.startswith(text)]
        return begin + [choice for choice in choices if text in choice and choice not in begin]

    def arguments(self) -> list[str]:
        """Write the command line that adds the job: what follows ``recsys-workbench``."""
        words = ["queue", "add", "--model", self.text("model"), "--dataset", self.text("dataset")]
        for key in _OPTIONS:
            text = self.texts.get(key, "")
            words += [f"--{key}={_listed(text) if key in _LISTS else text}"] if text else []
        if self.swept():
            words.append(f"--trials={self.texts.get('trials') or self._default_trials()}")
            given = ((key, self.texts.get(key, "")) for key in _SWEEP_OPTIONS)
            words += [f"--{key}={text}" for key, text in given if text]
        for each in self.fields().values():
            words += self._field_arguments(each)
        return words

    def _field_arguments(self, each: Field) -> list[str]:
        text = self.text_of(each)
        prefix, dot, name = each.key.partition(".")
        if not dot or each.depth or each.is_default(text):
            return []
        if prefix.startswith("protocol "):
            return ["--set", f"protocol.{name}={_exact(read_value(text, each))}"]
        if text == SWEEP:
            return ["--sweep", name]
        if self.is_searched(each):
            return ["--sweep", f"{name}={space_text(text, each)}"]
        return ["--set", f"{name}={_exact(read_value(text, each))}"]


def _listed(text: str) -> str:
    """Write a list of numbers as the options have it, without brackets."""
    return text.strip("[]").replace(" ", "")


def _exact(value: Any) -> str:
    return json.dumps(value) if not isinstance(value, str) else write_value(value)
