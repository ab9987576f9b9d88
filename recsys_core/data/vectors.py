"""Vectors of items and users made elsewhere, e.g. of their texts or pictures.

``--vectors text=titles.npz`` gives every item the vector of its id in the archive's arrays ``ids``
and ``vectors``; ``user:taste=users.parquet`` vectors of users, from a table with a column of ids
and one of lists; ``text=matrix.npy,ids=ids.txt`` a matrix whose ids stand one per line in a file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.data.archive import RawFile
from recsys_core.data.attributes import RawData, RawVectors
from recsys_core.data.dataset import FloatArray
from recsys_core.data.dialect import plain_name
from recsys_core.data.import_options import ImportOptions
from recsys_core.data.npy import check_archive, map_array
from recsys_core.data.parquet import read_vector_columns
from recsys_core.data.roles import USUAL_NAMES
from recsys_core.errors import DataError, InputError, no_such_file, shorten, unknown_name
from recsys_core.reading import open_regular
from recsys_core.values import counted

Side = Literal["user", "item"]
Array = NDArray[Any]

EXAMPLE = "e.g. text=titles.npz, user:taste=users.parquet or text=matrix.npy,ids=ids.txt"
TEXT_HINT = "save ids as text: np.savez(FILE, ids=np.array(ids, dtype=str), vectors=matrix)"
#: keys that say more of the file
IDS, VECTOR, ID = "ids", "vector", "id"
#: how a file's name may end
ENDS = (".npz", ".npy", ".parquet")


@dataclass(frozen=True)
class VectorsOption:
    """A file of vectors and what is said of it.

    Parameters
    ----------
    side, name
        Whose vectors they are, and what they are called in the data set.
    path
        The file.
    said
        ``id`` and ``vector``: names of arrays or columns; ``ids``: the file with the ids.
    """

    side: Side
    name: str
    path: Path
    said: Mapping[str, str]

    def absolute(self) -> str:
        """Write the option so that its files are found from anywhere."""
        said = {k: str(Path(v).resolve()) if k == IDS else v for k, v in self.said.items()}
        rest = "".join(f",{key}={value}" for key, value in said.items())
        return f"{self.side}:{self.name}={self.path.resolve()}{rest}"


def read_option(text: str) -> VectorsOption:
    """Read ``[user:]NAME=FILE[,id=NAME][,vector=NAME][,ids=FILE]``.

    Examples
    --------
    >>> option = read_option("user:taste=users.parquet,id=uid")
    >>> option.side, option.name, dict(option.said)
    ('user', 'taste', {'id': 'uid'})
    """
    (name, equals, path), *rest = (part.partition("=") for part in text.split(","))
    side, colon, own = name.strip().rpartition(":")
    said = {key.strip(): value.strip() for key, _, value in rest}
    if not (own and equals and path) or (colon and side not in ("user", "item")):
        raise InputError(f"vectors '{shorten(text)}': not [user:]NAME=FILE", EXAMPLE)
    for key, value in said.items():
        if key not in (ID, VECTOR, IDS) or not value:
            raise InputError(
                f"vectors '{shorten(text)}': '{shorten(key)}={shorten(value)}' is not"
                " id=NAME, vector=NAME or ids=FILE",
                EXAMPLE,
            )
    end = Path(path).suffix.lower()
    if end not in ENDS:
        raise InputError(f"{path}: vectors are read from {', '.join(ENDS)}", EXAMPLE)
    if end == ".npy" and IDS not in said:
        raise InputError(
            f"{path}: an npy file has no ids", f"say where they are: {own}={path},ids=FILE"
        )
    if end != ".npy" and IDS in said:
        raise InputError(f"{path}: ids=FILE goes with a .npy file", "say id=NAME, or nothing")
    whose: Side = "user" if side == "user" else "item"
    return VectorsOption(whose, own, Path(path), said)


def vector_files(options: ImportOptions) -> list[RawFile]:
    """List the files that the options name."""
    found = map(read_option, options.vectors)
    paths = [p for one in found for p in (one.path, one.said.get(IDS)) if p is not None]
    return [_file(Path(path)) for path in paths]


def _file(path: Path) -> RawFile:
    if not path.is_file():
        raise no_such_file(path, "check the path of the vectors")
    return RawFile(path.parent, path.name, zipped=False)


def add_vectors(raw: RawData, options: ImportOptions) -> RawData:
    """Add the vectors that the options name.

    Raises
    ------
    InputError
        There is no such file, array or column, or the set has a column of that name.
    DataError
        The file is damaged, or its ids and vectors cannot be right.
    """
    for option in map(read_option, options.vectors):
        check_free(raw, option.side, option.name)
        raw = replace(raw, vectors=(*raw.vectors, read_vectors(option)))
    return raw


def check_free(raw: RawData, side: Side, name: str) -> None:
    """Raise InputError where users or items have a column of that name."""
    table = raw.users if side == "user" else raw.items
    if name in table.columns or any((one.side, one.name) == (side, name) for one in raw.vectors):
        raise InputError(
            f"vectors {name}: {side}s have '{name}' already", "give the vectors another name"
        )


def read_vectors(option: VectorsOption) -> RawVectors:
    """Read one file; every id has one vector of finite numbers, all of one length."""
    file = _file(option.path)
    read = {".npz": _read_npz, ".npy": _read_npy, ".parquet": _read_parquet}
    ids, values = read[option.path.suffix.lower()](option)
    return check_vectors(option.side, option.name, ids, values, file.where)


def check_vectors(side: Side, name: str, ids: Array, values: Array, where: str) -> RawVectors:
    """Take ids, shape (n,), and their vectors, shape (n, length).

    Raises
    ------
    DataError
        They cannot be right: an id is there twice or missing, a number is not finite.
    """
    return RawVectors(side, name, _texts(ids, where), _checked(ids, values, where), where)


# ------------------------------------------------------------------------------------------ files


def _read_npz(option: VectorsOption) -> tuple[Array, Array]:
    where = str(option.path)
    try:
        with open_regular(option.path) as stream:
            check_archive(stream)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as stored:
                arrays = dict(stored)
    except (ValueError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        remedy = TEXT_HINT if "Python objects" in str(error) else "write or copy it again"
        raise DataError(f"{where}: not an archive of arrays: {shorten(error)}", remedy) from None
    usual = [
        *(f"{name}s" for name in (ID, option.side)),
        ID,
        f"{option.side}_ids",
        f"{option.side}_id",
    ]
    ids = _pick(arrays, option.said.get(ID), usual, 1, where, ID)
    values = _pick(arrays, option.said.get(VECTOR), ["vectors", option.name], 2, where, VECTOR)
    return ids, values


def _pick(
    arrays: Mapping[str, Array],
    said: str | None,
    usual: Sequence[str],
    dimensions: int,
    where: str,
    key: str,
) -> Array:
    """Find an array by name, else the only one of so many dimensions."""
    if said is not None:
        if said not in arrays:
            raise unknown_name(f"array of {where}", said, arrays)
        return arrays[said]
    fitting = [name for name, array in arrays.items() if array.ndim == dimensions]
    found = [name for name in usual if name in arrays] or fitting
    if len(found) == 1 or (found and found[0] in usual):
        return arrays[found[0]]
    what = "the ids" if key == ID else "the vectors"
    raise InputError(
        f"{where}: which array holds {what}? It has {_listed(arrays)}",
        f"say it: recsys-workbench data import PATH --vectors NAME={where},{key}=ARRAY",
    )


def _listed(arrays: Mapping[str, Array]) -> str:
    shapes = [f"{shorten(name, 40)} {array.shape}" for name, array in list(arrays.items())[:6]]
    return ", ".join(shapes) or "none"


def _read_npy(option: VectorsOption) -> tuple[Array, Array]:
    beside = option.said[IDS]
    file = _file(Path(beside))
    values = _mapped(option.path)
    if beside.lower().endswith(".npy"):
        return _mapped(Path(beside)), values
    try:
        lines = file.read_lines().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file.where}: byte {error.start + 1} is not UTF-8 text", "save the file as UTF-8"
        ) from None
    return np.array(lines, dtype=np.str_), values


def _mapped(path: Path) -> Array:
    try:
        return map_array(path)
    except (ValueError, OSError) as error:
        remedy = TEXT_HINT if "Python objects" in str(error) else "write or copy it again"
        why = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: not an array: {shorten(why)}", remedy) from None


def _read_parquet(option: VectorsOption) -> tuple[Array, Array]:
    file = _file(option.path)
    usual = {plain_name(name) for name in (*USUAL_NAMES[option.side], ID)}
    ids, lists = read_vector_columns(file, usual, option.said.get(ID), option.said.get(VECTOR))
    return ids, lists


# ------------------------------------------------------------------------------------------ checks


def _texts(ids: Array, where: str) -> list[str]:
    """Write ids as those of events are."""
    if ids.ndim != 1:
        raise DataError(f"{where}: the ids have the shape {ids.shape}", "one id for each vector")
    if ids.dtype.kind == "S":
        try:
            ids = np.char.decode(ids, "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{where}: ids are not UTF-8 text", TEXT_HINT) from None
    if ids.dtype.kind == "f" and np.all(np.isfinite(ids)) and np.all(ids == np.floor(ids)):
        ids = ids.astype(np.int64)
    if ids.dtype.kind not in "iuU":
        raise DataError(f"{where}: ids are {ids.dtype}, not whole numbers or text", TEXT_HINT)
    texts: list[str] = ids.astype(np.str_).tolist()
    seen: set[str] = set()
    for row, text in enumerate(texts, 1):
        if not text or text in seen:
            problem = f"id {shorten(text, 40)} is there twice" if text else "the id is missing"
            raise DataError(f"{where}, row {row}: {problem}", "leave one vector for each id")
        seen.add(text)
    return texts


def _checked(ids: Array, values: Array, where: str) -> FloatArray:
    """Check the numbers, and store them as float32."""
    if values.ndim != 2 or not values.shape[1] or values.dtype.kind not in "fiu":
        raise DataError(
            f"{where}: the vectors are {values.dtype} of shape {values.shape}",
            "give numbers of shape (ids, length), e.g. float32",
        )
    if len(values) != len(ids):
        raise DataError(
            f"{where}: {counted(len(values), 'vector')}, {counted(len(ids), 'id')}",
            "give one id for each vector",
        )
    if not len(values):
        raise DataError(f"{where}: there are no vectors", "check that this is the right file")
    with np.errstate(over="ignore"):  # what a float32 cannot hold is infinite
        numbers: FloatArray = values.astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(numbers).all(axis=1))
    if len(wrong):
        row = numbers[wrong[0]]
        more = f"; such rows in all: {len(wrong):,}" if len(wrong) > 1 else ""
        raise DataError(
            f"{where}, row {wrong[0] + 1}: id {shorten(ids[wrong[0]], 40)} has"
            f" {row[~np.isfinite(row)][0]} among its numbers{more}",
            "leave ids without a vector out of the file",
        )
    return numbers
