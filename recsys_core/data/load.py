"""Data sets by name or path: prepared ones from the cache, others imported, fetched or made."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from recsys_core.data.dataset import Dataset
from recsys_core.data.embed import Recipe, embed_again
from recsys_core.data.find import Found, find_raw
from recsys_core.data.import_options import MEMORY_LIMIT, ImportOptions
from recsys_core.data.importer import import_dataset, prepare
from recsys_core.data.large import Sizes, make_large, sizes_of
from recsys_core.data.prepared import Prepared, find_prepared, write_prepared
from recsys_core.data.registered import META, VALID_NAME, prepared_names
from recsys_core.data.sources import SAMPLE, SOURCES
from recsys_core.errors import InputError, unknown_name
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.reading import DamagedError, read_json


def load_dataset(
    name_or_path: str, data_dir: Path, *, offline: bool = False, on_event: OnEvent = ignore
) -> Dataset:
    """Load a data set, preparing it first where that was not done yet.

    Parameters
    ----------
    name_or_path
        A registered name; the name of a published set, which is fetched when it is not there;
        ``sample``; or a path to raw files (a name wins over a path: write ``./name`` for the path).
    data_dir
        Where prepared sets lie.
    offline
        Never fetch.

    Raises
    ------
    InputError
        No such data set, or it cannot be fetched or read.
    """
    name = name_or_path
    if name == SAMPLE:
        return _load_sample(data_dir, on_event)
    if VALID_NAME.fullmatch(name):
        dataset = _load_prepared(name, data_dir, on_event)
        if dataset is not None:
            return dataset
        if name in SOURCES:
            return _fetch(name, data_dir, offline, on_event)
    path = raw_path(name_or_path)
    if path is not None:
        return _load_path(path, data_dir, on_event)
    if Path(name_or_path).name != name_or_path:
        raise InputError(f"no such file or folder: {name_or_path}", "check the path of the data")
    raise unknown_name("data set", name, dataset_names(data_dir))


def raw_path(text: str) -> Path | None:
    """Find the file or folder of a path as it was written; None where there is none."""
    path = Path(text)
    with suppress(RuntimeError):  # nobody of that name has a home
        path = path.expanduser()
    return path if text and _exists(path) else None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # the name is too long, or a folder may not be looked into
        return False


def dataset_names(data_dir: Path) -> list[str]:
    """List every name that can be loaded: registered sets, published ones, and `sample`."""
    return sorted({SAMPLE, *SOURCES, *prepared_names(data_dir)})


def _load_sample(data_dir: Path, on_event: OnEvent) -> Dataset:
    from recsys_core.data.sample import VERSION, make_sample

    recipes = _recipes(data_dir, SAMPLE)
    try:
        prepared = find_prepared(data_dir, SAMPLE)
        if prepared is not None and prepared.meta["source"].get("version") == VERSION:
            return prepared.load()
    except DamagedError as error:
        on_event(Event("load", message=f"{error}; making it again"))
    dataset = make_sample()
    write_prepared(data_dir, dataset, {"generated": True, "version": VERSION}, {})
    return embed_again(dataset, data_dir, recipes, on_event)


def _load_prepared(name: str, data_dir: Path, on_event: OnEvent) -> Dataset | None:
    """Load from the cache; prepare again from the raw files what is damaged."""
    try:
        prepared = find_prepared(data_dir, name)
        return prepared.load() if prepared is not None else None
    except DamagedError as error:
        on_event(Event("load", message=f"{error}; preparing it again"))
        dataset = _read_again(data_dir, name, on_event)
        if dataset is not None:
            return dataset
        if name in SOURCES:
            return None  # it is fetched as if it were not there
        raise InputError(
            str(error), f"import it again: recsys-workbench data import PATH --name {name}"
        ) from error


def _read_again(data_dir: Path, name: str, on_event: OnEvent) -> Dataset | None:
    """Make a damaged set again, or read it again where it was read from; None: neither can be."""
    recipes, sizes, source = (
        _recipes(data_dir, name),
        _sizes(data_dir, name),
        _source(data_dir, name),
    )
    if sizes is not None:
        dataset = make_large(name, data_dir, sizes, on_event)
    elif source is not None and _exists(source[0]):
        dataset = import_dataset(source[0], data_dir, name, source[1], on_event)
    else:
        return None
    return embed_again(dataset, data_dir, recipes, on_event)


def _source(data_dir: Path, name: str) -> tuple[Path, ImportOptions] | None:
    """Where a damaged set was read from, and how, if that much can still be read of it."""
    try:
        source = read_json(data_dir / name / META).get("source")
        return Path(source["path"]), ImportOptions.from_plain(source["options"])  # type: ignore[index]
    except (InputError, KeyError, TypeError, ValueError):
        return None


def _sizes(data_dir: Path, name: str) -> Sizes | None:
    """Of which sizes a damaged set was made here, if that can still be read of it."""
    with suppress(InputError, TypeError):
        return sizes_of(read_json(data_dir / name / META).get("source"))
    return None


def _recipes(data_dir: Path, name: str) -> list[Recipe]:
    """How vectors of a damaged set were made of its texts, if that can still be read of it."""
    with suppress(InputError, KeyError, TypeError, ValueError):
        meta: Any = read_json(data_dir / name / META)
        return [Recipe.from_plain(entry) for entry in meta["embedded"]]
    return []


def _load_path(path: Path, data_dir: Path, on_event: OnEvent) -> Dataset:
    """Load raw files, from the cache where the same content was prepared before."""
    options = ImportOptions()
    found = find_raw(path, options)
    for name in prepared_names(data_dir):
        try:
            prepared = find_prepared(data_dir, name)
        except DamagedError:
            continue  # of another source, for all that can be told
        if prepared is None or not _was_read_from(prepared, found, options):
            continue
        try:
            return prepared.load()
        except DamagedError as error:
            on_event(Event("load", message=f"{error}; reading {path} again"))
    return prepare(found, data_dir, None, options, on_event, replace=False)


def _was_read_from(prepared: Prepared, found: Found, options: ImportOptions) -> bool:
    source = prepared.meta["source"]
    said = {key: value for key, value in source.get("options", {}).items() if key != MEMORY_LIMIT}
    return bool(source.get("digest") == found.digest and said == options.plain())


def _fetch(name: str, data_dir: Path, offline: bool, on_event: OnEvent) -> Dataset:
    from recsys_core.data.fetch import fetch_dataset  # it brings the HTTP client along

    if offline:
        raise InputError(
            f"data set '{name}' is not in {data_dir} (and nothing is fetched here)",
            f"get it first: recsys-workbench data fetch {name}, or data import PATH;"
            f" or use {SAMPLE}, which is built in",
        )
    on_event(Event("fetch", message=f"data set '{name}' is not in {data_dir}: fetching it"))
    return fetch_dataset(name, data_dir, on_event)
