"""RecBole's atomic files: NAME.inter, and optionally NAME.user and NAME.item.

Tab-separated UTF-8 with a header of ``name:type`` columns, type one of ``token``, ``token_seq``,
``float``, ``float_seq`` (https://recbole.io/docs/user_guide/data/atomic_files.html). Columns with
the names that RecBole's own conversions of MovieLens use get the names and forms that the other
readers give them, so that the same data have the same fingerprint; sequences of floats are left
out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
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
from recsys_core.data.dialect import find_clock, read_dialect
from recsys_core.data.file_layout import RANGE_HINT, SKIP_HINT, Layout
from recsys_core.data.import_options import DEFAULT_RANGE, ImportOptions, OnBadRows
from recsys_core.data.import_summary import summarise
from recsys_core.data.ratings import read_ratings
from recsys_core.errors import DataError, shorten
from recsys_core.values import counted, parse_number

INTER = ".inter"
TAB = "\t"
#: types of columns that become attributes
KINDS = ("token", "token_seq", "float")
USER, ITEM = "user_id", "item_id"
ROLES = {"user": USER, "item": ITEM, "rating": "rating", "label": "label", "timestamp": "timestamp"}
TITLES = ("movie_title", "title")
GENRES = ("class", "genre", "genres")
YEAR = "release_year"
RENAMED = {"zip_code": "zip"}


Table = dict[str, tuple[str, list[str]]]
"""Column name -> its type and its values."""


def read_atomic(files: RawFiles, options: ImportOptions) -> RawData:
    """Read the atomic files of one data set."""
    file = files[files.main]
    dialect = read_dialect(file.head(), file.where, TAB)
    header = _header(dialect.rows[0], file.where, (USER, ITEM))
    names = tuple(header)
    places = {role: names.index(name) for role, name in ROLES.items() if name in header}
    if "rating" in places:
        places.pop("label", None)
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
    )
    ratings = read_ratings(file.chunks, file.where, layout, options.on_bad_rows, options.rule)
    bad: Counter[str] = Counter()
    summary = summarise("RecBole's atomic files", names, places)
    tables, unused = {}, list(summary.unused)
    for side, key in (("user", USER), ("item", ITEM)):
        name = side_file(files, side)
        table = _read_table(files, name, key, options.on_bad_rows, bad)
        unused += [f"{column} ({name})" for column, (kind, _) in table.items() if kind not in KINDS]
        tables[side] = table
    users = replace(_user_attributes(tables["user"]), file=_where(files, "user"))
    items = replace(_item_attributes(tables["item"]), file=_where(files, "item"))
    return RawData(ratings, users, items, bad, replace(summary, unused=tuple(unused)))


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
            "an atomic file starts with a line like user_id:token<TAB>item_id:token",
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
    content = files[name].read()
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


def _user_attributes(table: Table) -> Attributes:
    if not table:
        return Attributes()
    _, ids = table.pop(USER)
    columns = _columns(table)
    if "age" in columns and all(age.isdecimal() for age in table["age"][1] if age):
        groups = [age_group(age) for age in table["age"][1]]
        columns["age"] = RawColumn("categorical", groups, AGE_ORDER)
    return Attributes(ids, columns)


def _item_attributes(table: Table) -> Attributes:
    if not table:
        return Attributes()
    _, ids = table.pop(ITEM)
    title = next((name for name in TITLES if name in table), None)
    genres = next((name for name in GENRES if name in table), None)
    columns: dict[str, RawColumn] = {}
    years = table.pop(YEAR)[1] if YEAR in table else [""] * len(ids)
    titles = table.pop(title)[1] if title is not None else [""] * len(ids)
    full = [_with_year(text, year) for text, year in zip(titles, years, strict=True)]
    if title is not None:
        columns["title"] = RawColumn("text", full)
    if any(years):
        columns["year"] = RawColumn("numeric", [release_year(text) for text in full])
    if genres is not None:
        lists = [genre_list(text.split(" ")) for text in table.pop(genres)[1]]
        columns["genres"] = RawColumn("multi", lists)
    return Attributes(ids, {**columns, **_columns(table)})


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
