"""Ways in which the files of a saved recall model may be damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

_ARRAYS, _HEADER = "model.npz", "model.json"


def truncate(folder: Path) -> None:
    """Cut the arrays in half."""
    content = (folder / _ARRAYS).read_bytes()
    (folder / _ARRAYS).write_bytes(content[: len(content) // 2])


def empty(folder: Path) -> None:
    """Leave no byte of the arrays."""
    (folder / _ARRAYS).write_bytes(b"")


def flip(folder: Path) -> None:
    """Turn the bits of one byte."""
    with np.load(folder / _ARRAYS) as file:
        inside = file["popularity"].tobytes()
    content = bytearray((folder / _ARRAYS).read_bytes())
    content[content.index(inside) + 1] ^= 0xFF
    (folder / _ARRAYS).write_bytes(content)


def swap_for_one_array(folder: Path) -> None:
    """Put one array where several are expected."""
    with (folder / _ARRAYS).open("wb") as file:
        np.save(file, np.arange(3))


def drop_array(folder: Path) -> None:
    """Leave an array out."""
    with np.load(folder / _ARRAYS) as file:
        arrays = {key: file[key] for key in file if key != "catalogue"}
    np.savez(folder / _ARRAYS, allow_pickle=False, **arrays)


def garble_header(folder: Path) -> None:
    """Write no JSON."""
    (folder / _HEADER).write_text("{not json")


def empty_header(folder: Path) -> None:
    """Write JSON of another kind."""
    (folder / _HEADER).write_text("[]")


DAMAGES: tuple[Callable[[Path], None], ...] = (
    truncate,
    empty,
    flip,
    swap_for_one_array,
    drop_array,
    garble_header,
    empty_header,
)
