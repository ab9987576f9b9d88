"""`models`: which there are, the fields of one, and a fitted one for use elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.completing import model_names
from workbench.cli.context import NamingGroup, Settings, pass_settings
from workbench.cli.export_run import export_command
from workbench.cli.table import print_table
from workbench.store.text import plain

if TYPE_CHECKING:
    from recsys_core.config import Config
    from workbench.jobs.catalogue import Catalogue


@click.group(cls=NamingGroup)
def models() -> None:
    """List models, show their fields, export fitted ones."""


models.add_command(export_command)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(as_json: bool) -> None:
    """List the models and their stages."""
    catalogue = _catalogue()
    cards = catalogue.models.values()
    rows = [(card.name, card.stage, card.title or card.problem) for card in cards]
    for problem in catalogue.problems:
        sys.stderr.write(f"note: {plain(problem)}\n")
    if as_json:
        keys = ("name", "stage", "title")
        content = [dict(zip(keys, row, strict=True)) for row in rows]
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        print_table(("model", "stage", "what it is"), rows)


def _catalogue() -> Catalogue:
    """Read the catalogue: importing the models would load torch."""
    from workbench.jobs.catalogue import load_catalogue

    return load_catalogue()


@models.command
@click.argument("name", shell_complete=model_names)
@click.option("--json", "as_json", is_flag=True, help="Print the JSON schema of the fields.")
@pass_settings
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show a model's fields, its paper and its expected results."""
    from recsys_core.registry import model_info

    info = model_info(name)
    config: type[Config] = info.cls.Config
    if as_json:
        sys.stdout.write(json.dumps(config.model_json_schema(), indent=2) + "\n")
        return
    sys.stdout.write(f"{info.name}: {info.title} ({info.stage})\n{info.paper}\n\n")
    print_table(("field", "default", "allowed", "what it is"), field_rows(config))
    figures = _figures(name)
    if figures:
        sys.stdout.write("\n")
        print_table(("suite", "label", "metric", "published", "source"), figures)


def field_rows(config: type[Config]) -> list[tuple[object, ...]]:
    """List the fields of a configuration: name, default, what is allowed, description."""
    schema = config.model_json_schema()
    return list(_rows(schema, schema.get("$defs", {}), ""))


def _rows(
    schema: dict[str, Any], shared: dict[str, Any], prefix: str
) -> Iterator[tuple[object, ...]]:
    """List the fields of a JSON schema; those of configurations inside it follow with a dot."""
    properties = schema["properties"].items()
    # the name of a step stands before the fields that it may have
    for name, entry in sorted(properties, key=lambda each: "const" not in each[1]):
        inside = list(_configurations(entry, shared))
        default = "" if inside else json.dumps(entry.get("default"))
        allowed = _allowed(entry, shared)
        yield (f"{prefix}{name}", default, allowed, entry.get("description", ""))
        for one in inside:
            yield from _rows(one, shared, f"{prefix}{name}{'[]' * ('items' in entry)}.")


def _configurations(entry: dict[str, Any], shared: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Find the configurations that a field holds, one or a list, of one kind or several."""
    if "$ref" in entry:
        target = shared[entry["$ref"].rpartition("/")[2]]
        if "properties" in target:
            yield target
    for choice in (*entry.get("anyOf", ()), *entry.get("oneOf", ())):
        yield from _configurations(choice, shared)
    if "items" in entry:
        yield from _configurations(entry["items"], shared)


#: how a bound is written that stands alone, or is not itself allowed
_SIGNS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _allowed(entry: dict[str, Any], shared: dict[str, Any]) -> str:
    """Write the type and bounds of a field of a JSON schema: ``integer 1..1000``."""
    if "$ref" in entry:
        return _allowed(shared[entry["$ref"].rpartition("/")[2]], shared)
    choices = entry.get("anyOf") or entry.get("oneOf")
    if choices:
        return " | ".join(dict.fromkeys(_allowed(choice, shared) for choice in choices))
    if "enum" in entry:
        return " | ".join(map(str, entry["enum"]))
    if "const" in entry:
        return str(entry["const"])
    if entry.get("type") == "array":
        return f"list of {_allowed(entry.get('items', {}), shared)}"
    return f"{entry.get('type', 'any')}{_bounds(entry)}"


def _bounds(entry: dict[str, Any]) -> str:
    if "minimum" in entry and "maximum" in entry:
        return f" {entry['minimum']:.10g}..{entry['maximum']:.10g}"
    said = [f"{sign} {entry[key]:.10g}" for key, sign in _SIGNS.items() if key in entry]
    return f" {', '.join(said)}" if said else ""


def _figures(model: str) -> list[tuple[object, ...]]:
    """Collect what the packaged suites know of published figures."""
    from recsys_core.pipeline.suites import load_suite, suite_names

    return [
        (suite.name, job.name, metric, figure.value, figure.cited)
        for suite in map(load_suite, suite_names())
        for job in suite.jobs
        if job.model == model
        for metric, figure in suite.references.get(job.name, {}).items()
    ]
