"""What an exported model is made of, before it is written: a description, arrays, graphs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from recsys_core.saving.npz import write_arrays

#: onnx: networks as graphs, and what surrounds them; faiss: item vectors in an index; npz: arrays
ExportFormat = Literal["onnx", "faiss", "npz"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
#: raised when what the files mean changes
VERSION = 1
MODEL, ARRAYS, FEATURES = "model.json", "arrays.npz", "features.json"

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Part:
    """One model of an export.

    Parameters
    ----------
    about
        Content of model.json: what computes scores, by which formula, with which fields.
    arrays
        Content of arrays.npz.
    features
        Content of features.json: how inputs are encoded; None: the model has no such inputs.
    files
        Further files by name, each with what writes it.
    """

    about: Mapping[str, Any]
    arrays: Arrays
    features: Mapping[str, Any] | None = None
    files: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write all files into a folder, which may be there."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / MODEL, {"format": VERSION, **self.about})
        if self.arrays:
            write_arrays(folder / ARRAYS, self.arrays)
        if self.features is not None:
            write_json(folder / FEATURES, {"format": VERSION, **self.features})
        for name, write in self.files.items():
            write(folder / name)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that any reader takes: UTF-8, no NaN."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")
