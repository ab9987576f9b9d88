"""`data`: which data sets are here; fetch, import, make and describe them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from recsys_core.errors import InputError
from workbench.cli.completing import dataset_names
from workbench.cli.context import NamingGroup, Settings, pass_settings
from workbench.cli.data_make import make_command
from workbench.cli.data_options import (
    absolute,
    as_json_option,
    events_option,
    following,
    memory_callback,
    read_columns,
    read_range,
)
from workbench.cli.data_split import split_command
from workbench.cli.data_tables import print_description, print_json, show_prepared
from workbench.cli.features import print_features
from workbench.cli.table import print_table

if TYPE_CHECKING:
    from recsys_core.data.dataset import Dataset
    from recsys_core.data.embed import Recipe

#: what stands before a column of users
USER = "user:"
#: the value of --features without a schema
DEFAULT_SCHEMA = ""


@click.group(cls=NamingGroup)
def data() -> None:
    """List, fetch, import, make and describe data sets."""


@data.command("list")
@as_json_option
@pass_settings
def list_command(settings: Settings, as_json: bool) -> None:
    """List the data sets on this machine and those that can be fetched."""
    from recsys_core.data.registered import list_datasets

    sets = list_datasets(settings.data_dir)
    if as_json:
        print_json(sets)
        return
    headers = ("data set", "state", "events", "users", "items", "from")
    print_table(
        headers,
        [
            (
                f"{row['name']} (synthetic)" if row["synthetic"] else row["name"],
                row["state"],
                *(row[count] for count in ("interactions", "users", "items")),
                row["origin"] or "-",
            )
            for row in sets
        ],
    )


@data.command
@click.argument("name", shell_complete=dataset_names)
@as_json_option
@events_option
@pass_settings
def fetch(settings: Settings, name: str, as_json: bool, events: bool) -> None:
    """Download the published data set NAME and prepare it."""
    from recsys_core.data.fetch import fetch_dataset

    with following(name, events) as on_event:
        dataset = fetch_dataset(name, settings.data_dir, on_event)
    show_prepared(settings.data_dir, dataset.name, as_json)


@data.command("import")
@click.argument("paths", metavar="PATH…", type=Path, nargs=-1, required=True)
@click.option("--name", help="Name of the data set.  [default: that of the recognised format]")
@click.option(
    "--on-bad-rows",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="Stop at the first bad row, or skip bad rows and count them.",
)
@click.option(
    "--columns",
    metavar="user=C,item=C[,rating=C|,label=C][,timestamp=C][,type=C][,part=C][,NAME=C]…",
    help="Columns of a table, by name or by number from 1; user=1,item=2+ reads one user and its "
    "items per line; part is the part of a published split. Any other NAME, or NAME=C, is a "
    "further column that features can read; C:number or C:category sets its type.",
)
@click.option(
    "--parts",
    metavar="PART=FILE,PART=FILE[,PART=FILE]…",
    help="Files of a published split, for protocol given: train, valid and test, or folds; paths"
    " in PATH.  [default: files that are called train, valid and test]",
)
@click.option(
    "--users",
    metavar="FILE[,id=C][,NAME=C][,NAME:KIND]…",
    help="Table of users (CSV, parquet, .jsonl); its columns, or those named, become attributes."
    " KIND is text, number, one-of or any-of.  [default: what the values look like]",
)
@click.option(
    "--items",
    metavar="FILE[,id=C][,NAME=C][,NAME:KIND]…",
    help="Table of items; title, genres and year are recognised. Items without an event are"
    " part of the set, too.",
)
@click.option(
    "--vectors",
    multiple=True,
    metavar="[user:]NAME=FILE[,id=C][,vector=C][,ids=FILE]",
    help="Vectors of items or users, with their ids: .npz, .parquet, or .npy and a file of ids."
    " May be given several times.",
)
@click.option(
    "--repeats",
    type=click.Choice(["error", "first", "last", "greatest", "count", "keep"]),
    help="Which row to keep when a user and an item occur together more than once: the first or "
    "the last in time, or the one with the highest rating; count uses the number of rows as "
    "rating, keep keeps all.  [default: error; with --on-bad-rows skip the first in the file]",
)
@click.option(
    "--keep",
    metavar="TYPE[,TYPE]…",
    help="Types of events to read; others are left out and counted.",
)
@click.option(
    "--type-weights",
    metavar="TYPE=W[,TYPE=W]…",
    help="Weight of the events of each type, for models that use it.",
)
@click.option(
    "--separator",
    metavar="S",
    help="Field separator of a plain table: tab, comma, semicolon, pipe, blank (one or more), :: "
    "or any character.  [default: detected from the first lines]",
)
@click.option(
    "--time-unit",
    type=click.Choice(["s", "ms", "us", "ns", "min", "h", "d"]),
    help="Unit of numeric timestamps since 1970.  [default: s]",
)
@click.option(
    "--rating-range",
    metavar="LOW,HIGH",
    help="Ratings allowed.  [default: 0,10; MovieLens' own in its files]",
)
@click.option(
    "--memory-limit",
    metavar="SIZE",
    callback=memory_callback,
    help="Read the rows through the disk, with less memory than that, e.g. 1G; slower, the same"
    " data set. Needs the extra [large].",
)
@as_json_option
@events_option
@pass_settings
def import_command(
    settings: Settings,
    paths: tuple[Path, ...],
    name: str | None,
    on_bad_rows: Literal["error", "skip"],
    columns: str | None,
    parts: str | None,
    users: str | None,
    items: str | None,
    vectors: tuple[str, ...],
    repeats: Literal["error", "first", "last", "greatest", "count", "keep"] | None,
    keep: str | None,
    type_weights: str | None,
    separator: str | None,
    time_unit: str | None,
    rating_range: str | None,
    memory_limit: int | None,
    as_json: bool,
    events: bool,
) -> None:
    """Prepare events from PATH: a folder, a zip or a file, which may be gzipped.

    Reads MovieLens in any release, RecBole's atomic files, CSV and similar text, lines of a user
    and its items, and parquet. Times are numbers since 1970, or like 2020-01-05T10:51:09Z.
    Several files with the same columns are read as one: several PATHs, a pattern in quotes
    ('events/*.parquet'), or a folder of numbered parts or of folders such as dt=2024-01-01.
    """
    from recsys_core.data.importer import ImportOptions, import_dataset
    from recsys_core.data.many_files import split_paths
    from recsys_core.data.vectors import read_option

    path, files = split_paths(paths)
    options = ImportOptions(
        on_bad_rows,
        read_columns(columns),
        read_range(rating_range),
        separator=separator,
        time_unit=time_unit,
        repeats=repeats,
        users=absolute(users),
        items=absolute(items),
        vectors=tuple(read_option(text).absolute() for text in vectors),
        keep=keep,
        type_weights=type_weights,
        parts=parts,
        files=files,
        memory_limit=memory_limit,
    )
    options.weights()
    with following(path.name, events) as on_event:
        dataset = import_dataset(path, settings.data_dir, name, options, on_event)
    show_prepared(settings.data_dir, dataset.name, as_json)


@data.command("embed")
@click.argument("name", shell_complete=dataset_names)
@click.option(
    "--column",
    "columns",
    multiple=True,
    required=True,
    metavar="[user:]COLUMN",
    help="Attribute whose text is read, e.g. title; several are put one after the other.",
)
@click.option(
    "--as", "called", metavar="NAME", help="Name of the vectors.  [default: COLUMN_vectors]"
)
@click.option(
    "--model",
    default="tfidf",
    show_default=True,
    metavar="NAME|FOLDER",
    help="tfidf: the words, needs nothing; minilm: a sentence model, needs the extra [text]; or"
    " the folder of a model of sentence-transformers. Nothing is downloaded.",
)
@click.option(
    "--size",
    type=click.IntRange(1, 4096),
    help="Numbers of a vector at most.  [default: 64 for tfidf, else those of the model]",
)
@as_json_option
@events_option
@pass_settings
def embed_command(
    settings: Settings,
    name: str,
    columns: tuple[str, ...],
    called: str | None,
    model: str,
    size: int | None,
    as_json: bool,
    events: bool,
) -> None:
    """Make vectors of the texts of items (or users) and keep them in the data set NAME.

    A feature of kind vector reads them. The set's fingerprint changes: runs made before are of
    another data set.
    """
    from recsys_core.data.embed import embed
    from recsys_core.data.load import load_dataset

    with following(name, events) as on_event:
        dataset = load_dataset(name, settings.data_dir, offline=True, on_event=on_event)
        recipe = _read_recipe(columns, called, model, size)
        dataset = embed(dataset, settings.data_dir, recipe, on_event)
    show_prepared(settings.data_dir, dataset.name, as_json)


def _read_recipe(
    columns: tuple[str, ...], called: str | None, model: str, size: int | None
) -> Recipe:
    from recsys_core.data.embed import Recipe
    from recsys_core.data.text_vectors import MINILM, TFIDF

    is_user = columns[0].startswith(USER)
    names = tuple(column.removeprefix(USER) for column in columns)
    if any(column.startswith(USER) != is_user for column in columns):
        raise InputError(
            f"--column {' --column '.join(columns)}: some are of users, some of items",
            "make vectors of each: recsys-workbench data embed NAME",
        )
    place = model if model in (TFIDF, MINILM) else str(Path(model).resolve())
    side: Literal["user", "item"] = "user" if is_user else "item"
    return Recipe(side, names, called or f"{'_'.join(names)}_vectors", place, size)


@data.command("describe")
@click.argument("name", shell_complete=dataset_names)
@click.option(
    "--features",
    metavar="[SCHEMA]",
    is_flag=False,
    flag_value=DEFAULT_SCHEMA,
    help="Show the features of a schema instead: a packaged one, a YAML file, or the default.",
)
@click.option(
    "--protocol",
    default="user-timeline",
    show_default=True,
    metavar="NAME",
    help="With --features: the protocol whose rows are used.",
)
@as_json_option
@events_option
@pass_settings
def describe_command(
    settings: Settings,
    name: str,
    features: str | None,
    protocol: str,
    as_json: bool,
    events: bool,
) -> None:
    """Describe the data set NAME (or a path), or the features that a schema reads from it."""
    from recsys_core.data.describe import describe
    from recsys_core.data.load import load_dataset
    from recsys_core.pipeline.needs import notes

    with following(name, events) as on_event:
        dataset = load_dataset(name, settings.data_dir, offline=True, on_event=on_event)
    if features is not None:
        facts = _describe_features(dataset, features, protocol)
    else:
        facts = {**describe(dataset), "notes": notes(dataset)}
    if as_json:
        print_json(facts)
    elif features is not None:
        print_features(facts)
    else:
        print_description(facts)


def _describe_features(dataset: Dataset, features: str, protocol: str) -> dict[str, Any]:
    from recsys_core.features.describe import describe_features
    from recsys_core.features.schema import load_schema
    from recsys_core.protocols.registry import make_protocol

    path = None if features == DEFAULT_SCHEMA else features
    schema = load_schema(path, dataset, histories=True, requested=True, towers=None)
    return describe_features(schema, make_protocol({"name": protocol}).split(dataset))


data.add_command(make_command)
data.add_command(split_command)
