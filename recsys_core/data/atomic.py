"""RecBole's atomic files: NAME.inter, and optionally NAME.user and NAME.item.

Tab-separated UTF-8 with a header of ``name:type`` columns, type one of ``token``, ``token_seq``,
``float``, ``float_seq`` (https://recbole.io/docs/user_guide/data/atomic_files.html). Columns with
the names that RecBole's own conversions of MovieLens use get the names and forms that the other
readers give them, so that the same data have the same fingerprint; sequences of floats are left
out.
"""

from __future__ import annotations

from collections import Counter

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
from recsys_core.data.layout import SKIP_HINT, Layout, OnBadRows, first_line
from recsys_core.data.ratings import read_ratings
from recsys_core.errors import DataError

INTER = ".inter"
USER, ITEM, RATING, TIME = "user_id", "item_id", "rating", "timestamp"
TITLES = ("movie_title", "title")
GENRES = ("class", "genre", "genres")
YEAR = "release_year"
RENAMED = {"zip_code": "zip"}

Table = dict[str, tuple[str, list[str]]]
"""Column name -> its type and its values."""


def read_atomic(files: RawFiles, on_bad_rows: OnBadRows, scale: tuple[float, float]) -> RawData:
    """Read the atomic files of one data set."""
    inter = next(name for name in files.members if name.endswith(INTER))
    where = files.label(inter)
    header = _header(first_line(files.chunks(inter), where), where, (USER, ITEM))
    names = tuple(header)
    positions = {name: position for position, name in enumerate(names)}
    layout = Layout(
        "\t",
        names,
        positions[USER],
        positions[ITEM],
        positions.get(RATING),
        positions.get(TIME),
        header_lines=1,
        scale=scale,
        scale_hint=" (recsys-workbench data import --rating-range changes that)",
    )
    ratings = read_ratings(lambda: files.chunks(inter), where, layout, on_bad_rows)
    bad: Counter[str] = Counter()
    stem = inter.removesuffix(INTER)
    users = _read_table(files, f"{stem}.user", USER, on_bad_rows, bad)
    items = _read_table(files, f"{stem}.item", ITEM, on_bad_rows, bad)
    return RawData(ratings, _user_attributes(users), _item_attributes(items), bad)


def _header(line: str, where: str, needed: tuple[str, ...]) -> dict[str, str]:
    """Split the header into name -> type."""
    columns = dict(cell.rpartition(":")[::2] for cell in line.split("\t"))
    missing = [name for name in needed if name not in columns]
    if missing:
        raise DataError(
            f"{where}, line 1: the header has no column {missing[0]}",
            "an atomic file starts with a line like user_id:token<TAB>item_id:token",
        )
    return columns


def _read_table(
    files: RawFiles, name: str, key: str, on_bad_rows: OnBadRows, bad: Counter[str]
) -> Table:
    """Read a .user or .item file into columns; empty when there is none."""
    if name not in files:
        return {}
    where = files.label(name)
    content = files.read(name)
    header = _header(first_line(iter([content]), where), where, (key,))
    place = list(header).index(key)
    rows: dict[str, list[str]] = {}
    for number, raw in enumerate(content.split(b"\n")[1:], 2):
        line = raw.removesuffix(b"\r")
        if not line:
            continue
        try:
            fields = line.decode("utf-8").split("\t")
            if len(fields) != len(header):
                raise ValueError(f"{len(fields)} fields where {len(header)} are expected")
            if fields[place] in rows:
                raise ValueError(f"{key} {fields[place]} is there twice")
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
    try:
        return float(text)
    except ValueError:
        return float("nan")
