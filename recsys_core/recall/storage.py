"""Fitted recall models on disk: a JSON header and one npz of arrays; nothing is pickled."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.errors import InputError

if TYPE_CHECKING:
    from recsys_core.recall.base import RecallModel

#: raised when the format of saved models changes
FORMAT = 1
HEADER, ARRAYS = "model.json", "model.npz"


def write_model(folder: Path, model: RecallModel[Any]) -> None:
    """Write a fitted model; the header comes last, so a folder with one is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    history = {f"history.{name}": array for name, array in vars(model.histories).items()}
    arrays = {
        **model.state(),
        **history,
        "catalogue": model.catalogue,
        "tie_rank": model.tie_rank,
    }
    partial = folder / f"{ARRAYS}.partial"
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
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
        with np.load(folder / ARRAYS, allow_pickle=False) as file:
            arrays = dict(file)
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no saved model here ({Path(error.filename).name} is missing)",
            "train it again with --fresh",
        ) from None
    except (ValueError, OSError, zipfile.BadZipFile, KeyError) as error:
        raise InputError(
            f"{folder}: the saved model is damaged: {error}", "train it again with --fresh"
        ) from error
    if header.get("format") != FORMAT:
        raise InputError(
            f"{path}: saved in format {header.get('format')}, this version reads {FORMAT}",
            "train it again with --fresh",
        )
    if header.get("class") != class_name:
        raise InputError(f"{path}: this is a {header.get('class')}, not a {class_name}")
    return header, arrays
