"""Arrays of a saved recall model that are not what it wrote: it is refused, or does no harm.

Native code follows indices without looking, so a check that fails here may end the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys_core.errors import InputError
from recsys_core.recall.base import RecallModel
from recsys_core.recall.shared.similar import ItemToItem
from recsys_core.registry import model_info
from recsys_core.saving.npz import map_arrays, write_arrays
from recsys_core.testing.checks import hold, refused
from recsys_core.testing.planted import N_ITEMS, N_USERS, history

ARRAYS, HISTORY = "model.npz", "history.npz"
Array = NDArray[Any]


def far(array: Array) -> Array:
    """Point far beyond."""
    return np.add(array, 10_000_000, dtype=array.dtype)


def negative(array: Array) -> Array:
    """Turn the sign."""
    return -1 - array


def falling(array: Array) -> Array:
    """Turn the order."""
    return array[::-1]


def constant(array: Array) -> Array:
    """Set all to 1."""
    return np.full_like(array, 1)


def nan(array: Array) -> Array:
    """Leave no number."""
    return np.full_like(array, np.nan)


def other_type(array: Array) -> Array:
    """Change the type."""
    return array.astype(np.complex128)


def text(array: Array) -> Array:
    """Write text."""
    return array.astype("U8")


def other_byte_order(array: Array) -> Array:
    """Turn the bytes."""
    return array.astype(array.dtype.newbyteorder())


def shorter(array: Array) -> Array:
    """Leave out the last row."""
    return array[:-1]


def empty(array: Array) -> Array:
    """Leave out all rows."""
    return array[:0]


def deeper(array: Array) -> Array:
    """Add a dimension."""
    return array[None]


def scalar(array: Array) -> Array:
    """Leave one value."""
    return array.reshape(-1)[:1].reshape(())


_ANY = [other_type, text, other_byte_order, shorter, empty, deeper, scalar]
ARRAY_DAMAGES: dict[str, list[Callable[[Array], Array]]] = {
    "i": [far, negative, falling, constant, *_ANY],
    "f": [nan, negative, *_ANY],
    "b": [falling, *_ANY],
    "u": [falling, *_ANY],
}


def damaged_arrays_are_refused_or_do_no_harm(name: str, saved: Path, folder: Path) -> None:
    """Damage each array of the model in `saved` in each way, one at a time, in `folder`."""
    copytree(saved, folder, dirs_exist_ok=True)  # with what may lie beside the arrays
    arrays = _in_one_file(saved, folder)
    for key in _some_of_each_kind(arrays):
        array = arrays[key]
        for damage in ARRAY_DAMAGES[array.dtype.kind]:
            damaged = damage(array)
            if damaged.dtype == array.dtype and np.array_equal(damaged, array):
                continue  # the other byte order of single bytes
            write_arrays(folder / ARRAYS, {**arrays, key: damaged})
            what = f"array '{key}' damaged ({damage.__name__})"
            try:
                _ask(name, folder)
            except InputError as error:
                told = "damaged" in str(error) or "not numbers" in str(error)
                hold(told and len(str(error)) < 400, f"{what}: the error says otherwise: {error}")
                continue
            harmless = (falling, constant, negative, far, shorter, empty)
            hold(damage in harmless, f"{what}: the model is loaded")


def a_missing_array_is_named(name: str, saved: Path, folder: Path) -> None:
    """Leave out each array in turn."""
    copytree(saved, folder, dirs_exist_ok=True)
    arrays = _in_one_file(saved, folder)
    for key in arrays:
        write_arrays(folder / ARRAYS, {k: v for k, v in arrays.items() if k != key})
        where = key.removeprefix("module.")
        with refused(rf"damaged: .*'{where}'", f"a model without the array '{key}'"):
            model_info(name).cls.load(folder)


def _in_one_file(saved: Path, folder: Path) -> dict[str, Array]:
    """Read all arrays of a model; in `folder` they will lie in one file, as they may."""
    (folder / HISTORY).unlink()
    return {**map_arrays(saved / HISTORY), **map_arrays(saved / ARRAYS)}


def _ask(name: str, folder: Path) -> None:
    """Load a model and let it do all it can."""
    model: RecallModel[Any] = model_info(name).cls.load(folder)
    histories = history([1, 2, 30], [], [0, 5])
    for top in (
        model.recommend(np.arange(N_USERS), 5),
        model.recommend(np.array([3, -1, 10**6]), 60, histories=histories, exclude_seen=False),
    ):
        last = top.items.max()
        hold(last <= N_ITEMS, f"a list holds an item that is not there: {last}")
    if isinstance(model, ItemToItem):
        model.similar_items(np.arange(5), 5)


def _some_of_each_kind(arrays: Mapping[str, Array]) -> list[str]:
    """Choose all arrays but those of a network: one check goes over all of them alike."""
    chosen = {
        (key.startswith("module.") or key, array.dtype, array.ndim): key
        for key, array in arrays.items()
        if array.size
    }
    return list(chosen.values())
