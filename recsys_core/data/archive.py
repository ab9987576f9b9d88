"""The raw files of a data set, read in place from a folder or a zip; nothing is ever extracted.

A zip is only looked into after its table of contents was checked: no member may point outside the
archive, be a link, be encrypted, or unpack to far more than it weighs.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from recsys_core.errors import DataError, InputError

#: what a zip may unpack to, in bytes; the largest MovieLens set has 0.9 GB
MAX_UNPACKED = 16 * 2**30
#: how many times its packed size a member may have; rating files have 3 to 8
MAX_RATIO = 200
#: members below this size are not judged by their ratio
RATIO_FROM = 2**20

ENCRYPTED = 0x1
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)

#: bytes read at a time: small enough that unpacking and parsing overlap
CHUNK = 2**22


@dataclass(frozen=True)
class RawFiles:
    """Files that lie together, by their base names.

    Parameters
    ----------
    path
        The folder, or the zip.
    members
        Base name -> path relative to the folder or inside the zip.
    zipped
        Whether `path` is a zip.
    """

    path: Path
    members: Mapping[str, str]
    zipped: bool

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def label(self, name: str) -> str:
        """Name a file for a message."""
        return str(self.path / self.members[name])

    def read(self, name: str) -> bytes:
        """Read a whole file.

        Raises
        ------
        DataError
            The file cannot be read, or the zip is damaged.
        """
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece; every piece but the last ends with a line.

        Raises
        ------
        DataError
            As `read` does.
        """
        try:
            with self._open(name) as file:
                while piece := file.read(CHUNK):
                    yield piece + file.readline()
        except BROKEN_ZIP as error:
            raise _damaged(self.path, error) from None
        except OSError as error:
            raise DataError(f"{self.label(name)}: cannot be read: {error.strerror}") from None

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        if not self.zipped:
            with (self.path / self.members[name]).open("rb") as file:
                yield file
            return
        with zipfile.ZipFile(self.path) as archive, archive.open(self.members[name]) as member:
            yield member

    def digest(self, names: Iterable[str]) -> str:
        """Hash the content: the zip's bytes, or name and bytes of those of `names` that exist."""
        digest = hashlib.blake2b(digest_size=16)
        if self.zipped:
            digest.update(read_file(self.path))
            return digest.hexdigest()
        for name in names:
            if name in self:
                digest.update(f"{name}\0".encode("utf-8", "surrogateescape"))
                for chunk in self.chunks(name):
                    digest.update(chunk)
        return digest.hexdigest()


def read_file(path: Path) -> bytes:
    """Read a file, or raise a `DataError` that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def open_raw(path: Path, wanted: Callable[[str], bool]) -> RawFiles:
    """Find the raw files below `path`, a folder, a zip, or one of the files.

    In a folder they may lie in it, in its only sub-folder that has some, or in its only zip.

    Parameters
    ----------
    wanted
        Tells by its base name whether a file holds ratings; the folder of such a file is taken.

    Raises
    ------
    InputError
        There is nothing at `path`, or no rating file, or more than one folder with some.
    DataError
        A zip is damaged or refused.
    """
    if path.is_file():
        return open_zip(path, wanted) if zipfile.is_zipfile(path) else _open_file(path, wanted)
    if not path.is_dir():
        raise InputError(f"no such file or folder: {path}", "check the path")
    return _open_folder(path, wanted)


def _open_file(path: Path, wanted: Callable[[str], bool]) -> RawFiles:
    if path.suffix.lower() in (".zip", ".whl"):
        raise _damaged(path, "it is not a zip file")
    if wanted(path.name):
        return _pick(path.parent, _relative_files(path.parent), wanted, zipped=False)
    return RawFiles(path.parent, {path.name: path.name}, zipped=False)


def _open_folder(path: Path, wanted: Callable[[str], bool]) -> RawFiles:
    try:
        files = _relative_files(path)
        if not any(wanted(PurePosixPath(file).name) for file in files):
            zips = [file for file in files if file.lower().endswith(".zip")]
            if len(zips) == 1:
                return open_zip(path / zips[0], wanted)
            folders = sorted(entry for entry in path.iterdir() if entry.is_dir())
            files = [
                f"{folder.name}/{file}" for folder in folders for file in _relative_files(folder)
            ]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return _pick(path, files, wanted, zipped=False)


def _relative_files(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_file())


def open_zip(path: Path, wanted: Callable[[str], bool]) -> RawFiles:
    """Check a zip's table of contents and find the rating files in it."""
    try:
        with zipfile.ZipFile(path) as file:
            members = [member for member in file.infolist() if not member.is_dir()]
    except (*BROKEN_ZIP, OSError, ValueError) as error:
        raise _damaged(path, error) from None
    for member in members:
        _check_member(path, member)
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED:
        raise _refused(path, f"it unpacks to {unpacked / 2**30:.0f} GiB")
    return _pick(path, (member.filename for member in members), wanted, zipped=True)


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


def _pick(
    path: Path, files: Iterable[str], wanted: Callable[[str], bool], *, zipped: bool
) -> RawFiles:
    """Take the files of the one folder that has a rating file."""
    folders: dict[str, dict[str, str]] = {}
    for file in files:
        pure = PurePosixPath(file)
        folders.setdefault(str(pure.parent), {})[pure.name] = file
    found = [folder for folder, names in folders.items() if any(map(wanted, names))]
    if len(found) == 1:
        return RawFiles(path, folders[found[0]], zipped)
    if found:
        raise InputError(
            f"{path}: {len(found)} folders hold rating files: {', '.join(found[:3])}",
            "give the path of one of them",
        )
    raise InputError(
        f"{path}: no rating file here",
        "expected ratings.dat, u.data, ratings.csv or NAME.inter;"
        " for another table give the path of the file itself",
    )


def _damaged(path: Path, error: object) -> DataError:
    return DataError(f"{path}: the zip is damaged: {error}", "download or copy it again")


def _refused(path: Path, reason: str) -> DataError:
    return DataError(f"{path}: refused: {reason}", "no rating archive is like that; do not use it")
