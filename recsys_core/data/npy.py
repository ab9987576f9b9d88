"""Arrays in npy files: their headers read with care, their content mapped into memory.

Nothing is unpickled. A file is opened only if it is a regular one and has exactly the bytes that
its header speaks of.
"""

from __future__ import annotations

import mmap
import os
import zipfile
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from recsys_core.npy_header import read_header
from recsys_core.reading import open_regular

#: times its packed size that a member of an archive may have, from a size on
MAX_RATIO, RATIO_FROM = 200, 2**20


def map_array(path: Path) -> NDArray[Any]:
    """Map an npy file: pages are read when they are looked at, and shared by processes.

    What is written to the array stays in this process.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no regular file, no array, or not as large as it says.
    """
    with open_regular(path) as file:
        header = read_header(file)
        start = file.tell()
        if os.fstat(file.fileno()).st_size != start + header.size:
            raise ValueError("it is not as large as it says")
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    order: Literal["C", "F"] = "F" if header.is_fortran else "C"
    return np.ndarray(header.shape, header.dtype, held, start, order=order)


def check_archive(file: IO[bytes]) -> None:
    """Check before anything is read that each array of an npz is as large as it says.

    Raises
    ------
    ValueError
        One is not, or unpacks to far more than it weighs.
    OSError, zipfile.BadZipFile
        It cannot be read.
    """
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            with archive.open(member) as content:
                size = read_header(content).size
                if size != member.file_size - content.tell():
                    raise ValueError(f"{member.filename} is not as large as it says")
            if size > max(RATIO_FROM, member.compress_size * MAX_RATIO):
                raise ValueError(f"{member.filename} unpacks to far more than it weighs")
