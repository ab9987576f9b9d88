"""Plain text tables of events: CSV and its relatives, and lists of a user and its items.

A mapping gives ``user`` and ``item``, and ``rating`` (or ``label``) and ``timestamp`` where there
are such columns, all as names or all as numbers from 1. Without a mapping the usual names are
recognised. Ids are kept as they stand, as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recsys_core.data.archive import RawFile
from recsys_core.data.attributes import RawData
from recsys_core.data.dialect import (
    NAMED,
    UNQUOTED,
    Dialect,
    find_clock,
    find_separator,
    has_header,
    read_dialect,
)
from recsys_core.data.file_layout import BLANKS, RANGE_HINT, Layout
from recsys_core.data.import_options import DEFAULT_RANGE, ImportOptions
from recsys_core.data.import_summary import Summary, summarise
from recsys_core.data.pieces import Store
from recsys_core.data.ratings import TextFile, read_files
from recsys_core.data.roles import (
    USUAL_NAMES,
    check_keys,
    check_roles,
    check_same_columns,
    find_context,
    find_roles,
    is_by_number,
    is_list,
    split_columns,
)
from recsys_core.errors import DataError, InputError
from recsys_core.values import counted

SEPARATOR_HINT = (
    "give the separator: recsys-workbench data import PATH --separator blank"
    " (or tab, comma, semicolon, pipe, another character)"
)
LIST_HINT = (
    "if each is a user and its items: recsys-workbench data import PATH --columns user=1,item=2+;"
    " if not, recsys-workbench data import PATH --separator S gives the separator"
)


def read_tables(
    files: Sequence[RawFile], where: str, options: ImportOptions, store: Store
) -> RawData:
    """Read files of events with the same columns as one.

    Parameters
    ----------
    where
        What they are together, for messages.

    Raises
    ------
    InputError
        The mapping names a role or column that does not exist, or none can be guessed.
    DataError
        A bad row, or files differ in their columns or in how times are written.
    """
    files = [file for file in files if file.head()] or files[:1]  # engines write empty ones, too
    read = [_recognise(file, options) for file in files]
    layout, summary = read[0]
    for file, (other, about) in zip(files, read, strict=True):
        check_same_columns(files[0].keys, files[0].where, file.keys, file.where)
        _check_alike(layout, summary, files[0].where, other, about, file.where)
    texts = [
        TextFile(file.chunks, file.where, other)
        for file, (other, _) in zip(files, read, strict=True)
    ]
    ratings = read_files(texts, where, options.on_bad_rows, options.rule, store)
    return RawData(ratings, summary=summary.with_context(ratings.context))


def _check_alike(
    first: Layout, about_first: Summary, where_first: str, other: Layout, about: Summary, where: str
) -> None:
    """Refuse files that are not parts of one table."""
    check_same_columns(first.names, where_first, other.names, where)
    if about.columns != about_first.columns or len(other.names) != len(first.names):
        raise DataError(
            f"{where} and {where_first} differ in their columns: {_roles(about)}"
            f" and {_roles(about_first)}",
            "files that are read as one need the same columns; import others one by one",
        )
    if other.clock != first.clock:
        texts = (where, where_first) if other.clock.text else (where_first, where)
        raise DataError(
            f"{texts[0]} has dates and {texts[1]} numbers as times",
            "write all files alike, or import them one by one",
        )


def _roles(about: Summary) -> str:
    return ", ".join(f"{role} {name}" for role, name in about.columns.items())


def _recognise(file: RawFile, options: ImportOptions) -> tuple[Layout, Summary]:
    """Tell how the lines of a file are laid out."""
    where = file.where
    roles, context = split_columns(options.columns)
    check_roles(roles, where)
    separator = None if options.separator is None else find_separator(options.separator)
    dialect = read_dialect(file.head(), where, separator)
    if not is_list(roles):
        return _table(dialect, options, roles, context, where, file.keys)
    if context:
        raise InputError(
            f"{where}: lines of a user and its items have no further columns",
            f"leave {', '.join(context)} out of --columns",
        )
    return _lists(dialect)


def _lists(dialect: Dialect) -> tuple[Layout, Summary]:
    separator = dialect.separator
    layout = Layout(
        *(separator, ("user", "items"), 0, 1, None, None),
        header_lines=dialect.comments,
        quoted=separator not in UNQUOTED,
        padded=dialect.padded,
        lists=True,
    )
    read_as = f"lists of a user and its items, separated by {_called(separator)}"
    return layout, Summary(read_as, {"user": "column 1", "item": "all columns after it"})


def _table(
    dialect: Dialect,
    options: ImportOptions,
    columns: Mapping[str, str],
    context: Mapping[str, str],
    where: str,
    keys: Mapping[str, str],
) -> tuple[Layout, Summary]:
    separator = dialect.separator
    cells = [cell.strip() for cell in dialect.rows[0]]
    _check_shape(dialect, cells, where)
    fields = [*cells, *keys]
    places = find_roles(fields, columns, where)
    check_keys(places, len(cells), fields, where)
    by_number = is_by_number(columns)
    here = {role: place for role, place in places.items() if place < len(cells)}
    header = not by_number or has_header(dialect.rows, here, USUAL_NAMES)
    further = find_context(fields, context, places, where, by_number=by_number)
    numbered = tuple(f"column {number}" for number in range(1, len(cells) + 1))
    names = tuple(cells) if header else numbered
    is_label = "label" in places
    layout = Layout(
        separator,
        names,
        places["user"],
        places["item"],
        places["label"] if is_label else places.get("rating"),
        places.get("timestamp"),
        header_lines=dialect.comments + header * dialect.first_lines,
        quoted=separator not in UNQUOTED,
        scale=(0.0, 1.0) if is_label else options.rating_range or DEFAULT_RANGE,
        scale_hint=RANGE_HINT,
        label=is_label,
        padded=dialect.padded,
        clock=find_clock(dialect, places.get("timestamp"), header, options.time_unit),
        kind=places.get("type"),
        context=further,
        keep=options.kept_types,
        keys=tuple(keys.values()),
    )
    first = "the header" if header else f"a row: {', '.join(cells)[:80]}"
    read_as = f"table separated by {_called(separator)}, its first line is {first}"
    if dialect.comments:
        read_as = f"{counted(dialect.comments, 'line')} of comment, then {read_as}"
    used = places | {column.name: column.place for column in further}
    return layout, summarise(read_as, (*names, *keys), used)


def _check_shape(dialect: Dialect, cells: list[str], where: str) -> None:
    """Refuse what is no table of at least two columns."""
    if len(cells) == 1 and not dialect.is_ragged:
        found = f"the first line cannot be split into columns: {cells[0][:100]}"
        raise InputError(f"{where}: {found}", SEPARATOR_HINT)
    if dialect.is_ragged:
        lengths = sorted({len(row) for row in dialect.rows})
        raise InputError(
            f"{where}: its lines have {lengths[0]} to {lengths[-1]} fields, separated by"
            f" {_called(dialect.separator)}",
            LIST_HINT,
        )


def _called(separator: str) -> str:
    """Name a separator."""
    if separator == BLANKS:
        return "blanks"
    return next((name for name, mark in NAMED.items() if mark == separator), f"'{separator}'")
