"""The scripts of examples/ as modules, and exports of models that were fitted for a moment."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from recsys_core.data.dataset import Dataset
from recsys_core.data.interactions import Histories
from recsys_core.export.folder import write_export
from recsys_core.export.part import Part
from recsys_core.export.run import known_data

EXAMPLES = Path(__file__).parents[2] / "examples"


def script(name: str) -> Any:
    """Import one of the scripts, which import each other by name."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return import_module(name)


def served(folder: Path, parts: dict[str, Part], dataset: Dataset, known: Histories) -> Any:
    """Write parts as an export and read it back, as the script does."""
    write_export(folder, parts, known_data(dataset, known), {})
    return script("serve_exported").Exported(folder)


def ids(numbers: np.ndarray[Any, Any], dataset: Dataset) -> list[str]:
    """Write items of a list, without padding, by their original ids."""
    return [str(dataset.item_ids[number]) for number in numbers.tolist() if number >= 0]
