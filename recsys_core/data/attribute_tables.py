"""Tables of users and items beside the events: CSV and its relatives, parquet, JSON lines.

``--items books.csv`` takes every column; ``--items books.csv,id=isbn,title=name`` says which column
holds the ids and what others are called, and takes these alone. Without it the ids are in the
column with a usual name, or in the only one whose values are ids of events. What a column is (text,
number, one of few values, any of few) is guessed from its name and values, and printed;
``books.csv,price:number`` says it. Items of the table that have no event are numbered, too.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from recsys_core.data.archive import GZ, RawFile
from recsys_core.data.attribute_kinds import SAID, build_column
from recsys_core.data.attributes import Attributes, Kind, RawColumn, RawData
from recsys_core.data.dataset import TextArray
from recsys_core.data.dialect import UNQUOTED, is_missing, plain_name, read_dialect
from recsys_core.data.file_layout import SKIP_HINT
from recsys_core.data.import_options import ImportOptions, OnBadRows
from recsys_core.data.linewise import csv_problem, split_lines
from recsys_core.data.parquet import read_columns
from recsys_core.data.roles import USUAL_ATTRIBUTES, USUAL_NAMES, safe_name
from recsys_core.errors import DataError, InputError, no_such_file, shorten, unknown_name
from recsys_core.reading import parse_json
from recsys_core.values import counted

Side = Literal["user", "item"]
Columns = dict[str, list[Any]]
"""Name -> values, one per row: text, number, list or None."""

ID = "id"


@dataclass(frozen=True)
class TableOption:
    """A table and what is said of its columns.

    Parameters
    ----------
    path
        The file.
    columns
        Name in the data set (``id``: the key) -> column; empty: all are taken.
    kinds
        Name in the data set -> what it holds, where that is said.
    """

    path: Path
    columns: dict[str, str]
    kinds: dict[str, Kind]


def read_option(text: str) -> TableOption:
    """Read ``FILE`` or ``FILE,id=COLUMN,NAME=COLUMN,NAME:KIND,NAME=COLUMN:KIND``.

    Examples
    --------
    >>> option = read_option("books.csv,id=isbn,price:number")
    >>> option.columns, option.kinds
    ({'id': 'isbn'}, {'price': 'numeric'})
    """
    path, *pairs = text.split(",")
    columns: dict[str, str] = {}
    kinds: dict[str, Kind] = {}
    for pair in pairs:
        rest, colon, kind = pair.rpartition(":")
        said = SAID.get(kind.strip()) if colon else None
        name, equals, column = (rest if said else pair).partition("=")
        name, column = name.strip(), column.strip()
        if not name or (not column if equals else not said):
            raise InputError(
                f"{text}: '{pair}' is not NAME=COLUMN or NAME:KIND",
                f"e.g. books.csv,id=isbn,title=name,price:number; KIND is {', '.join(SAID)}",
            )
        if equals:
            columns[name] = column
        if said:
            kinds[name] = said
    return TableOption(Path(path), columns, kinds)


def add_tables(raw: RawData, options: ImportOptions) -> RawData:
    """Add the tables of users and items that the options name.

    Raises
    ------
    InputError
        There is no such file or column, no column can be the key, or the set has such a table.
    DataError
        A row is bad.
    """
    texts: dict[Side, str | None] = {"user": options.users, "item": options.items}
    for side, text in texts.items():
        if text is None:
            continue
        option, bad = read_option(text), Counter(raw.bad_rows)
        file = _file(option.path)
        columns = _read(file, options.on_bad_rows, bad)
        raw = add_table(replace(raw, bad_rows=bad), side, columns, option, options.on_bad_rows)
    return raw


def add_table(
    raw: RawData, side: Side, columns: Columns, option: TableOption, on_bad_rows: OnBadRows
) -> RawData:
    """Add the columns of a table that were read; errors as `add_tables`.

    Parameters
    ----------
    option
        What is said of the columns; its path names the table.
    """
    there = raw.users if side == "user" else raw.items
    if there.ids:
        raise InputError(f"the set has its own {side}s: {there.file}", f"leave --{side}s out")
    ids = raw.ratings.user_ids if side == "user" else raw.ratings.item_ids
    bad = Counter(raw.bad_rows)
    file = RawFile(option.path.parent, option.path.name, zipped=False)
    table, left = _take_attributes(columns, option, file, side, ids, on_bad_rows, bad)
    summary = replace(raw.summary, unused=(*raw.summary.unused, *left))
    raw = replace(raw, bad_rows=bad, summary=summary)
    return replace(raw, users=table) if side == "user" else replace(raw, items=table)


def table_files(options: ImportOptions) -> list[RawFile]:
    """List the files that the options name."""
    texts = (text for text in (options.users, options.items) if text is not None)
    return [_file(read_option(text).path) for text in texts]


def _file(path: Path) -> RawFile:
    if not path.is_file():
        raise no_such_file(path, "check the path of the table")
    return RawFile(path.parent, path.name, zipped=False)


def _take_attributes(
    columns: Columns,
    option: TableOption,
    file: RawFile,
    side: Side,
    ids: TextArray,
    on_bad_rows: OnBadRows,
    bad: Counter[str],
) -> tuple[Attributes, list[str]]:
    """Take what is said of a table's columns; say which are not used."""
    for column in option.columns.values():
        if column not in columns:
            raise unknown_name(f"column in {file.where}:", column, columns)
    key = option.columns.get(ID) or _find_key(columns, side, ids, file.where)
    if any(isinstance(value, bytes) for value in columns[key]):
        raise DataError(
            f"{file.where}: the column {key} holds binary, not text or whole numbers",
            f"convert it before it is written, or name another column: {option.path},id=COLUMN",
        )
    keys = _keys(columns[key], file.where, on_bad_rows, bad)
    rows = [row for row, value in enumerate(keys) if value is not None]
    named = {n: c for n, c in option.columns.items() if n != ID}
    plain = [column for column, values in columns.items() if not any(map(_is_no_value, values))]
    taken = named or {column: column for column in plain if column != key}
    for column in named.values():
        if column not in plain:
            raise InputError(
                f"{file.where}: column '{column}' is nested or binary",
                "put its parts into separate columns, as text or numbers",
            )
    built: dict[str, RawColumn] = {}
    for name, column in taken.items():
        target = safe_name(name) if named else _target(name)
        if target in built:
            raise InputError(
                f"{file.where}: two columns could be the {target}",
                f"say which: {option.path},id={key},{target}=COLUMN",
            )
        cells = [columns[column][row] for row in rows]
        built[target] = build_column(target, cells, option.kinds.get(target), file.where)
    for target in option.kinds:
        if target not in built:
            raise unknown_name(f"column in {file.where}:", target, built)
    left = [f"{c} ({file.member})" for c in columns if c != key and c not in taken.values()]
    texts = [str(keys[row]) for row in rows]
    return Attributes(texts, built, file.where, is_list=side == "item"), left


def _is_no_value(value: Any) -> bool:
    """Whether a cell is nested or binary: none of text, number, or list of these."""
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(part, dict | list | bytes) for part in parts)


def _target(name: str) -> str:
    """Find the name that a column has in the data set."""
    plain = plain_name(name)
    known = next((target for target, names in USUAL_ATTRIBUTES.items() if plain in names), None)
    return known or safe_name(name)


# ------------------------------------------------------------------------------------------- rows


def _read(file: RawFile, on_bad_rows: OnBadRows, bad: Counter[str]) -> Columns:
    name = file.member.lower().removesuffix(GZ)
    if name.endswith(".parquet"):
        return read_columns(file)
    if name.endswith((".jsonl", ".ndjson")):
        columns, rows = _json_rows(file, on_bad_rows, bad)
    else:
        columns, rows = _text_rows(file, on_bad_rows, bad)
    if not rows:
        raise DataError(f"{file.where}: there are no rows", "check that this is the right file")
    return {column: [row[place] for row in rows] for place, column in enumerate(columns)}


def _text_rows(
    file: RawFile, on_bad_rows: OnBadRows, bad: Counter[str]
) -> tuple[Sequence[str], list[Sequence[Any]]]:
    dialect = read_dialect(file.head(), file.where, None)
    names = [cell.strip() for cell in dialect.rows[0]]
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"{file.where}: there are {names.count(name)} columns '{shorten(name)}'",
                "rename or leave out the others",
            )
    lines = io.StringIO(_text(file), newline="\n")
    quoted = dialect.separator not in UNQUOTED
    rows: list[Sequence[Any]] = []
    first = dialect.comments + dialect.first_lines
    for number, fields in split_lines(
        lines, dialect.separator, quoted=quoted, padded=dialect.padded
    ):
        if number <= first:
            continue
        if isinstance(fields, csv.Error):
            problem = csv_problem(fields)
        elif len(fields) != len(names):
            problem = f"{counted(len(fields), 'field')} where {len(names)} are expected"
        else:
            rows.append([None if is_missing(cell) else cell for cell in fields])
            continue
        _refuse(file.where, number, problem, on_bad_rows, bad)
    return names, rows


def _text(file: RawFile) -> str:
    try:
        return file.read_lines().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.where}: byte {error.start + 1} is not UTF-8 text",
            "save the file as UTF-8, e.g. iconv -f latin1 -t utf-8 OLD > NEW",
        ) from None


def _json_rows(
    file: RawFile, on_bad_rows: OnBadRows, bad: Counter[str]
) -> tuple[Sequence[str], list[Sequence[Any]]]:
    objects: list[dict[str, Any]] = []
    for number, line in enumerate(_json_lines(file), 1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
            if not isinstance(value, dict):
                raise ValueError("expected a JSON object")
        except ValueError as error:
            problem = "this is not JSON" if isinstance(error, json.JSONDecodeError) else str(error)
            _refuse(file.where, number, shorten(problem), on_bad_rows, bad)
            continue
        objects.append(value)
    names = list(dict.fromkeys(name for value in objects for name in value))
    return names, [[value.get(name) for name in names] for value in objects]


def _json_lines(file: RawFile) -> Iterator[bytes]:
    for chunk in file.chunks():
        yield from io.BytesIO(chunk)


def _refuse(where: str, line: int, problem: str, on_bad_rows: OnBadRows, bad: Counter[str]) -> None:
    if on_bad_rows == "error":
        raise DataError(f"{where}, line {line}: {problem}", SKIP_HINT)
    bad[Path(where).name] += 1


# ------------------------------------------------------------------------------------------- keys


def _find_key(columns: Columns, side: Side, ids: TextArray, where: str) -> str:
    """Find the column with the ids: by its name, else the only one that has ids of events."""
    usual = {plain_name(name): name for name in reversed(columns)}
    for name in (*USUAL_NAMES[side], ID):
        if name in usual:
            return usual[name]
    known = set(ids.tolist())
    found = [name for name, values in columns.items() if not known.isdisjoint(map(_id, values))]
    if len(found) == 1:
        return found[0]
    which = f"{', '.join(found[:5])} have" if found else "none has"
    raise InputError(
        f"{where}: which column has the {side} ids? Of {', '.join(list(columns)[:8])} {which}"
        " ids of the events",
        f"say it: recsys-workbench data import PATH --{side}s {where},id=COLUMN",
    )


def _keys(
    values: list[Any], where: str, on_bad_rows: OnBadRows, bad: Counter[str]
) -> list[str | None]:
    """Write ids as those of events are; None for a row without one of its own."""
    keys: list[str | None] = []
    texts = [_id(value) for value in values]
    are_floats = all(re.fullmatch(r"[0-9]+([.]0)?", text) for text in texts if text)
    seen: set[str] = set()
    for row, text in enumerate(texts, 1):
        key = text.removesuffix(".0") if are_floats else text
        if key and key not in seen:
            seen.add(key)
            keys.append(key)
            continue
        problem = f"id {shorten(key)} occurs twice" if key else "the id is missing"
        if on_bad_rows == "error":
            raise DataError(f"{where}, row {row}: {problem}", SKIP_HINT)
        bad[Path(where).name] += 1
        keys.append(None)
    return keys


def _id(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None or isinstance(value, list | dict) else str(value)
