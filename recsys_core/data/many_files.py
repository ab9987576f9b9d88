"""Which files are one table: parts that an engine wrote, those below keys, those named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from recsys_core.data.archive import GZ, RawFiles
from recsys_core.data.formats import may_be_table
from recsys_core.errors import InputError

#: what differs in the names of files that belong together: numbers, and ids of a job
_VARYING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]+")
_PATTERN = re.compile(r"[*?[]")
#: files and patterns that are named one by one at most: they are written down with the set
MOST_NAMED = 1_000


def has_key(folder: str) -> bool:
    """Whether a folder says something of its files, as ``dt=2024-01-01`` does."""
    name, equals, _ = folder.partition("=")
    return bool(name and equals)


def files_below(folder: Path) -> list[str]:
    """List what lies in a folder, and in those with keys below it, by paths relative to it."""
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.is_file():
            found.append(entry.name)
        elif entry.is_dir() and has_key(entry.name):
            found += [f"{entry.name}/{file}" for file in files_below(entry)]
    return found


def one_table(files: Sequence[str]) -> tuple[str, ...]:
    """Give the files in order if they are one table; empty: they are not.

    They are if their names differ in numbers alone, or if they lie in folders with keys.

    Examples
    --------
    >>> one_table(["part-1.csv", "part-0.csv"]), one_table(["dt=1/b.csv", "dt=2/a.csv"])
    (('part-0.csv', 'part-1.csv'), ('dt=1/b.csv', 'dt=2/a.csv'))
    >>> one_table(["events.csv", "items.csv"])
    ()
    """
    paths = [PurePosixPath(file) for file in files]
    plain = {tuple(part for part in path.parts[:-1] if not has_key(part)) for path in paths}
    keyed = all(any(map(has_key, path.parts[:-1])) for path in paths)
    names = {_VARYING.sub("#", path.name.lower().removesuffix(GZ)) for path in paths}
    if len(plain) != 1 or not (keyed or (len(names) == 1 and len(paths) > 1)):
        return ()
    there = set(files)
    return tuple(
        sorted(
            file
            for file in files
            # of a file that is there packed and unpacked the latter is read
            if not (file.lower().endswith(GZ) and file[: -len(GZ)] in there)
        )
    )


def files_named(folder: Path, named: Iterable[str]) -> RawFiles:
    """Take files, folders and patterns below a folder as one table.

    Raises
    ------
    InputError
        There is no such file.
    """
    found: dict[str, str] = {}
    for name in named:
        files = _expand(folder, name)
        if not files:
            raise InputError(f"no such file or folder: {folder / name}", "check the path")
        found |= {file: file for file in files}
    rows = tuple(sorted(found))
    if len(rows) == 1:
        name = PurePosixPath(rows[0]).name
        main = name[: -len(GZ)] if name.lower().endswith(GZ) else name
        return RawFiles(folder, {main: rows[0]}, zipped=False, main=main)
    return RawFiles(folder, {row: row for row in rows}, zipped=False, main=rows[0], rows=rows)


def _expand(folder: Path, name: str) -> list[str]:
    """List the files that a path or pattern means, relative to the folder."""
    path = folder / name
    if path.is_dir():
        inside = _tables_below(path)
        if not inside:
            raise InputError(
                f"{path}: no rating file here", "give the path of files that hold rows"
            )
        return [str(file.relative_to(folder)) for file in inside]
    if path.is_file():
        return [name]
    found: list[Path] = []
    for each in folder.glob(name) if _PATTERN.search(name) else ():
        if not each.name.startswith((".", "_")):  # no data for engines and shells either
            found += _tables_below(each) if each.is_dir() else [each]
    return [str(file.relative_to(folder)) for file in found]


def _tables_below(folder: Path) -> list[Path]:
    names = (PurePosixPath(file) for file in files_below(folder))
    return [folder / name for name in names if may_be_table(name.name)]


def split_paths(paths: Sequence[Path]) -> tuple[Path, tuple[str, ...]]:
    """Give the folder in which several paths or patterns lie, and what they are in it.

    A single path of something that is there is given as it is, and nothing in it.

    Raises
    ------
    InputError
        There are too many to write down.
    """
    if len(paths) == 1 and (paths[0].exists() or not _PATTERN.search(str(paths[0]))):
        return paths[0], ()
    if len(paths) > MOST_NAMED:
        raise InputError(
            f"{len(paths):,} paths; {MOST_NAMED:,} can be given",
            "give their folder, or a pattern in quotes: 'events/*.parquet'",
        )
    full = [Path.cwd() / path for path in paths]
    folder = Path(os.path.commonpath([_fixed(path) for path in full]))
    return folder, tuple(dict.fromkeys(str(path.relative_to(folder)) for path in full))


def _fixed(path: Path) -> Path:
    """Give the folder of a path, or of a pattern what is before the first wildcard."""
    if path.exists():
        return path.parent
    parts = path.parent.parts
    end = next((n for n, part in enumerate(parts) if _PATTERN.search(part)), len(parts))
    return Path(*parts[:end])
