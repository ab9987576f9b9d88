"""The raw files of a data set, read in place from a folder or a zip; nothing is ever extracted.

A `RawFile` gives bytes to readers and unpacks gzip on the way. A zip is only looked into after its
table of contents was checked: no member may point outside the archive, be a link, be encrypted, or
unpack to far more than it weighs.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote

from recsys_core.errors import DataError

#: what a file may unpack to, in bytes; the largest MovieLens set has 0.9 GB
MAX_UNPACKED = 16 * 2**30
#: how many times its packed size a file may have; rating files have 3 to 8
MAX_RATIO = 200
#: files below this size are not judged by their ratio
RATIO_FROM = 2**20
#: bytes of a line at most
LONGEST_LINE = 2**24

ENCRYPTED = 0x1
BROKEN = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)

#: bytes read at a time: small enough that unpacking and parsing overlap, and that what a parser
#: takes for a piece is given to it again for the next
CHUNK = 2**21
#: bytes from which a reader tells what a file is
HEAD = 2**16

GZ = ".gz"
#: what engines write for a key of a folder that is missing
NO_KEY = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class RawFile:
    """One file, in a folder or in a zip.

    Parameters
    ----------
    path
        The folder, or the zip.
    member
        Its path relative to the folder or inside the zip.
    zipped
        Whether `path` is a zip.
    """

    path: Path
    member: str
    zipped: bool

    @property
    def where(self) -> str:
        """Its name for a message."""
        return str(self.path / self.member)

    @property
    def keys(self) -> dict[str, str]:
        """What its folders say of all its rows, as in ``country=de/dt=2024-01-01/part.csv``."""
        pairs = (folder.partition("=") for folder in PurePosixPath(self.member).parts[:-1])
        found = {unquote(name): unquote(value) for name, equals, value in pairs if name and equals}
        return {name: "" if value == NO_KEY else value for name, value in found.items()}

    @property
    def is_plain(self) -> bool:
        """Whether it lies there as it is, not packed."""
        return not self.zipped and not self.member.lower().endswith(GZ)

    @property
    def size(self) -> int:
        """Bytes of what it holds; those of a file packed with gzip as they are."""
        with self._errors():
            if not self.zipped:
                return (self.path / self.member).stat().st_size
            with zipfile.ZipFile(self.path) as archive:
                return archive.getinfo(self.member).file_size

    @contextmanager
    def seekable(self) -> Iterator[IO[bytes]]:
        """Open it for a reader that goes to and fro; a packed file is unpacked into memory."""
        if not self.is_plain:
            yield io.BytesIO(self.read())
            return
        with self._errors(), self._open() as file:
            yield file

    def head(self) -> bytes:
        """Read the first lines, whole ones."""
        return next(self._lines(HEAD), b"")

    def ends(self) -> list[bytes]:
        """Read its first lines, and if it is not packed the last ones."""
        if not self.is_plain:
            return [self.head()]
        with self._errors(), (self.path / self.member).open("rb") as file:
            file.seek(max(0, self.size - HEAD))
            return [self.head(), file.read()]

    def chunks(self) -> Iterator[bytes]:
        """Read it piece by piece; every piece but the last ends with a line.

        Raises
        ------
        DataError
            It cannot be read, is damaged, unpacks to far more than it weighs, or has a line of
            more than `LONGEST_LINE` bytes.
        """
        return self._lines(CHUNK)

    def read(self) -> bytes:
        """Read all of it; errors as `chunks`, lines apart."""
        return b"".join(self.pieces())

    def read_lines(self) -> bytes:
        """Read all of a text file; errors as `chunks`."""
        return b"".join(self.chunks())

    def content(self) -> Iterator[bytes]:
        """Read it piece by piece as it lies there, packed or not."""
        with self._errors(), (self.path / self.member).open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece

    def pieces(self) -> Iterator[bytes]:
        """Read it piece by piece, wherever a piece ends."""
        with self._errors(), self._open() as file:
            while piece := file.read(CHUNK):
                yield piece

    def _lines(self, size: int) -> Iterator[bytes]:
        with self._errors(), self._open() as file:
            while piece := file.read(size):
                rest = file.readline(LONGEST_LINE)
                if len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
                    raise DataError(
                        f"{self.where}: a line has more than {LONGEST_LINE // 2**20} MiB",
                        "this is not a table; check that it is the right file and complete",
                    )
                yield piece + rest

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except BROKEN as error:
            place = (self.path, error, "zip") if self.zipped else (self.where, error, "gzip file")
            raise damaged(*place) from None
        except OSError as error:
            raise DataError(f"{self.where}: cannot be read: {error.strerror}") from None

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        if not self.zipped:
            with (self.path / self.member).open("rb") as file:
                yield self._unpacked(file, lambda: os.fstat(file.fileno()).st_size)
            return
        with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as member:
            yield self._unpacked(member, lambda: archive.getinfo(self.member).file_size)

    def _unpacked(self, file: IO[bytes], size: Callable[[], int]) -> IO[bytes]:
        """Unpack what is named as gzip."""
        if not self.member.lower().endswith(GZ):
            return file
        return _Gunzip(file, self.where, size())  # type: ignore[return-value]


class _Gunzip(gzip.GzipFile):
    """Unpacks, and stops when there is far more in it than there should be."""

    def __init__(self, file: IO[bytes], where: str, packed: int) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._where = where
        self._most = min(MAX_UNPACKED, max(RATIO_FROM, MAX_RATIO * packed))
        self._given = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes."""
        return self._counted(super().read(size))

    def readline(self, size: int | None = -1) -> bytes:
        """Read to the end of the line."""
        return self._counted(super().readline(size))

    def _counted(self, content: bytes) -> bytes:
        self._given += len(content)
        if self._given > self._most:
            raise _refused(self._where, "it unpacks to far more than its size")
        return content


@dataclass(frozen=True)
class RawFiles:
    """Files that lie together, by their base names (that of a gzipped one without ``.gz``).

    Parameters
    ----------
    path
        The folder, or the zip.
    members
        Base name -> path relative to the folder or inside the zip.
    zipped
        Whether `path` is a zip.
    main
        Base name of the file that holds the ratings.
    parts
        Where several hold them: name of a part of the split -> base name of its file.
    rows
        Where several files are one table: all of them, by their paths.
    """

    path: Path
    members: Mapping[str, str]
    zipped: bool
    main: str
    parts: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[str, ...] = ()

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def __getitem__(self, name: str) -> RawFile:
        return RawFile(self.path, self.members[name], self.zipped)

    def digest(self, names: Iterable[str]) -> str:
        """Hash the content: the zip's bytes, or name and bytes of those of `names` that exist."""
        digest = hashlib.blake2b(digest_size=16)
        if self.zipped:
            for piece in RawFile(self.path.parent, self.path.name, zipped=False).content():
                digest.update(piece)
            return digest.hexdigest()
        for name in names:
            if name in self:
                digest.update(f"{name}\0".encode("utf-8", "surrogateescape"))
                for piece in self[name].pieces():
                    digest.update(piece)
        return digest.hexdigest()


def zip_members(path: Path) -> list[str]:
    """Check a zip's table of contents and list its files.

    Raises
    ------
    DataError
        It is damaged or refused.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = [member for member in file.infolist() if not member.is_dir()]
    except (*BROKEN, OSError, ValueError) as error:
        raise damaged(path, error, "zip") from None
    for member in members:
        _check_member(path, member)
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        raise _refused(path, f"it unpacks to {unpacked / 2**30:.0f} GiB")
    return [member.filename for member in members]


def _check_member(path: Path, member: zipfile.ZipInfo) -> None:
    name = member.orig_filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or parts[0].endswith(":") or "\0" in name:
        raise _refused(path, f"member {name!r} points outside the archive")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _refused(path, f"member {name!r} is a link")
    if member.flag_bits & ENCRYPTED:
        raise _refused(path, f"member {name!r} is encrypted")
    if member.file_size > RATIO_FROM and member.file_size > MAX_RATIO * member.compress_size:
        ratio = member.file_size / max(member.compress_size, 1)
        raise _refused(path, f"member {name!r} unpacks to {ratio:,.0f} times its size")


def damaged(path: object, error: object, kind: str) -> DataError:
    """Say that a packed file cannot be unpacked."""
    return DataError(f"{path}: the {kind} is damaged: {error}", "download or copy it again")


def _refused(path: object, reason: str) -> DataError:
    return DataError(
        f"{path}: refused: {reason}", "a genuine rating archive is never like that; do not use it"
    )
