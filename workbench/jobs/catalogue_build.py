"""Write the catalogue of models, protocols, suites and data sets: ``… FILE``.

This process imports every model, and so torch; `workbench.jobs.catalogue` starts it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recsys_core.config import Config, names_of_today
from recsys_core.data.sources import SAMPLE, SOURCES
from recsys_core.errors import InputError
from recsys_core.evaluation.names import metric_cards
from recsys_core.extensions import REMEDY, extension_problems, load_extensions, reason_of
from recsys_core.features.schema import packaged_schema
from recsys_core.features.schema_files import schema_names
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.suites import load_suite, suite_names
from recsys_core.protocols.registry import protocol_class, protocol_names
from recsys_core.registry import BUILTIN, model_info, model_names, reads_features
from recsys_core.retrieval.vector_index import IndexConfig
from recsys_core.sampling.config import SamplingConfig
from recsys_core.training.config import TrainingConfig
from recsys_core.two_stage.config import MLP_NAME
from recsys_core.two_stage.mlp_ranker import MLPConfig
from workbench.jobs.catalogue import GROUPS, RENAMED, Card
from workbench.jobs.priority import step_back
from workbench.store.files import write_json

#: what belongs together in a form, wherever a model has fields of these names
_GROUPS: dict[str, type[Config]] = {
    "training": TrainingConfig,
    "sampling": SamplingConfig,
    "index": IndexConfig,
}


def describe_all() -> dict[str, Any]:
    """Describe everything as plain values; `Catalogue.parse` reads them."""
    load_extensions(before=_say_who_ends_this)
    problems = [_line(error) for error in extension_problems()]
    return {
        "models": [asdict(describe_model(name)) for name in model_names()],
        "protocols": _described_protocols(problems),
        "suites": [load_suite(name).model_dump(mode="json") for name in suite_names()],
        "datasets": {
            SAMPLE: "synthetic, built in",
            **{
                name: f"{source.title}, {source.interactions:,} ratings"
                for name, source in SOURCES.items()
            },
        },
        "features": {name: describe_schema(name) for name in schema_names()},
        "job": JobSpec.model_json_schema(),
        "parts": {MLP_NAME: describe_config(MLPConfig)},
        "metrics": [asdict(card) for card in metric_cards()],
        "problems": problems,
    }


def _described_protocols(problems: list[str]) -> dict[str, Any]:
    """Describe the protocols; one that cannot be described is a problem, and costs no other."""
    found = {}
    for name in protocol_names():
        try:
            described = describe_protocol(name)
            json.dumps(described, allow_nan=False)
            found[name] = described
        except Exception as error:  # noqa: BLE001 - an extension's
            problems.append(f"protocol '{name}' cannot be described: {reason_of(error)}; {REMEDY}")
    return found


def _line(error: InputError) -> str:
    return str(error).replace("\n", "; ")


def _say_who_ends_this(what: str) -> None:
    """Leave the last words of this process, should foreign code end it."""
    sys.stderr.write(f"{what} ends the process that loads it\n")
    sys.stderr.flush()


def describe_protocol(name: str) -> dict[str, Any]:
    """Describe a protocol: what it leaks, whether it needs times or parts, its fields."""
    protocol = protocol_class(name)
    return {
        "leaks": protocol.leaks,
        "by_time": protocol.by_time,
        "needs_parts": protocol.needs_parts,
        "schema": protocol.model_json_schema(),
    }


def describe_schema(name: str) -> dict[str, Any]:
    """Describe a packaged feature schema: title, scopes of its histories, its features."""
    schema = packaged_schema(name)
    return {
        "title": schema.title,
        "scopes": schema.scopes,
        "features": [feature.facts() for feature in schema.scoped()],
    }


def describe_config(config: type[Config]) -> dict[str, Any]:
    """Describe a model's fields: schema, earlier names, groups."""
    schema = config.model_json_schema()
    return schema | {RENAMED: names_of_today(config), GROUPS: groups_of(config)}


def groups_of(config: type[Config]) -> dict[str, str]:
    """Sort the fields: those of the model itself first, then what it has in common with others."""
    blocks: list[list[str]] = []
    seen: set[str] = set()
    for parent in reversed(config.__mro__):
        fields = getattr(parent, "model_fields", {})
        blocks.append([name for name in fields if name not in seen])
        seen.update(fields)
    names = [name for block in reversed(blocks) for name in block]
    return {name: _group_of(name) for name in names}


def _group_of(name: str) -> str:
    found = [group for group, config in _GROUPS.items() if name in config.model_fields]
    return found[0] if found else "model"


def describe_model(name: str) -> Card:
    """Import a model and describe it; one that does not load says why."""
    if name not in BUILTIN:
        _say_who_ends_this(f"the plug-in model '{name}'")
    try:
        info = model_info(name)
        schema = describe_config(info.cls.Config)
        facts = (info.stage, info.title, info.paper, info.deterministic, schema, "")
        together = bool(getattr(info.cls, "trains_together", False))
        card = Card(name, *facts, reads_features(info), together)
        json.dumps(asdict(card), allow_nan=False)
    except InputError as error:
        return Card(name, problem=_line(error))
    except Exception as error:  # noqa: BLE001 - one plug-in does not cost the others
        text = f"model '{name}' cannot be described: {type(error).__name__}: {error}"
        return Card(name, problem="; ".join(text.splitlines()))
    return card


def main(path: Path) -> int:
    """Write the file."""
    step_back()
    write_json(path, describe_all())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
