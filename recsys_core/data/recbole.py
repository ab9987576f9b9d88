"""RecBole's atomic files: NAME.inter, and optionally NAME.user and NAME.item.

Tab-separated UTF-8 with a header of ``name:type`` columns, type one of ``token``, ``token_seq``,
``float``, ``float_seq`` (https://recbole.io/docs/user_guide/data/atomic_files.html). Columns with
the names that RecBole's own conversions of MovieLens use get the names and forms that the other
readers give them, so that the same data have the same fingerprint; sequences of floats are left
out. Further columns of the events are read where they are named, as those of plain tables.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from recsys_core.data.archive import RawFiles
from recsys_core.data.attributes import (
    AGE_ORDER,
    Attributes,
    RawColumn,
    RawData,
    age_group,
    clean_title,
    genre_list,
    release_year,
)
from recsys_core.data.dialect import find_clock, plain_name, read_dialect
from recsys_core.data.file_layout import RANGE_HINT, SKIP_HINT, ContextColumn, ContextKind, Layout
from recsys_core.data.import_options import DEFAULT_RANGE, ImportOptions, OnBadRows
from recsys_core.data.import_summary import summarise
from recsys_core.data.pieces import Store
from recsys_core.data.ratings import read_ratings
from recsys_core.data.roles import (
    USUAL_ATTRIBUTES,
    check_roles,
    find_context,
    find_roles,
    split_columns,
)
from recsys_core.errors import DataError, InputError, shorten
from recsys_core.values import counted, parse_number

INTER = ".inter"
TAB = "\t"
#: types of columns that become attributes, and all
KINDS = ("token", "token_seq", "float")
TYPES = (*KINDS, "float_seq")
#: what columns of events with one value per row hold
CONTEXT_KINDS: dict[str, ContextKind] = {"token": "category", "float": "number"}
USER, ITEM = "user_id", "item_id"
ROLES = {"user": USER, "item": ITEM, "rating": "rating", "label": "label", "timestamp": "timestamp"}
TITLES = ("movie_title", "title")
GENRES = ("class", "genre", "genres")
YEAR = "release_year"
RENAMED = {"zip_code": "zip"}


Table = dict[str, tuple[str, list[str]]]
"""Column name -> its type and its values."""


def is_atomic(files: RawFiles) -> bool:
    """Whether the main file has a header of ``name:type`` columns."""
    file = files[files.main]
    cells = read_dialect(file.head(), file.where, TAB).rows[0]
    return all(cell.rpartition(":")[2] in TYPES for cell in cells)


def read_atomic(files: RawFiles, options: ImportOptions, store: Store) -> RawData:
    """Read the atomic files of one data set.

    Raises
    ------
    InputError
        A column that the options name is not there, or holds lists.
    DataError
        A row is bad.
    """
    file = files[files.main]
    dialect = read_dialect(file.head(), file.where, TAB)
    roles, more = _columns_said(dialect.rows[0], options.columns)
    keys = roles.get("user", USER), roles.get("item", ITEM)
    header = _header(dialect.rows[0], file.where, keys)
    names = tuple(header)
    places = _places(names, roles, file.where)
    context = _context(header, more, places, file.where)
    is_label = "label" in places
    layout = Layout(
        TAB,
        names,
        places["user"],
        places["item"],
        places["label"] if is_label else places.get("rating"),
        places.get("timestamp"),
        header_lines=dialect.comments + 1,
        scale=options.rating_range or DEFAULT_RANGE,
        scale_hint=RANGE_HINT,
        label=is_label,
        clock=find_clock(dialect, places.get("timestamp"), True, options.time_unit),
        kind=places.get("type"),
        context=context,
        keep=options.kept_types,
    )
    ratings = read_ratings(
        file.chunks, file.where, layout, options.on_bad_rows, options.rule, store
    )
    bad: Counter[str] = Counter()
    used = places | {column.name: column.place for column in context}
    summary = summarise("RecBole's atomic files", names, used).with_context(ratings.context)
    tables, unused = {}, list(summary.unused)
    for side, key in zip(("user", "item"), keys, strict=True):
        name = side_file(files, side)
        table = _read_table(files, name, key, options.on_bad_rows, bad)
        unused += [f"{column} ({name})" for column, (kind, _) in table.items() if kind not in KINDS]
        tables[side] = table
    users = replace(_user_attributes(tables["user"], keys[0]), file=_where(files, "user"))
    items = replace(_item_attributes(tables["item"], keys[1]), file=_where(files, "item"))
    return RawData(ratings, users, items, bad, replace(summary, unused=tuple(unused)))


def _columns_said(
    cells: Sequence[str], columns: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Tell roles from further columns; a column may be named with its type, as in the header."""
    plain = {cell: cell.rpartition(":")[0] for cell in cells}
    return split_columns({name: plain.get(column, column) for name, column in columns.items()})


def _places(names: tuple[str, ...], roles: Mapping[str, str], where: str) -> dict[str, int]:
    """Find the position of each role's column: as it is said, else by RecBole's name of it."""
    check_roles({"user": USER, "item": ITEM, **roles}, where)
    found = {role: name for role, name in ROLES.items() if name in names and role not in roles}
    for one, other in (("rating", "label"), ("label", "rating")):
        if one in roles:
            found.pop(other, None)
    if "rating" in found:
        found.pop("label", None)
    return find_roles(names, found | dict(roles), where)


def _context(
    header: Mapping[str, str], more: Mapping[str, str], places: Mapping[str, int], where: str
) -> tuple[ContextColumn, ...]:
    """Find further columns of the events; what they hold stands in the header."""
    names = tuple(header)
    found = find_context(names, more, places, where, by_number=False)
    for column in found:
        name = names[column.place]
        if header[name] not in CONTEXT_KINDS:
            raise InputError(
                f"{where}: column '{shorten(name)}' holds lists ({header[name]}),"
                " not single values",
                f"leave {column.name} out of --columns",
            )
    kinds = [CONTEXT_KINDS[header[names[column.place]]] for column in found]
    return tuple(
        column if column.kind != "guess" else replace(column, kind=kind)
        for column, kind in zip(found, kinds, strict=True)
    )


def _where(files: RawFiles, side: str) -> str:
    name = side_file(files, side)
    return files[name].where if name in files else ""


def side_file(files: RawFiles, side: str) -> str:
    """Name the file of users or items; parts of a set (NAME.train.inter) share it."""
    stem = files.main.removesuffix(INTER)
    name = f"{stem}.{side}"
    return name if name in files or "." not in stem else f"{stem.rpartition('.')[0]}.{side}"


def _header(cells: Sequence[str], where: str, needed: tuple[str, ...]) -> dict[str, str]:
    """Split the header into name -> type."""
    pairs = [cell.rpartition(":")[::2] for cell in cells]
    names = [name for name, _ in pairs]
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(
            f"{where}, line 1: the header has no column {missing[0]}",
            "an atomic file starts with a line like user_id:token<TAB>item_id:token; other names:"
            " --columns user=NAME,item=NAME",
        )
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"{where}, line 1: there are {names.count(name)} columns '{shorten(name)}'",
                "rename or leave out the others",
            )
    return dict(pairs)


def _read_table(
    files: RawFiles, name: str, key: str, on_bad_rows: OnBadRows, bad: Counter[str]
) -> Table:
    """Read a .user or .item file into columns; empty when there is none."""
    if name not in files:
        return {}
    where = files[name].where
    dialect = read_dialect(files[name].head(), where, TAB)
    content = files[name].read_lines()
    header = _header(dialect.rows[0], where, (key,))
    place = list(header).index(key)
    rows: dict[str, list[str]] = {}
    first = dialect.comments + 1
    for number, raw in enumerate(content.split(b"\n")[first:], first + 1):
        line = raw.removesuffix(b"\r")
        if not line:
            continue
        try:
            fields = line.decode("utf-8").split("\t")
            if len(fields) != len(header):
                raise ValueError(
                    f"{counted(len(fields), 'field')} where {len(header)} are expected"
                )
            if fields[place] in rows:
                raise ValueError(f"{key} {fields[place]} occurs twice")
        except ValueError as error:
            if on_bad_rows == "error":
                raise DataError(f"{where}, line {number}: {error}", SKIP_HINT) from None
            bad[name] += 1
            continue
        rows[fields[place]] = fields
    columns = zip(*rows.values(), strict=True) if rows else ([] for _ in header)
    return {
        column: (kind, list(values))
        for (column, kind), values in zip(header.items(), columns, strict=True)
    }


def _user_attributes(table: Table, key: str) -> Attributes:
    if not table:
        return Attributes()
    _, ids = table.pop(key)
    columns = _columns(table)
    if "age" in columns and all(age.isdecimal() for age in table["age"][1] if age):
        groups = [age_group(age) for age in table["age"][1]]
        columns["age"] = RawColumn("categorical", groups, AGE_ORDER)
    return Attributes(ids, columns)


def _item_attributes(table: Table, key: str) -> Attributes:
    if not table:
        return Attributes()
    _, ids = table.pop(key)
    title = _known(table, TITLES, USUAL_ATTRIBUTES["title"])
    genres = _known(table, GENRES, USUAL_ATTRIBUTES["genres"])
    columns: dict[str, RawColumn] = {}
    years = table.pop(YEAR)[1] if YEAR in table else [""] * len(ids)
    titles = table.pop(title)[1] if title is not None else [""] * len(ids)
    full = [_with_year(text, year) for text, year in zip(titles, years, strict=True)]
    if title is not None:
        columns["title"] = RawColumn("text", full)
    if any(years):
        columns["year"] = RawColumn("numeric", [release_year(text) for text in full])
    if genres is not None:
        kind, texts = table.pop(genres)
        parts = ([text] if kind == "token" else text.split(" ") for text in texts)
        lists = list(map(genre_list, parts))
        columns["genres"] = RawColumn("multi", lists)
    return Attributes(ids, {**columns, **_columns(table)})


def _known(table: Table, first: Sequence[str], usual: Sequence[str]) -> str | None:
    """Find a column by RecBole's names of it, then by those of tables of items."""
    named = next((name for name in first if name in table), None)
    texts = [name for name, (kind, _) in table.items() if kind in ("token", "token_seq")]
    return named or next((name for name in texts if plain_name(name) in usual), None)


def _with_year(title: str, year: str) -> str:
    """Put back what RecBole cut off the end of the title: the last brackets, mostly a year."""
    title, year = clean_title(title), clean_title(year)
    return f"{title} ({year})".lstrip() if year else title


def _columns(table: Table) -> dict[str, RawColumn]:
    """Turn what has no special meaning into columns by type."""
    columns = {}
    for name, (kind, values) in table.items():
        target = RENAMED.get(name, name)
        if kind == "token":
            columns[target] = RawColumn("categorical", values)
        elif kind == "token_seq":
            columns[target] = RawColumn("multi", [value.split(" ") for value in values])
        elif kind == "float":
            columns[target] = RawColumn("numeric", [_number(value) for value in values])
    return columns


def _number(text: str) -> float:
    number = parse_number(text)
    return math.nan if number is None else number
