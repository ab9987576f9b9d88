"""Files that are no text tables, told by their first bytes and refused by what they are."""

from __future__ import annotations

from recsys_core.errors import DataError

_UNPACK = "unpack it first"
_AS_TABLE = "write it as CSV or parquet, one event per row"
_AS_UTF8 = "save the file as UTF-8"
#: first bytes -> what the file is, and what to do
_KINDS = {
    b"\x1f\x8b": ("packed with gzip, but its name does not end with .gz", "rename it"),
    b"BZh": ("packed with bzip2", _UNPACK),
    b"\xfd7zXZ\0": ("packed with xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"PK\x03\x04": ("a zip that was cut off", "download or copy it again"),
    b"PAR1": ("parquet, but its name does not end with .parquet", "rename it"),
    b"SQLite format 3\0": ("an SQLite database", _AS_TABLE),
    b"\x89HDF": ("an HDF5 file", _AS_TABLE),
    b"\x93NUMPY": ("a NumPy array", _AS_TABLE),
    b"\x80": ("no text, perhaps a pickle", _AS_TABLE),
    b"\xd0\xcf\x11\xe0": ("a spreadsheet", "save it as CSV in UTF-8"),
    b"\xff\xfe": ("in UTF-16", _AS_UTF8),
    b"\xfe\xff": ("in UTF-16", _AS_UTF8),
    b"{": ("JSON", _AS_TABLE),
    b"[{": ("JSON", _AS_TABLE),
}
_TAR = (257, b"ustar")


def check_text(head: bytes, where: str) -> None:
    """Refuse what is no text table.

    Raises
    ------
    DataError
        It says what the file is.
    """
    if head[_TAR[0] :].startswith(_TAR[1]):
        raise DataError(
            f"{where}: is a tar archive", "unpack it and give the path of what is in it"
        )
    for start, (kind, remedy) in _KINDS.items():
        if head.startswith(start):
            raise DataError(f"{where}: is {kind}", remedy)
    if head.startswith(b"\0") or b"\0" in head.partition(b"\n")[0]:
        raise DataError(
            f"{where}, line 1: null bytes; this is not text", "check that this is the right file"
        )
