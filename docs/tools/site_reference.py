"""Pages that are written from the code: fields of typed configurations, and the commands."""

from __future__ import annotations

from collections.abc import Iterator

import click

from recsys_core.config import Config
from recsys_core.features.schema import FeatureSchema
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.suites import Suite
from recsys_core.protocols.registry import protocol_class, protocol_names
from recsys_core.registry import BUILTIN, model_info
from workbench.cli.main import cli
from workbench.cli.models import field_rows

_INTRO = "This page is generated from the typed configurations. "
_SETTING = (
    "`recsys-workbench models show NAME` prints the same table; `--set FIELD=VALUE` sets a field."
)
_PROTOCOLS = (
    "`--protocol NAME` chooses one, `--set protocol.FIELD=VALUE` sets a field; "
    "[protocols](../protocols.md) explains them."
)
#: where the fields of a stage stand
STAGES = {
    "recall": "reference/recall-models.md",
    "ranking": "reference/ranking-models.md",
    "two-stage": "reference/two-stage.md",
}


def reference_pages() -> dict[str, str]:
    """Write all pages: where the site has them -> Markdown."""
    pages = {uri: "\n".join(_models(stage)) + "\n" for stage, uri in STAGES.items()}
    pages["reference/protocols.md"] = "\n".join(_protocols()) + "\n"
    pages["reference/jobs.md"] = "\n".join(_jobs()) + "\n"
    pages["reference/commands.md"] = "\n".join(_commands()) + "\n"
    return pages


def _table(config: type[Config]) -> Iterator[str]:
    """Write the fields of a configuration as a table."""
    yield "| field | type and range | default | description |"
    yield "|---|---|---|---|"
    for name, default, allowed, text in field_rows(config):
        shown = f"`{_cell(default)}`" if default else ""
        yield f"| `{_cell(name)}` | {_cell(allowed)} | {shown} | {_cell(text)} |"
    yield ""


def _cell(value: object) -> str:
    """Write a value so that it can stand in a table."""
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _models(stage: str) -> Iterator[str]:
    yield f"# Fields of {stage if stage == 'two-stage' else f'{stage} models'}\n"
    yield f"{_INTRO}{_SETTING}\n"
    for name in BUILTIN:
        info = model_info(name)
        if info.stage != stage:
            continue
        page = "../two-stage.md" if stage == "two-stage" else f"../models/{name}.md"
        yield f"## {name}\n\n{info.title}. {info.paper} See [{name}]({page}).\n"
        yield from _table(info.cls.Config)


def _protocols() -> Iterator[str]:
    yield "# Fields of protocols\n"
    yield f"{_INTRO}{_PROTOCOLS}\n"
    for name in protocol_names():
        yield f"## {name}\n"
        yield from _table(protocol_class(name))


def _jobs() -> Iterator[str]:
    yield "# Fields of jobs, suites and feature schemas\n"
    yield f"{_INTRO}All of them can be written as YAML.\n"
    parts: dict[str, tuple[str, type[Config]]] = {
        "Job": ("The file of `recsys-workbench train --spec`, and `spec.yaml` of a run.", JobSpec),
        "Suite": ("The file of `recsys-workbench eval --suite`.", Suite),
        "Feature schema": (
            "The file of `--features`; [features](../features.md) explains it.",
            FeatureSchema,
        ),
    }
    for title, (text, config) in parts.items():
        yield f"## {title}\n\n{text}\n"
        yield from _table(config)


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield "What `--help` says of each command. Options of the program itself can stand anywhere.\n"
    yield from _help(cli, click.Context(cli, info_name="recsys-workbench", max_content_width=96), 2)


def _help(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                inner = click.Context(below, parent=context, info_name=name)
                yield from _help(below, inner, min(level + 1, 4))
