"""MovieLens in its four file formats, as GroupLens publishes them.

``ml-100k``: u.data, u.item, u.user, u.genre. ``ml-1m``, ``ml-10m``: ratings.dat, movies.dat,
users.dat with ``::`` between fields (Latin-1 or UTF-8). ``ml-20m`` and later: ratings.csv and
movies.csv. Files of users and movies are optional.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from recsys_core.data.archive import RawFiles
from recsys_core.data.attributes import (
    OCCUPATIONS,
    Attributes,
    RawColumn,
    RawData,
    movie_columns,
    person_columns,
)
from recsys_core.data.file_layout import RANGE_HINT, SKIP_HINT, Layout
from recsys_core.data.import_options import ImportOptions, OnBadRows
from recsys_core.data.import_summary import Summary
from recsys_core.data.linewise import Fields, csv_problem, split_lines
from recsys_core.data.numbering import Ratings
from recsys_core.data.pieces import Store
from recsys_core.data.ratings import read_ratings
from recsys_core.data.times import Clock
from recsys_core.errors import DataError
from recsys_core.values import counted

COLUMNS = ("user", "item", "rating", "timestamp")
CSV_HEADER = b"userId,movieId,rating,timestamp"
ID_HINT = (
    "; of a set that is not MovieLens', --columns user=1,item=2,rating=3,timestamp=4 reads any ids"
)

#: the order of the genre flags in u.item, for where u.genre is missing
# fmt: off
GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime",
    "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance",
    "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on

LineT = TypeVar("LineT")


def read_100k(files: RawFiles, options: ImportOptions, store: Store) -> RawData:
    """Read the ``u.*`` files of MovieLens 100K."""
    layout = Layout("\t", COLUMNS, 0, 1, 2, 3, whole=True, scale=(1.0, 5.0))
    events = _events(files, layout, options, store)
    lines = _Lines(files, options.on_bad_rows)
    names = [line.split("|")[0] for _, line in lines.of("u.genre") if line] or GENRES_100K
    movies = lines.parse("u.item", lambda line: _movie_100k(line, names))
    people = lines.parse("u.user", lambda line: _fields(line, "|", 5))
    users = _people(people, occupations=[person[3] for person in people.rows], age=1, gender=2)
    return RawData(events, users, _movies(movies), lines.bad, _summary("100K"))


def read_dat(files: RawFiles, options: ImportOptions, store: Store) -> RawData:
    """Read the ``::`` files of MovieLens 1M and 10M."""
    events = _events(files, Layout("::", COLUMNS, 0, 1, 2, 3, whole=True), options, store)
    lines = _Lines(files, options.on_bad_rows)
    movies = lines.parse("movies.dat", _movie_dat)
    people = lines.parse("users.dat", lambda line: _fields(line, "::", 5))
    occupations = [_occupation(person[3]) for person in people.rows]
    users = _people(people, occupations, age=2, gender=1)
    return RawData(events, users, _movies(movies), lines.bad, _summary("1M or 10M"))


def read_csv(files: RawFiles, options: ImportOptions, store: Store) -> RawData:
    """Read ratings.csv and movies.csv of MovieLens 20M, 25M, 32M and latest."""
    layout = Layout(",", COLUMNS, 0, 1, 2, 3, header_lines=1, whole=True)
    events = _events(files, layout, options, store)
    lines = _Lines(files, options.on_bad_rows)
    movies = lines.parse_csv("movies.csv")
    return RawData(events, Attributes(), _movies(movies), lines.bad, _summary("20M or later"))


def _events(files: RawFiles, layout: Layout, options: ImportOptions, store: Store) -> Ratings:
    """Read the main file: as MovieLens has it, but for what the options say otherwise."""
    file = files[files.main]
    layout = replace(
        layout,
        scale=options.rating_range or layout.scale,
        scale_hint=RANGE_HINT,
        id_hint=ID_HINT,
        clock=Clock(options.time_unit or "s", said=options.time_unit is not None),
    )
    return read_ratings(file.chunks, file.where, layout, options.on_bad_rows, options.rule, store)


def _summary(release: str) -> Summary:
    return Summary(f"MovieLens {release}", {role: role for role in COLUMNS})


@dataclass(frozen=True)
class _Found:
    """The rows of an optional file, and its name for messages."""

    rows: list[list[str]]
    where: str


class _Lines:
    """Reads the optional files of one set, and counts or reports the lines that are wrong."""

    def __init__(self, files: RawFiles, on_bad_rows: OnBadRows) -> None:
        self.files = files
        self.on_bad_rows = on_bad_rows
        self.bad: Counter[str] = Counter()

    def of(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield number and text of each line; nothing when there is no such file."""
        if name not in self.files:
            return
        content = self.files[name].read_lines()
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("latin-1")  # how GroupLens wrote the older releases
        for number, line in enumerate(text.split("\n"), 1):
            yield number, line.removesuffix("\r")

    def parse(self, name: str, parse: Callable[[str], list[str]]) -> _Found:
        """Parse each line that is not blank; `parse` raises ValueError for a bad one."""
        return self._keep(name, ((number, parse, line) for number, line in self.of(name) if line))

    def parse_csv(self, name: str) -> _Found:
        """Parse the rows after a header; a field in quotes may have line breaks."""
        lines = (f"{line}\n" for _, line in self.of(name))
        rows = split_lines(lines, ",", quoted=True)
        return self._keep(name, ((number, _movie_csv, row) for number, row in rows if number > 1))

    def _keep(
        self, name: str, lines: Iterable[tuple[int, Callable[[LineT], list[str]], LineT]]
    ) -> _Found:
        where = self.files[name].where if name in self.files else ""
        parsed: dict[str, list[str]] = {}
        for number, parse, line in lines:
            try:
                fields = parse(line)
                if fields[0] in parsed:
                    raise ValueError(f"id {fields[0]!s} occurs twice")
            except ValueError as error:
                if self.on_bad_rows == "error":
                    raise DataError(f"{where}, line {number}: {error}", SKIP_HINT) from None
                self.bad[name] += 1
                continue
            parsed[fields[0]] = fields
        return _Found(list(parsed.values()), where)


def _fields(line: str, separator: str, count: int) -> list[str]:
    fields = line.split(separator)
    if len(fields) != count:
        raise ValueError(f"{counted(len(fields), 'field')} where {count} are expected")
    return [str(int(fields[0])), *fields[1:]]


def _movie_100k(line: str, genres: Sequence[str]) -> list[str]:
    fields = _fields(line, "|", 5 + len(genres))
    flags = zip(genres, fields[5:], strict=True)
    return [fields[0], fields[1], "|".join(name for name, flag in flags if flag == "1")]


def _movie_dat(line: str) -> list[str]:
    fields = line.split("::")
    if len(fields) < 3:
        raise ValueError(f"{counted(len(fields), 'field')} where 3 are expected")
    return [str(int(fields[0])), "::".join(fields[1:-1]), fields[-1]]


def _movie_csv(fields: Fields) -> list[str]:
    if isinstance(fields, csv.Error):  # a carriage return, or a field of more than 128 KiB
        raise ValueError(csv_problem(fields))
    if len(fields) != 3:
        raise ValueError(f"{counted(len(fields), 'field')} where 3 are expected")
    title = fields[1]
    # a break would break every list that shows it
    return [str(int(fields[0])), " ".join(title.split()) if "\n" in title else title, fields[2]]


@lru_cache
def _occupation(code: str) -> str:
    known = code.isdecimal() and int(code) < len(OCCUPATIONS)
    return OCCUPATIONS[int(code)] if known else code


def _movies(movies: _Found) -> Attributes:
    if not movies.rows:
        return Attributes()
    titles = [movie[1] for movie in movies.rows]
    genres = [movie[2].split("|") for movie in movies.rows]
    ids = [movie[0] for movie in movies.rows]
    return Attributes(ids, movie_columns(titles, genres), movies.where)


def _people(people: _Found, occupations: list[str], age: int, gender: int) -> Attributes:
    if not people.rows:
        return Attributes()
    columns: dict[str, RawColumn] = person_columns(
        ages=[person[age] for person in people.rows],
        genders=[person[gender] for person in people.rows],
        occupations=occupations,
        zips=[person[4] for person in people.rows],
    )
    return Attributes([person[0] for person in people.rows], columns, people.where)
