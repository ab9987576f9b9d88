"""What raw files are: what their names promise, then, once, by the header and the options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from recsys_core.data import movielens
from recsys_core.data.archive import GZ, RawFile, RawFiles
from recsys_core.data.attributes import RawData
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.parquet import read_parquet_files
from recsys_core.data.parts import join_parts
from recsys_core.data.pieces import IN_MEMORY, Store
from recsys_core.data.readers import choose_reader, read_events
from recsys_core.data.recbole import INTER, is_atomic, read_atomic, side_file
from recsys_core.data.roles import is_by_number
from recsys_core.data.text_table import read_tables
from recsys_core.errors import InputError
from recsys_core.extensions import hash_packages

Read = Callable[[RawFiles, ImportOptions, Store], RawData]
MOVIELENS: dict[str, tuple[Read, tuple[str, ...]]] = {
    "u.data": (movielens.read_100k, ("u.data", "u.item", "u.user", "u.genre")),
    "ratings.dat": (movielens.read_dat, ("ratings.dat", "movies.dat", "users.dat")),
    "ratings.csv": (movielens.read_csv, ("ratings.csv", "movies.csv")),
}
#: how a file's name ends that may be a table; others are not looked at in folders and zips
TABLES = (".csv", ".tsv", ".txt", ".dat", ".data", ".parquet")
_TEXTS = ("readme", "license", "licence")


@dataclass(frozen=True)
class Format:
    """How a set is read.

    Parameters
    ----------
    used
        Base names of the files that are read, where they are there.
    read
        Reads them.
    is_folder
        Whether the set has the name of its folder, not of its one file.
    code
        Of a reader that an extension registers: a hash of its package. Other code may read the same
        files otherwise.
    """

    used: tuple[str, ...]
    read: Read
    is_folder: bool = False
    code: str = ""


def holds_ratings(name: str) -> bool:
    """Whether a file of that base name is the main one of a format."""
    return name in MOVIELENS or name.endswith(INTER)


def has_reader(file: RawFile, name: str) -> bool:
    """Whether an extension reads a file of that base name, tables apart: it says which it reads."""
    is_table = name.lower().endswith(TABLES) or name.startswith(".")
    return not is_table and choose_reader(file, name) is not None


def may_be_table(name: str) -> bool:
    """Whether a file may be a table; what is hidden or says something about the data is none."""
    lower = name.lower()
    return lower.endswith(TABLES) and not lower.startswith((".", "_", *_TEXTS))


def recognise_format(files: RawFiles, options: ImportOptions) -> Format:
    """Tell how the files are to be read; those of a plain table where its columns are said."""
    if files.parts:
        return _parts_format(files, options)
    if files.rows:
        return _rows_format(files, options)
    main = files.main
    is_table = bool(options.columns) or options.separator is not None
    if not is_table and main in MOVIELENS and _is_known(files):
        read, used = MOVIELENS[main]
        return Format(used, read, is_folder=True)
    by_name = options.separator is None and not is_by_number(options.columns)
    if main.endswith(INTER) and (not is_table or (by_name and is_atomic(files))):
        return Format((main, side_file(files, "user"), side_file(files, "item")), read_atomic)
    reader = None if is_table else choose_reader(files[main], main)
    if reader is not None:
        return Format(
            (main,),
            whole(partial(read_events, reader), f"{files[main].where}: reader '{reader.name}'"),
            code=hash_packages([reader.read.__module__]),
        )
    read_all = _table_reader(files[main], options)

    def read_one(files: RawFiles, options: ImportOptions, store: Store) -> RawData:
        file = files[files.main]
        return read_all([file], file.where, options, store)

    return Format((main,), read_one)


def _table_reader(
    file: RawFile, options: ImportOptions
) -> Callable[[Sequence[RawFile], str, ImportOptions, Store], RawData]:
    """Tell by its name what reads such a table."""
    if not is_parquet(file.member):
        return read_tables
    if options.separator is not None:
        raise InputError(
            f"{file.where}: parquet files have no separator", "import it without a separator"
        )
    return read_parquet_files


def is_parquet(name: str) -> bool:
    """Whether a file of that name is of parquet."""
    return name.lower().removesuffix(GZ).endswith(".parquet")


def whole(read: Callable[[RawFiles, ImportOptions], RawData], what: str) -> Read:
    """Make a reader that needs all rows in memory refuse to stay below a limit."""

    def checked(files: RawFiles, options: ImportOptions, store: Store) -> RawData:
        if store.limited:
            raise InputError(
                f"{what} reads all rows into memory", "import it without a limit of memory"
            )
        return read(files, options)

    return checked


def _rows_format(files: RawFiles, options: ImportOptions) -> Format:
    """Read files of one kind as one table."""
    names = files.rows
    kinds = {is_parquet(name) for name in names}
    if len(kinds) > 1:
        raise InputError(
            f"{files.path}: some files are parquet and some are text: {', '.join(names[:3])}",
            "give files of one kind",
        )
    read_all = _table_reader(files[names[0]], options)

    def read(files: RawFiles, options: ImportOptions, store: Store) -> RawData:
        all_files = [files[name] for name in files.rows]
        raw = read_all(all_files, str(files.path), options, store)
        read_as = f"{len(all_files):,} files, each a {raw.summary.read_as}"
        return replace(raw, summary=replace(raw.summary, read_as=read_as))

    return Format(names, read, is_folder=True)


def _parts_format(files: RawFiles, options: ImportOptions) -> Format:
    """Read each part of a split as if it were alone, and join them."""
    alone = {name: replace(files, main=main, parts={}) for name, main in files.parts.items()}
    formats = {name: recognise_format(each, options) for name, each in alone.items()}
    used = dict.fromkeys(name for each in formats.values() for name in each.used)

    def read(files: RawFiles, options: ImportOptions) -> RawData:
        parts = {name: formats[name].read(each, options, IN_MEMORY) for name, each in alone.items()}
        return join_parts(parts, str(files.path), options.rule)

    codes = dict.fromkeys(each.code for each in formats.values())
    joined = whole(read, f"{files.path}: joining the parts of a split")
    return Format(tuple(used), joined, is_folder=True, code="".join(codes))


def _is_known(files: RawFiles) -> bool:
    """Whether the file is what its name promises; anybody may call a table ratings.csv."""
    if files.main != "ratings.csv":
        return True
    first = files[files.main].head().partition(b"\n")[0]
    return first.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r") == movielens.CSV_HEADER
