"""Where the files of a data set lie: the only rating file of a known name, else the only table."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from recsys_core.data.archive import GZ, RawFile, RawFiles, damaged, zip_members
from recsys_core.data.attribute_tables import table_files
from recsys_core.data.formats import (
    TABLES,
    Format,
    has_reader,
    holds_ratings,
    may_be_table,
    recognise_format,
)
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.many_files import files_below, files_named, has_key, one_table
from recsys_core.data.parts import SPLIT_FILE, read_option, recognise_parts
from recsys_core.data.vectors import vector_files
from recsys_core.errors import InputError
from recsys_core.reading import is_file, read_json


@dataclass(frozen=True)
class Found:
    """Raw files, what they are, and the hash of their content.

    Parameters
    ----------
    path
        What was found: the folder or zip, or the one file that names the set.
    """

    path: Path
    files: RawFiles
    format: Format
    digest: str


def find_raw(path: Path, options: ImportOptions) -> Found:
    """Find the raw files at `path`: a folder, a zip, or the file that holds the ratings.

    In a folder they may lie in it, in its only sub-folder that has some, or in its only zip.

    Raises
    ------
    InputError
        There is nothing at `path`, no rating file, more than one, or the options do not fit it.
    DataError
        A file cannot be read, or a zip is damaged or refused.
    """
    if options.files:
        files = files_named(path, options.files)
    elif options.parts is not None:
        files = _parts_at(path, options.parts)
    else:
        files = _files_at(path)
    chosen = recognise_format(files, options)
    whole = files.zipped or chosen.is_folder
    digest = files.digest(chosen.used)
    if chosen.code:
        digest = hashlib.blake2b(f"{digest}{chosen.code}".encode(), digest_size=16).hexdigest()
    return Found(
        files.path if whole else Path(files[files.main].where),
        files,
        chosen,
        _digest(digest, [*table_files(options), *vector_files(options)]),
    )


def _digest(digest: str, tables: list[RawFile]) -> str:
    """Add the content of files beside the events to a hash, where there are some."""
    if not tables:
        return digest
    whole = hashlib.blake2b(digest.encode(), digest_size=16)
    for file in tables:
        for piece in file.pieces():
            whole.update(piece)
    return whole.hexdigest()


def _files_at(path: Path) -> RawFiles:
    if path.is_file():
        return _in_zip(path) if zipfile.is_zipfile(path) else _beside(path)
    if not path.is_dir():
        raise InputError(f"no such file or folder: {path}", "check the path")
    try:
        return _in_folder(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _parts_at(path: Path, said: str) -> RawFiles:
    """Take the files that are said to be the parts of a split, by their paths in folder or zip."""
    parts = read_option(said)
    zipped = path.is_file() and zipfile.is_zipfile(path)
    if not (zipped or path.is_dir()):
        raise InputError(
            f"--parts {said}: {path} is not a folder or zip",
            "give the path of what the files lie in",
        )
    there = zip_members(path) if zipped else []
    for file in parts.values():
        if not (file in there if zipped else (path / file).is_file()):
            raise InputError(f"--parts {said}: there is no file {file} in {path}", "check its name")
    beside = there if zipped else _files_in(path)
    members = _by_name(beside) | {_name_of(file): file for file in parts.values()}
    mains = {name: _name_of(file) for name, file in parts.items()}
    return RawFiles(path, members, zipped, next(iter(mains.values())), mains)


def _name_of(file: str) -> str:
    """Give a file's path without ``.gz``: those of several folders may have one base name."""
    return file[: -len(GZ)] if file.lower().endswith(GZ) else file


def _beside(path: Path) -> RawFiles:
    """Take a file as the one with the ratings; what else it needs lies beside it."""
    if path.suffix.lower() in (".zip", ".whl"):
        raise damaged(path, "it is not a zip file", "zip")
    members = _by_name(_files_in(path.parent))
    main = _base_name(path.name)
    return RawFiles(path.parent, {**members, main: path.name}, zipped=False, main=main)


def _in_folder(path: Path) -> RawFiles:
    files = _without_scores(path, _files_in(path))
    if not any(holds_ratings(_base_name(file)) for file in files):
        zips = [file for file in files if file.lower().endswith(".zip")]
        if len(zips) == 1:
            return _in_zip(path / zips[0])
        folders = sorted(entry for entry in path.iterdir() if entry.is_dir())
        files += [
            f"{folder.name}/{file}"
            for folder in folders
            for file in (files_below(folder) if has_key(folder.name) else _files_in(folder))
        ]
    return _pick(path, files, zipped=False)


def _without_scores(folder: Path, files: list[str]) -> list[str]:
    """Leave out tables beside a split that `data split` wrote, such as scores that are for it."""
    if not is_file(folder / SPLIT_FILE):
        return files
    parts = read_json(folder / SPLIT_FILE).get("files")
    if not isinstance(parts, dict) or not set(files).issuperset(map(str, parts.values())):
        return files
    return [file for file in files if file in parts.values() or not may_be_table(_base_name(file))]


def _files_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_file())


def _in_zip(path: Path) -> RawFiles:
    return _pick(path, zip_members(path), zipped=True)


def _base_name(file: str) -> str:
    return _name_of(PurePosixPath(file).name)


def _by_name(files: Iterable[str]) -> dict[str, str]:
    """Key files by base name; of a file that is there packed and unpacked the latter is read."""
    return {
        _base_name(file): file for file in sorted(files, key=lambda file: not file.endswith(GZ))
    }


def _pick(path: Path, files: list[str], *, zipped: bool) -> RawFiles:
    """Take the only known rating file and what lies beside it, else the only other one.

    That is one that an extension reads, or a table.
    """
    folders: dict[str, list[str]] = {}
    for file in files:
        folders.setdefault(str(PurePosixPath(file).parent), []).append(file)
    named = {folder: _by_name(inside) for folder, inside in folders.items()}

    def is_known(folder: str, name: str) -> bool:
        return holds_ratings(name)

    def is_read(folder: str, name: str) -> bool:
        return has_reader(RawFile(path, named[folder][name], zipped), name)

    def is_table(folder: str, name: str) -> bool:
        return may_be_table(name)

    for wanted in (is_known, is_read, is_table):
        found = {
            folder: [name for name in names if wanted(folder, name)]
            for folder, names in named.items()
        }
        found = {folder: mains for folder, mains in found.items() if mains}
        if found:
            return _the_only(path, named, found, zipped=zipped, tables=wanted is is_table)
    raise InputError(
        f"{path}: no rating file here",
        "expected ratings.dat, u.data, ratings.csv, NAME.inter or one table"
        f" ({', '.join(TABLES)}, perhaps with {GZ})",
    )


def _the_only(
    path: Path,
    named: Mapping[str, Mapping[str, str]],
    found: Mapping[str, Sequence[str]],
    *,
    zipped: bool,
    tables: bool,
) -> RawFiles:
    """Take the only rating file that was found, or several that are one set.

    Parameters
    ----------
    named
        Folder -> base name -> path, of all files.
    found
        Folder -> base names of those that may be it.
    tables
        Whether they are tables, several of which may be one.
    """
    every = [named[folder][name] for folder, names in found.items() for name in names]
    rows = one_table(every) if tables else ()
    if rows and not recognise_parts(rows):
        return RawFiles(path, {row: row for row in rows}, zipped, rows[0], rows=rows)
    if len(found) > 1 and not tables:
        raise InputError(
            f"{path}: {len(found)} folders hold rating files: {', '.join(list(found)[:3])}",
            "give the path of one of them",
        )
    folder, mains = next(iter(found.items()))
    parts = recognise_parts(mains) if len(found) == 1 else {}
    if len(every) > 1 and not parts:
        raise _several(path, every, zipped)
    return RawFiles(path, named[folder], zipped, parts.get("train", mains[0]), parts)


def _several(path: Path, files: list[str], zipped: bool) -> InputError:
    shown = ", ".join(files[:5]) + (" …" if len(files) > 5 else "")
    unpack = "unpack it and " if zipped else ""
    return InputError(
        f"{path}: {len(files)} files may hold the ratings: {shown}",
        f"{unpack}give the path of one of them, or of all that are one table:"
        " recsys-workbench data import FILE FILE; if they are the parts of a split, say so:"
        " recsys-workbench data import PATH --parts train=FILE,test=FILE",
    )
