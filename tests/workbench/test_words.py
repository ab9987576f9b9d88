"""What people read is plain English: rates are said with "per", and things have the field's names.

Read are the help of every command, what `models show` says, descriptions of all fields, metrics,
statistics and keys, errors in the sources, and the pages of the documentation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import recsys_core
import workbench
from recsys_core.config import Config, names_of_today
from recsys_core.evaluation.names import PART_METRICS, PARTS, ROW_METRICS, TOPK_METRICS
from recsys_core.features.feature import Feature
from recsys_core.features.schema import FeatureSchema, packaged_schema
from recsys_core.features.schema_files import schema_names
from recsys_core.features.statistics import STATISTICS
from recsys_core.pipeline.spec import JobSpec
from recsys_core.pipeline.suites import Suite, load_suite, suite_names
from recsys_core.protocols.registry import protocol_class, protocol_names
from recsys_core.registry import BUILTIN, model_info
from workbench.cli.main import COMMANDS
from workbench.cli.main import cli as program
from workbench.tui.commands import COMMANDS as KEYS

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("README.md"), *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = [Path(next(iter(package.__path__))) for package in (recsys_core, workbench)]

#: what rates are counted by; "twice a second" and "once a day" are plain English
UNITS = (
    "row|gradient step|step|epoch|user|item|job|list|batch|layer|task|event|run|seed|field|query|"
    "stage|entry|token|channel|metric|label|line|call|value|head|worker|request|trial|candidate|"
    "session|window|node|feature|class"
)
#: what is counted, where no number stands before it
COUNTED = (
    "rows?|entry|entries|slots?|numbers?|values?|vectors?|files?|lists?|process|processes|"
    "threads?|tasks?|objects?|lines?|logits?|items?|users?|experts?|gates?|causes?|negatives?|"
    "recommendations?|candidates?|steps?|epochs?|jobs?|events?|requests?|passes|queries|heads?|"
    "samples?|positives?|trials?|segments?|sequences?"
)
#: a number and what it counts; a word that ends with s may be a verb
_NUMBER = (
    r"(?:one|two|three) "
    r"(?:(?!if|or|of|in|for|as|with|and|to|by|on|at|is)(?:\w*[^s\W]|process) ){0,2}"
)
#: after some words a noun is the subject or the object of a sentence, and no unit
PER = re.compile(
    rf"(?<!where )(?<!which )\b(?:{_NUMBER}|(?:once|twice|{COUNTED}) )an? (?:{UNITS})\b"
    r"(?! (?:is|has|was|does|did|knows|can|could|sees)\b)",
    re.IGNORECASE,
)

#: what is said in no text -> what the glossary calls it
PRIVATE = {
    r"told apart from|tells? .{0,30} apart from": "negatives: what positives are contrasted with",
    r"\b(the|of|many|few|all|number of|six|planted) likes\b": "positives",
    r"\bmerge order\b": "the merged list: the order of candidates before ranking",
    r"\bpauses\b(?! the)": "intervals: the time between two events",
    r"\blikeness\b": "similarity",
    r"\ba liked pair\b": "an observed pair, a positive",
    r"\ba step leaves\b": "decay, of a moving average",
    r"\bmoments to compare\b|\bsimilar moments\b": "windows of events",
    r"\bthe jobs? that waits?\b": "a waiting job",
    r"\bis there twice\b": "occurs twice",
}


def wrong(text: str) -> list[str]:
    """Find what is not plain English in a text."""
    text = " ".join(text.split())
    found = [f"'{hit.group()}': write per" for hit in PER.finditer(text)]
    for pattern, instead in PRIVATE.items():
        hits = re.finditer(pattern, text, re.IGNORECASE)
        found += [f"'{hit.group()}': {instead}" for hit in hits]
    return found


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Rows a gradient step.", ["Rows a gradient step"]),
        ("it starts one worker process a job", ["one worker process a job"]),
        ("Candidates a user at most; the rest is left out.", ["Candidates a user"]),
        ("counts an item once a batch, twice a second", ["once a batch"]),
        ("One command shows a user, another runs a job", []),
        ("one vector an item", ["one vector an item"]),
        ("Rows per gradient step.", []),
        ("events a user has, and where a list is short", []),
        ("the first of two of a user", []),
        ("What its targets are told apart from.", ["told apart from"]),
        ("the zeros outweigh the likes.", ["the likes"]),
        ("the users who likes it; somebody likes both", []),
        ("p pauses the queue, and long pauses of a user", ["pauses"]),
    ],
)
def test_the_rule(text: str, hits: list[str]) -> None:
    assert [hit.partition("'")[2].rpartition("':")[0] for hit in wrong(text)] == hits


def commands(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    """Give the texts of the help of a command and of those below it."""
    for text in (command.help, command.epilog, command.short_help):
        yield path, text or ""
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}")


def configs() -> Iterator[type[Config]]:
    """Give every configuration that people write, and those inside."""
    known: list[type[Config]] = [model_info(name).cls.Config for name in BUILTIN]
    known += [protocol_class(name) for name in protocol_names()]
    known += [JobSpec, Suite, FeatureSchema, Feature]
    yield from known


def descriptions() -> Iterator[tuple[str, str]]:
    """Give what is said of fields, models, suites, schemas, metrics, statistics and keys."""
    for config in configs():
        schema = config.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            for name, entry in part.get("properties", {}).items():
                yield f"{config.__name__}.{name}", entry.get("description", "")
    yield from ((name, model_info(name).title) for name in BUILTIN)
    yield from ((name, load_suite(name).title) for name in suite_names())
    yield from ((name, packaged_schema(name).title) for name in schema_names())
    for meanings in (TOPK_METRICS, ROW_METRICS, PARTS, PART_METRICS):
        yield from meanings.items()
    yield from ((name, statistic.title) for name, statistic in STATISTICS.items())
    yield from ((command.id, command.help) for command in KEYS)
    yield from ((name, text) for name, (_, _, text) in COMMANDS.items())


def raised(path: Path) -> Iterator[tuple[str, str]]:
    """Give the texts of the errors of a source file; what is filled in is left out."""
    source = path.read_text(encoding="utf-8")
    nodes = ast.walk(ast.parse(source)) if "Error(" in source else ()
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        if getattr(node.func, "id", getattr(node.func, "attr", "")).endswith("Error"):
            for argument in node.args:
                parts = [each for each in ast.walk(argument) if isinstance(each, ast.Constant)]
                text = "{}".join(each.value for each in parts if isinstance(each.value, str))
                yield f"{path}:{node.lineno}", text


def complain(texts: Iterator[tuple[str, str]]) -> list[str]:
    return [f"{where}: {hit}" for where, text in texts for hit in wrong(text)]


def test_help() -> None:
    assert complain(commands(program, "recsys-workbench")) == []


def test_descriptions() -> None:
    assert complain(descriptions()) == []


def test_errors() -> None:
    files = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))]
    assert complain(text for path in files for text in raised(path)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documentation(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines = enumerate(re.sub(r"`[^`\n]*`", "`x`", prose).splitlines(), 1)
    assert complain((f"{page.name}:{number}", line) for number, line in lines) == []


def test_the_documentation_knows_the_fields_of_today() -> None:
    """Names that are words as well (`history`, `length`) may stand for something else."""
    old = {name: new for config in configs() for name, new in names_of_today(config).items()}
    old = {name: new for name, new in old.items() if "_" in name or name == "pools"}
    assert "rating_weight" in old
    pattern = re.compile(rf"\b({'|'.join(old)})(?=[`:=])")
    found = [
        f"{page.name}: {hit} is called {old[hit]} now"
        for page in PAGES
        for hit in pattern.findall(page.read_text(encoding="utf-8"))
    ]
    assert found == []
