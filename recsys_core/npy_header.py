"""The header of an array in NumPy's npy format: its shape, order and type.

NumPy reads headers with Python's own parser (`ast`), which before Python 3.11.8 ends with a
SystemError when another thread parses, too. So the headers of plain arrays, as NumPy itself writes
them, are read here without it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from tokenize import TokenError
from typing import IO, Any

import numpy as np

#: by version of the format: bytes that hold the length of the header
_LENGTH_BYTES = {(1, 0): 2, (2, 0): 4}
_NUMPY_READS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
#: bytes of a plain header at most
_LONGEST = 10_000
#: what NumPy writes for an array of one simple type
_PLAIN = re.compile(
    rb"\{'descr': '([^'\\]+)', 'fortran_order': (True|False), 'shape': "
    rb"\((|\d{1,18},|\d{1,18}(?:, \d{1,18})+)\), \} *\n"
)


@dataclass(frozen=True)
class Header:
    """What an array says of itself."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Bytes of its content."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes]) -> Header:
    """Read an array's header; what follows is its content.

    Raises
    ------
    ValueError
        There is none, or the array holds Python objects, whose bytes would be taken for addresses.
    """
    try:
        version = np.lib.format.read_magic(file)
        start = file.tell()
        header = _plain(file, _LENGTH_BYTES[version])
        if header is None:
            file.seek(start)
            header = Header(*_NUMPY_READS[version](file))
    except (KeyError, SyntaxError, TokenError, RecursionError, MemoryError, TypeError) as error:
        raise ValueError(f"no header of an array: {type(error).__name__}") from None
    if header.dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    return header


def _plain(file: IO[bytes], length_bytes: int) -> Header | None:
    """Read the header of a plain array; None for every other."""
    length = int.from_bytes(file.read(length_bytes), "little")
    found = _PLAIN.fullmatch(file.read(length)) if length <= _LONGEST else None
    if found is None:
        return None
    descr, is_fortran, shape = found.groups()
    numbers = tuple(int(number) for number in shape.split(b",") if number)
    return Header(numbers, is_fortran == b"True", np.dtype(descr.decode("latin1")))
