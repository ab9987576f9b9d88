"""From raw files to a registered data set: recognise, read, check, name, prepare."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from recsys_core.data import atomic, movielens
from recsys_core.data.advice import slug
from recsys_core.data.archive import RawFiles, open_raw, read_file
from recsys_core.data.attributes import RawData, build_dataset
from recsys_core.data.dataset import Dataset
from recsys_core.data.layout import OnBadRows, first_line
from recsys_core.data.prepared import find_prepared, write_prepared
from recsys_core.data.registered import check_name
from recsys_core.data.sources import SAMPLE, SOURCES, Source, recognise
from recsys_core.data.table import read_table
from recsys_core.errors import InputError
from recsys_core.events import Event, OnEvent, ignore
from recsys_core.reading import DamagedError

MOVIELENS: dict[str, tuple[Callable[[RawFiles, OnBadRows], RawData], tuple[str, ...]]] = {
    "u.data": (movielens.read_100k, ("u.data", "u.item", "u.user", "u.genre")),
    "ratings.dat": (movielens.read_dat, ("ratings.dat", "movies.dat", "users.dat")),
    "ratings.csv": (movielens.read_csv, ("ratings.csv", "movies.csv")),
}

#: ratings allowed in tables and atomic files unless --rating-range says otherwise
DEFAULT_RANGE = (0.0, 10.0)

OTHER_NAME = "register this one under another name: recsys-workbench data import PATH --name NAME"


@dataclass(frozen=True)
class ImportOptions:
    """How to read raw files.

    Parameters
    ----------
    on_bad_rows
        Stop at the first bad row, or leave bad rows out and count them.
    columns
        For plain tables: ``user``, ``item``, ``rating``, ``timestamp`` -> column name or number.
    rating_range
        For plain tables and atomic files: least and greatest rating; None: 0 to 10.
    """

    on_bad_rows: OnBadRows = "error"
    columns: Mapping[str, str] = field(default_factory=dict)
    rating_range: tuple[float, float] | None = None

    def plain(self) -> dict[str, Any]:
        """Give the options as values that JSON can hold."""
        values = asdict(self)
        values["rating_range"] = list(self.rating_range) if self.rating_range else None
        return values

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> ImportOptions:
        """Take back what `plain` gave; a KeyError, TypeError or ValueError for anything else."""
        low_high, on_bad_rows = values["rating_range"], values["on_bad_rows"]
        if on_bad_rows not in get_args(OnBadRows):
            raise ValueError(f"on_bad_rows is '{on_bad_rows}'")
        columns = {str(role): str(column) for role, column in dict(values["columns"]).items()}
        if low_high is None:
            return cls(on_bad_rows, columns)
        low, high = map(float, low_high)
        return cls(on_bad_rows, columns, (low, high))


@dataclass(frozen=True)
class Found:
    """Raw files, how to read them, and the hash of their content.

    Parameters
    ----------
    path
        What was found: the folder or zip, or the one file that names the set.
    """

    path: Path
    files: RawFiles
    read: Callable[[], RawData]
    digest: str


def find_raw(path: Path, options: ImportOptions) -> Found:
    """Recognise the raw files at `path` by their names.

    Raises
    ------
    InputError
        Nothing is there, or nothing that is known.
    """
    files = open_raw(path, _is_rating_file)
    marker = next((name for name in files.members if _is_rating_file(name)), None)
    if options.columns or marker is None or not _is_known(files, marker):
        return _find_table(path, files, marker, options)
    bad = options.on_bad_rows
    if marker.endswith(atomic.INTER):
        stem = marker.removesuffix(atomic.INTER)
        used: tuple[str, ...] = (marker, f"{stem}.user", f"{stem}.item")
        scale = options.rating_range or DEFAULT_RANGE

        def read_atomic() -> RawData:
            return atomic.read_atomic(files, bad, scale)

        return Found(_path_of(files, marker), files, read_atomic, files.digest(used))
    read, used = MOVIELENS[marker]
    return Found(files.path, files, lambda: read(files, bad), files.digest(used))


def _is_rating_file(name: str) -> bool:
    return name in MOVIELENS or name.endswith(atomic.INTER)


def _path_of(files: RawFiles, name: str) -> Path:
    return files.path if files.zipped else files.path / name


def _is_known(files: RawFiles, marker: str) -> bool:
    """Whether the file is what its name promises; anybody may call a table ratings.csv."""
    if marker != "ratings.csv":
        return True
    return first_line(files.chunks(marker), files.label(marker)) == movielens.CSV_HEADER


def _find_table(path: Path, files: RawFiles, marker: str | None, options: ImportOptions) -> Found:
    name = marker or path.name
    scale = options.rating_range or DEFAULT_RANGE

    def read() -> RawData:
        return read_table(files, name, options.on_bad_rows, options.columns, scale)

    return Found(_path_of(files, name), files, read, files.digest([name]))


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
    found = find_raw(path, options)
    return prepare(found, data_dir, name, options, on_event)


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
    files = found.files
    on_event(Event("load", message=f"reading {found.path}"))
    raw = found.read()
    dataset = build_dataset(name or "", raw)
    bad_rows = {**raw.ratings.bad_rows, **raw.bad_rows}
    counts = (dataset.n_interactions, dataset.n_users, dataset.n_items)
    known = None if bad_rows else recognise(*counts)  # a mended set is not the published one
    chosen = name or (known.name if known else slug(found.path))
    _check_reserved(chosen, known, counts, found.path)
    if not replace and (fingerprint := _registered(data_dir, chosen)) is not None:
        if fingerprint == dataset.fingerprint:
            return _named(dataset, chosen)
        chosen = f"{chosen}-{found.digest[:8]}"
    dataset = _named(dataset, chosen)
    source = {
        "path": _as_text(found.path.resolve()),
        "digest": found.digest,
        "published_as": known.name if known else None,
        "checksum_official": _is_official(files, known),
        "options": options.plain(),
    }
    write_prepared(data_dir, dataset, source, bad_rows)
    return dataset


def _as_text(path: Path) -> str:
    """Write a path as UTF-8 can hold it; bytes of a name that are none become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def _registered(data_dir: Path, name: str) -> str | None:
    """Look up the fingerprint of the set registered under a name."""
    try:
        prepared = find_prepared(data_dir, name)
    except DamagedError:
        return None
    return prepared.meta["fingerprint"] if prepared is not None else None


def _named(dataset: Dataset, name: str) -> Dataset:
    """Give a set its name; the fingerprint does not depend on it and is kept."""
    values = {field.name: getattr(dataset, field.name) for field in fields(dataset)}
    named = Dataset(**{**values, "name": name})
    vars(named)["fingerprint"] = dataset.fingerprint
    return named


def _check_reserved(
    name: str, known: Source | None, counts: tuple[int, int, int], path: Path
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
    return hashlib.md5(read_file(files.path), usedforsecurity=False).hexdigest() == known.md5
