"""Archives of arrays that are mapped into memory: reading one costs a look through its bytes.

They are npz files like NumPy's, uncompressed, with every array at a multiple of `ALIGN` bytes.
"""

from __future__ import annotations

import io
import mmap
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.npy_header import read_header
from recsys_core.reading import open_regular

#: bytes; as the arrays themselves are aligned in an npy file
ALIGN = 64
#: bytes of a member's header before its name and extra field, and of the field of 64-bit sizes
LOCAL_HEADER, SIZES = 30, 20
#: what zipfile and NumPy raise for files that nobody wrote in earnest
_DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,
    OverflowError,
    RecursionError,
    SyntaxError,
    TypeError,
    tokenize.TokenError,
)
#: an extra field that only takes room, as zip tools write it
PADDING = 0xD935
#: the npy header of an array is shorter than this
NPY_HEADER = 1024


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name; the same arrays give the same file."""
    with path.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.external_attr = 0o600 << 16  # as unzip would set it
            start = file.tell() + LOCAL_HEADER + len(member.filename) + SIZES + 4
            room = -start % ALIGN
            member.extra = b"".join(
                [PADDING.to_bytes(2, "little"), room.to_bytes(2, "little"), bytes(room)]
            )
            with archive.open(member, "w", force_zip64=True) as content:
                np.lib.format.write_array(content, array, allow_pickle=False)


def map_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Map the arrays of an npz file; changes to them stay in memory.

    An array that is not aligned, of a file that NumPy wrote, is copied.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is damaged, or holds other things than uncompressed plain arrays.
    """
    with open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
            held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            return {
                member.filename.removesuffix(".npy"): _array(held, member) for member in members
            }
        except _DAMAGE as error:
            raise ValueError(str(error)) from error


def checksums(path: Path) -> str:
    """Give the checksums of the arrays in an npz file, as it says them.

    Raises
    ------
    OSError, ValueError
        As `map_arrays`.
    """
    with open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return " ".join(f"{member.CRC:08x}" for member in archive.infolist())
        except _DAMAGE as error:
            raise ValueError(str(error)) from error


def _array(held: mmap.mmap, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Find the array of one member, and check that its bytes are what was written."""
    sizes = member.header_offset + LOCAL_HEADER - 4
    skipped = sum(int.from_bytes(held[at : at + 2], "little") for at in (sizes, sizes + 2))
    start = member.header_offset + LOCAL_HEADER + skipped
    with memoryview(held)[start : start + member.file_size] as content:
        if member.compress_type != zipfile.ZIP_STORED or zlib.crc32(content) != member.CRC:
            raise ValueError(f"{member.filename} is not what was written")
        head = io.BytesIO(content[:NPY_HEADER])
    try:
        header = read_header(head)
    except ValueError as error:
        raise ValueError(f"{member.filename}: {error}") from None
    order: Literal["C", "F"] = "F" if header.is_fortran else "C"
    content_at = start + head.tell()
    array: NDArray[Any] = np.ndarray(header.shape, header.dtype, held, content_at, order=order)
    return array if array.flags.aligned else array.copy(order)
