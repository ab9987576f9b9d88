"""MovieLens in its four file formats, as GroupLens publishes them.

``ml-100k``: u.data, u.item, u.user, u.genre. ``ml-1m``, ``ml-10m``: ratings.dat, movies.dat,
users.dat with ``::`` between fields (Latin-1 or UTF-8). ``ml-20m`` and later: ratings.csv and
movies.csv. Files of users and movies are optional.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
from recsys_core.data.layout import SKIP_HINT, Layout, OnBadRows
from recsys_core.data.numbering import Ratings
from recsys_core.data.ratings import read_ratings
from recsys_core.errors import DataError

COLUMNS = ("user", "item", "rating", "timestamp")
CSV_HEADER = "userId,movieId,rating,timestamp"

#: the order of the genre flags in u.item, for where u.genre is missing
# fmt: off
GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime",
    "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance",
    "Sci-Fi", "Thriller", "War", "Western",
)
# fmt: on

LineT = TypeVar("LineT")


def read_100k(files: RawFiles, on_bad_rows: OnBadRows) -> RawData:
    """Read the ``u.*`` files of MovieLens 100K."""
    layout = Layout("\t", COLUMNS, 0, 1, 2, 3, whole=True, scale=(1.0, 5.0))
    ratings = _ratings(files, "u.data", layout, on_bad_rows)
    lines = _Lines(files, on_bad_rows)
    names = [line.split("|")[0] for _, line in lines.of("u.genre") if line] or GENRES_100K
    movies = lines.parse("u.item", lambda line: _movie_100k(line, names))
    people = lines.parse("u.user", lambda line: _fields(line, "|", 5))
    users = _people(people, occupations=[person[3] for person in people], age=1, gender=2)
    return RawData(ratings, users, _movies(movies), lines.bad)


def read_dat(files: RawFiles, on_bad_rows: OnBadRows) -> RawData:
    """Read the ``::`` files of MovieLens 1M and 10M."""
    layout = Layout("::", COLUMNS, 0, 1, 2, 3, whole=True)
    ratings = _ratings(files, "ratings.dat", layout, on_bad_rows)
    lines = _Lines(files, on_bad_rows)
    movies = lines.parse("movies.dat", _movie_dat)
    people = lines.parse("users.dat", lambda line: _fields(line, "::", 5))
    occupations = [_occupation(person[3]) for person in people]
    return RawData(
        ratings, _people(people, occupations, age=2, gender=1), _movies(movies), lines.bad
    )


def read_csv(files: RawFiles, on_bad_rows: OnBadRows) -> RawData:
    """Read ratings.csv and movies.csv of MovieLens 20M, 25M, 32M and latest."""
    layout = Layout(",", COLUMNS, 0, 1, 2, 3, header_lines=1, whole=True)
    ratings = _ratings(files, "ratings.csv", layout, on_bad_rows)
    lines = _Lines(files, on_bad_rows)
    movies = lines.parse("movies.csv", _movie_csv, header_lines=1)
    return RawData(ratings, items=_movies(movies), bad_rows=lines.bad)


def _ratings(files: RawFiles, name: str, layout: Layout, on_bad_rows: OnBadRows) -> Ratings:
    return read_ratings(lambda: files.chunks(name), files.label(name), layout, on_bad_rows)


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
        content = self.files.read(name)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("latin-1")  # how GroupLens wrote the older releases
        for number, line in enumerate(text.split("\n"), 1):
            yield number, line.removesuffix("\r")

    def parse(
        self, name: str, parse: Callable[[str], list[LineT]], header_lines: int = 0
    ) -> list[list[LineT]]:
        """Parse each line that is not blank; `parse` raises ValueError for a bad one."""
        parsed: dict[LineT, list[LineT]] = {}
        for number, line in self.of(name):
            if number <= header_lines or not line:
                continue
            try:
                fields = parse(line)
                if fields[0] in parsed:
                    raise ValueError(f"id {fields[0]!s} is there twice")
            except ValueError as error:
                if self.on_bad_rows == "error":
                    where = f"{self.files.label(name)}, line {number}"
                    raise DataError(f"{where}: {error}", SKIP_HINT) from None
                self.bad[name] += 1
                continue
            parsed[fields[0]] = fields
        return list(parsed.values())


def _fields(line: str, separator: str, count: int) -> list[str]:
    fields = line.split(separator)
    if len(fields) != count:
        raise ValueError(f"{len(fields)} fields where {count} are expected")
    return [str(int(fields[0])), *fields[1:]]


def _movie_100k(line: str, genres: Sequence[str]) -> list[str]:
    fields = _fields(line, "|", 5 + len(genres))
    flags = zip(genres, fields[5:], strict=True)
    return [fields[0], fields[1], "|".join(name for name, flag in flags if flag == "1")]


def _movie_dat(line: str) -> list[str]:
    fields = line.split("::")
    if len(fields) < 3:
        raise ValueError(f"{len(fields)} fields where 3 are expected")
    return [str(int(fields[0])), "::".join(fields[1:-1]), fields[-1]]


def _movie_csv(line: str) -> list[str]:
    try:
        return _fields_of(next(csv.reader(io.StringIO(line)), []))
    except csv.Error as error:  # a carriage return, or a field of more than 128 KiB
        raise ValueError(str(error).partition(" - ")[0]) from None


def _fields_of(fields: list[str]) -> list[str]:
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields where 3 are expected")
    return [str(int(fields[0])), *fields[1:]]


def _occupation(code: str) -> str:
    known = code.isdecimal() and int(code) < len(OCCUPATIONS)
    return OCCUPATIONS[int(code)] if known else code


def _movies(movies: list[list[str]]) -> Attributes:
    if not movies:
        return Attributes()
    titles = [movie[1] for movie in movies]
    genres = [movie[2].split("|") for movie in movies]
    return Attributes([movie[0] for movie in movies], movie_columns(titles, genres))


def _people(people: list[list[str]], occupations: list[str], age: int, gender: int) -> Attributes:
    if not people:
        return Attributes()
    columns: dict[str, RawColumn] = person_columns(
        ages=[person[age] for person in people],
        genders=[person[gender] for person in people],
        occupations=occupations,
        zips=[person[4] for person in people],
    )
    return Attributes([person[0] for person in people], columns)
