"""Fitted recall models on disk: a JSON header and one npz of arrays; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.reading import DamagedError, read_json, shorten
from recsys_core.saving.npz import map_arrays, write_arrays
from recsys_core.saving.replace import replacing

#: raised when the format of saved models changes
FORMAT = 1
HEADER, ARRAYS = "model.json", "model.npz"
TYPES: dict[str, type | tuple[type, ...]] = {
    "format": int,
    "class": str,
    "config": dict,
    "threshold": (int, float, type(None)),
    "fingerprint": str,
}


def write_model(folder: Path, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write a fitted model; the header comes last, so a folder with one is complete.

    Parameters
    ----------
    header
        What `TYPES` names, without the format.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / ARRAYS) as partial:
        write_arrays(partial, arrays)
    with replacing(folder / HEADER) as partial:
        text = json.dumps({"format": FORMAT, **header}, indent=2)
        partial.write_text(text + "\n", encoding="utf-8")


def read_model(folder: Path, class_name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_model` wrote for the class called `class_name`."""
    path = folder / HEADER
    for file in (path, folder / ARRAYS):
        if not file.exists():
            raise InputError(f"{folder}: no saved model here ({file.name} is missing)", TRAIN_AGAIN)
    header = read_json(path, remedy=TRAIN_AGAIN)
    for key, kind in TYPES.items():
        if key not in header or not isinstance(header[key], kind):
            raise damaged(folder, f"{HEADER} has no proper '{key}'")
    if header["format"] != FORMAT:
        raise InputError(
            f"{path}: saved in format {header['format']}, this version reads {FORMAT}", TRAIN_AGAIN
        )
    if header["class"] != class_name:
        raise InputError(
            f"{path}: this is a {shorten(header['class'])}, not a {class_name}",
            "load it by its own class",
        )
    try:
        return header, map_arrays(folder / ARRAYS)
    except (ValueError, OSError) as error:
        raise damaged(folder, f"{ARRAYS}: {error}") from error


def damaged(folder: Path, why: object) -> DamagedError:
    """Build the error for a saved model that cannot be read."""
    return DamagedError(f"{folder}: the saved model is damaged: {shorten(why)}", TRAIN_AGAIN)
