"""Fitted recall models on disk: a JSON header and one npz of arrays; nothing is pickled."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from recsys_core.errors import TRAIN_AGAIN, InputError
from recsys_core.recall.npz import map_arrays, write_arrays

if TYPE_CHECKING:
    from recsys_core.recall.base import RecallModel

#: raised when the format of saved models changes
FORMAT = 1
HEADER, ARRAYS = "model.json", "model.npz"
KEYS = {"format", "class", "config", "threshold", "fingerprint"}


def write_model(folder: Path, model: RecallModel[Any]) -> None:
    """Write a fitted model; the header comes last, so a folder with one is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    history = {f"history.{name}": array for name, array in vars(model.histories).items()}
    arrays = {
        **model.state(),
        **history,
        "catalogue": model.catalogue,
        "popularity": model.popularity,
        "tie_rank": model.tie_rank,
    }
    partial = folder / f"{ARRAYS}.partial"
    write_arrays(partial, arrays)
    partial.replace(folder / ARRAYS)
    header = {
        "format": FORMAT,
        "class": type(model).__name__,
        "config": model.config.model_dump(mode="json"),
        "threshold": model.threshold,
        "fingerprint": model.fingerprint,
    }
    partial = folder / f"{HEADER}.partial"
    partial.write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / HEADER)


def read_model(folder: Path, class_name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_model` wrote for the class called `class_name`."""
    path = folder / HEADER
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        arrays = map_arrays(folder / ARRAYS)
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no saved model here ({Path(error.filename).name} is missing)", TRAIN_AGAIN
        ) from None
    except (ValueError, OSError, TypeError, zipfile.BadZipFile) as error:
        raise damaged(folder, str(error)) from error
    if not isinstance(header, dict) or not header.keys() >= KEYS:
        raise damaged(folder, f"{HEADER} lacks some of {', '.join(sorted(KEYS))}")
    if header["format"] != FORMAT:
        raise InputError(
            f"{path}: saved in format {header['format']}, this version reads {FORMAT}", TRAIN_AGAIN
        )
    if header["class"] != class_name:
        raise InputError(
            f"{path}: this is a {header['class']}, not a {class_name}", "load it by its own class"
        )
    return header, arrays


def damaged(folder: Path, why: str) -> InputError:
    """Build the error for a saved model that cannot be read."""
    return InputError(f"{folder}: the saved model is damaged: {why}", TRAIN_AGAIN)
