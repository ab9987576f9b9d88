"""From raw files to a registered data set, step by step: find, read, put together, name, write.

`find` finds the files and `formats` says what they are; then `prepare` is the walk: a reader
(`movielens`, `recbole`, `text_table`, `parquet`) turns the bytes that `archive` gives into pieces
of rows, through `ratings` (or, line by line, `linewise`); `pieces` puts them together and
`numbering` numbers them, or `on_disk` does both; `attribute_tables` and `vectors` add what lies
beside them, `attributes` puts the data set together, `prepared` writes it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from recsys_core.data.advice import slug
from recsys_core.data.archive import RawFile, RawFiles
from recsys_core.data.attribute_tables import add_tables
from recsys_core.data.attributes import (
    RawData,
    build_dataset,
    match_attributes,
    match_vectors,
    number_listed,
    weigh_types,
)
from recsys_core.data.dataset import PART, Dataset
from recsys_core.data.find import Found, find_raw
from recsys_core.data.import_options import ImportOptions as ImportOptions
from recsys_core.data.import_summary import as_text
from recsys_core.data.on_disk.scratch import open_store
from recsys_core.data.pieces import IN_MEMORY, Store
from recsys_core.data.prepared import find_prepared, write_prepared
from recsys_core.data.registered import check_name
from recsys_core.data.room import check_room
from recsys_core.data.sources import SAMPLE, SOURCES, Source, recognise
from recsys_core.data.vectors import add_vectors
from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.reading import DamagedError

OTHER_NAME = "register this one under another name: recsys-workbench data import PATH --name NAME"


def import_dataset(
    path: Path,
    data_dir: Path,
    name: str | None = None,
    options: ImportOptions | None = None,
    on_event: OnEvent = ignore,
) -> Dataset:
    """Read raw files and register them as a prepared data set, replacing one of that name.

    Parameters
    ----------
    path
        A folder, a zip, or a rating file.
    name
        What to register it as; None: the published set's name where the counts are those of one,
        else the name of the file or folder.

    Raises
    ------
    InputError
        Nothing is there, or the name is not possible.
    DataError
        A file is malformed; file, line and column are named.
    """
    options = options or ImportOptions()
    if name is not None:
        check_name(name)
    return prepare(find_raw(path, options), data_dir, name, options, on_event)


def prepare(
    found: Found,
    data_dir: Path,
    name: str | None,
    options: ImportOptions,
    on_event: OnEvent = ignore,
    *,
    replace: bool = True,
) -> Dataset:
    """Read, name and write a set whose raw files were found.

    Parameters
    ----------
    replace
        Whether a registered set of the same name is replaced; otherwise one that holds the same
        data is left as it is, and beside one that holds other data the new set gets a longer name.
    """
    check_room(found.files, str(found.path), data_dir, limited=options.memory_limit is not None)
    on_event(Event("load", message=f"reading {found.path}"))
    with open_store(options.memory_limit, data_dir) as store:
        raw = found.format.read(found.files, options, store)
        raw = add_vectors(add_tables(raw, options), options)
        made = put_together(raw, options, str(found.path), name or "", store)
        return _register(made, found, data_dir, name, options, replace=replace)


def _register(
    made: Made,
    found: Found,
    data_dir: Path,
    name: str | None,
    options: ImportOptions,
    *,
    replace: bool,
) -> Dataset:
    """Name a set and write it; see `prepare`."""
    dataset, bad_rows = made.dataset, made.bad_rows
    counts = (dataset.n_interactions, dataset.n_users, dataset.n_items)
    # a set that was mended, or is a split of it, is not the published one
    is_other = bool(bad_rows) or PART in dataset.event_columns
    known = None if is_other else recognise(*counts)
    chosen = name or (known.name if known else slug(found.path))
    check_reserved(chosen, known, counts, found.path)
    if not replace and (fingerprint := _registered(data_dir, chosen)) is not None:
        if fingerprint == dataset.fingerprint:
            return named(dataset, chosen)
        chosen = f"{chosen}-{found.digest[:8]}"
    dataset = named(dataset, chosen)
    source = {
        "path": as_text(found.path.resolve()),
        "digest": found.digest,
        "published_as": known.name if known else None,
        "checksum_official": None,
        "options": options.plain(),
    }
    prepared = write_prepared(
        data_dir,
        dataset,
        source,
        bad_rows,
        made.summary,
        later={"checksum_official": partial(_is_official, found.files, known)},
    )
    # what is mapped from the files of an import below a limit is deleted with them
    return dataset if options.memory_limit is None else prepared.load()


@dataclass(frozen=True)
class Made:
    """A data set and how it was read, as meta.json says it.

    Parameters
    ----------
    bad_rows
        Rows left out, by reason.
    summary
        What was found in the files, and what became of it.
    """

    dataset: Dataset
    bad_rows: dict[str, int]
    summary: dict[str, Any]


def put_together(
    raw: RawData, options: ImportOptions, where: str, name: str, store: Store = IN_MEMORY
) -> Made:
    """Make a data set of what a reader found.

    Parameters
    ----------
    where
        What was read, for messages.
    store
        What the rows were gathered in.

    Raises
    ------
    InputError
        An option has no effect on what was read.
    DataError
        No row of a table or of vectors belongs to a user or item.
    """
    _check_options(raw, options, where)
    raw = weigh_types(raw, options.weights(), store)
    matched = match_attributes(raw)
    raw = number_listed(raw, store)
    vectors = match_vectors(raw)
    left_out = {**raw.ratings.bad_rows, **raw.bad_rows}
    dataset = build_dataset(name, raw, store)
    if store.timeline is not None:
        vars(dataset)["timeline"] = store.timeline
    return Made(
        dataset,
        {as_text(reason): count for reason, count in left_out.items()},
        {**raw.summary.plain(raw.ratings.notes), "attributes": matched, "vectors": vectors},
    )


def _check_options(raw: RawData, options: ImportOptions, where: str) -> None:
    """Refuse options that nothing in the files follows."""
    columns = raw.summary.columns
    for option, value, role in (
        ("--rating-range", options.rating_range, "rating"),
        ("--time-unit", options.time_unit, "timestamp"),
        ("--keep", options.keep, "type"),
        ("--type-weights", options.type_weights, "type"),
    ):
        if value is not None and role not in columns:
            raise InputError(
                f"{where}: recsys-workbench data import {option} has no effect: there is no {role}",
                "leave it out, or say which column it is with --columns",
            )


def _registered(data_dir: Path, name: str) -> str | None:
    """Look up the fingerprint of the set registered under a name."""
    try:
        prepared = find_prepared(data_dir, name)
    except DamagedError:
        return None
    return prepared.meta["fingerprint"] if prepared is not None else None


def named(dataset: Dataset, name: str) -> Dataset:
    """Give a set its name; what is known of it and does not depend on that is kept."""
    values = {field.name: getattr(dataset, field.name) for field in fields(dataset)}
    named = Dataset(**{**values, "name": name})
    for known in ("fingerprint", "timeline"):
        if known in vars(dataset):
            vars(named)[known] = vars(dataset)[known]
    return named


def check_reserved(
    name: str, known: Source | None, counts: tuple[int, int, int], path: object
) -> None:
    """Refuse to call anything else by the name of a published set or of the built-in one."""
    if name == SAMPLE:
        raise InputError(f"'{SAMPLE}' is the built-in data set", OTHER_NAME)
    source = SOURCES.get(name)
    if source is not None and source is not known:
        have, want = (
            f"{rows:,} ratings, {users:,} users and {items:,} items"
            for rows, users, items in (counts, source.counts)
        )
        raise InputError(
            f"{path} is not {name}: it has {have}; {name} has {want}, none of them bad",
            f"get the complete set, or {OTHER_NAME}",
        )


def _is_official(files: RawFiles, known: Source | None) -> bool | None:
    """Whether the archive's checksum is the publisher's; None when there is none to compare."""
    if known is None or known.md5 is None:
        return None
    if not files.zipped:
        return False
    digest = hashlib.md5(usedforsecurity=False)
    for piece in RawFile(files.path.parent, files.path.name, zipped=False).content():
        digest.update(piece)
    return digest.hexdigest() == known.md5
