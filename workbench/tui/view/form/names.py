"""Checks of fields that are names, limits, or whatever a person likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from recsys_core.errors import InputError, unknown_name
from workbench.jobs.catalogue import Catalogue
from workbench.jobs.limits import read_memory, read_time
from workbench.tui.view.form.fields import Field

#: says what is wrong with a text; empty when nothing is
Check = Callable[[str, Field], str]
_RECALL = "a channel is a recall model"


def check_name(kind: str, *, paths: bool = False, empty: bool = False) -> Check:
    """Build the check of a name that is one of the field's choices."""

    def check(text: str, each: Field) -> str:
        if text in each.choices or (empty and not text):
            return ""
        if paths and ("/" in text or text.endswith((".yaml", ".csv", ".zip"))):
            return "" if Path(text).expanduser().exists() else f"no such file or folder: {text}"
        return str(unknown_name(kind, text, each.choices)).replace("\n", ": ")

    return check


def check_part_model(text: str, each: Field, catalogue: Catalogue, texts: Mapping[str, str]) -> str:
    """Say what is wrong with the model of a part, or with the name of a step."""
    name = text or each.default.strip('"')
    run = texts.get(f"{each.key.removesuffix('.model')}.run", "")
    if name in each.choices or (run and not text):
        return ""
    if not name:
        return "give either model (and params) or run"
    card = catalogue.models.get(name)
    if card is not None:
        instead = "use mlp, none or a ranking model" if "mlp" in each.choices else _RECALL
        return f"{name} is a {card.stage} model; {instead}"
    return str(unknown_name(each.name, name, each.choices)).replace("\n", ": ")


def limit_problem(read: Callable[[str], float], text: str) -> str:
    """Say what is wrong with a limit, which may be left out; empty when nothing is."""
    try:
        if text:
            read(text)
    except InputError as error:
        return f"{error.problem}: {error.remedy}"
    return ""


def _check_limit(read: Callable[[str], float]) -> Check:
    return lambda text, each: limit_problem(read, text)


#: of fields that no schema describes, by key
CHECKS: dict[str, Check] = {
    "from": check_name("suite entry or run", empty=True),
    "dataset": check_name("data set", paths=True),
    "protocol": check_name("protocol", empty=True),
    "model": check_name("model"),
    "features": check_name("feature schema", paths=True, empty=True),
    "label": lambda text, each: "",
    "pruner": check_name("pruner", empty=True),
    "budget": _check_limit(read_time),
    "time-limit": _check_limit(read_time),
    "memory-limit": _check_limit(read_memory),
}
