"""A job that there was, as the texts of a form; what a form cannot say is listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recsys_core.registry import EXTERNAL
from workbench.jobs.catalogue import RENAMED, Catalogue
from workbench.jobs.json_schema import fields_of
from workbench.jobs.limits import write_memory, write_time
from workbench.jobs.queue import readable_entry
from workbench.store.files import StoreError
from workbench.store.listing import RunSummary
from workbench.store.runs import Run
from workbench.tui.view.form.fields import write_value


@dataclass(frozen=True, slots=True)
class Copied:
    """What a form is filled in with.

    Parameters
    ----------
    texts
        By the keys of the form's fields.
    left
        What could not be taken over, and why: a line each.
    """

    texts: Mapping[str, str]
    left: tuple[str, ...] = ()


def job_from_run(run: RunSummary, catalogue: Catalogue) -> Copied:
    """Take over the job of a run; the label is left to the person."""
    try:
        spec = Run(run.folder).spec
    except StoreError as error:
        texts = {"dataset": run.dataset, "protocol": run.protocol, "model": run.model}
        return Copied({key: text for key, text in texts.items() if text}, (str(error.problem),))
    copied = copy_of_spec(spec, catalogue)
    entry = readable_entry(Run(run.folder))
    limits = {}
    if entry is not None and entry.time_limit is not None:
        limits["time-limit"] = write_time(entry.time_limit)
    if entry is not None and entry.memory_limit is not None:
        limits["memory-limit"] = write_memory(entry.memory_limit)
    return Copied({**copied.texts, **limits, "label": ""}, copied.left)


def copy_of_spec(spec: Mapping[str, Any], catalogue: Catalogue) -> Copied:
    """Take over a job as a run folder or a suite has it."""
    model = str(spec.get("model", ""))
    texts = {
        "dataset": str(spec.get("dataset", "")),
        "label": str(spec.get("label") or ""),
        "features": str(spec.get("features") or ""),
        "model": "" if model == EXTERNAL else model,
    }
    for name in ("seed", "threads", "nproc", "device"):
        if spec.get(name):
            texts["seeds" if name == "seed" else name] = str(spec[name])
    if spec.get("ks"):
        texts["k"] = ",".join(map(str, spec["ks"]))
    left = list(_of_another_kind(spec))
    protocol = spec.get("protocol") or {}
    left += _copy_protocol(protocol if isinstance(protocol, Mapping) else {}, catalogue, texts)
    if model != EXTERNAL:
        left += _copy_params(model, spec.get("params") or {}, catalogue, texts)
    return Copied(texts, tuple(left))


def _of_another_kind(spec: Mapping[str, Any]) -> Iterator[str]:
    """Say what a job is that no form makes."""
    if spec.get("model") == EXTERNAL:
        yield "its scores are from a file: choose a model"
    for key, what in (("refit", "fit on all rows"), ("update", "update")):
        of = spec.get(key)
        if isinstance(of, Mapping):
            option = "--refit" if key == "refit" else "--from"
            command = f"recsys-workbench queue add {option} {of.get('run', 'RUN')}"
            yield f"the {what} of run {of.get('run', '')}: this job trains anew; see {command}"


def _copy_protocol(
    protocol: Mapping[str, Any], catalogue: Catalogue, texts: dict[str, str]
) -> Iterator[str]:
    name = str(protocol.get("name") or next(iter(catalogue.protocols)))
    texts["protocol"] = name
    known = catalogue.protocols.get(name)
    if known is None:
        yield f"protocol '{name}' is not installed: its package is missing, or another version"
        return
    fields = fields_of(known["schema"])
    for field, value in protocol.items():
        if field in fields:
            texts[f"protocol {name}.{field}"] = write_value(value)
        elif field != "name":
            yield f"protocol {name} has no field '{field}' in this version"


def _copy_params(
    model: str, params: Mapping[str, Any], catalogue: Catalogue, texts: dict[str, str]
) -> Iterator[str]:
    card = catalogue.models.get(model)
    if card is None:
        yield f"model '{model}' is not installed: its package is missing, or another version"
        return
    if card.schema is None:
        yield f"model '{model}' cannot be loaded: {card.problem}"
        return
    fields, renamed = fields_of(card.schema), card.schema.get(RENAMED, {})
    for field, value in params.items():
        name = renamed.get(field, field)
        if name in fields:
            texts[f"{model}.{name}"] = write_value(value)
        else:
            yield f"{model} has no field '{field}' in this version"
