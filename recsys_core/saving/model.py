"""Fitted recall models on disk: a JSON header and npz files of arrays; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.reading import DamagedError, read_json, shorten
from recsys_core.run_folder import HISTORY
from recsys_core.saving.npz import checksums, map_arrays, write_arrays
from recsys_core.saving.replace import replacing

#: raised when the format of saved models changes
FORMAT = 1
HEADER, ARRAYS = "model.json", "model.npz"
#: how names of the arrays in `HISTORY` begin; models of earlier versions have these in `ARRAYS`
KNOWN = "history."
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
    known = {name: array for name, array in arrays.items() if name.startswith(KNOWN)}
    with replacing(folder / HISTORY) as partial:
        write_arrays(partial, known)
    with replacing(folder / ARRAYS) as partial:
        write_arrays(partial, {n: array for n, array in arrays.items() if n not in known})
    with replacing(folder / HEADER) as partial:
        told = {"format": FORMAT, **header, "history": checksums(folder / HISTORY)}
        text = json.dumps(told, indent=2)
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
    return header, {**_read_history(folder, header), **_mapped(folder, ARRAYS)}


def _read_history(folder: Path, header: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Map what is known of users; nothing, where that lies among the other arrays."""
    path = folder / HISTORY
    if not path.exists():
        return {}
    arrays = _mapped(folder, HISTORY)
    if checksums(path) != header.get("history"):
        raise damaged(folder, f"{HISTORY} is that of another model")
    return arrays


def _mapped(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    try:
        return map_arrays(folder / name)
    except (ValueError, OSError) as error:
        raise damaged(folder, f"{name}: {error}") from error


def damaged(folder: Path, why: object) -> DamagedError:
    """Build the error for a saved model that cannot be read."""
    return DamagedError(f"{folder}: the saved model is damaged: {shorten(why)}", TRAIN_AGAIN)
