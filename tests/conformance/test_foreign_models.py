"""A saved recall model may be foreign: whatever its arrays are, it is refused or it works.

Native code follows indices without looking, so a test that fails here may end the process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.compute.threads import limited_threads
from recsys_core.errors import InputError
from recsys_core.recall.base import RecallModel
from recsys_core.recall.shared.similar import ItemToItem
from recsys_core.registry import model_info, model_names
from recsys_core.saving.npz import map_arrays, write_arrays
from tests.recall.build import N_ITEMS, N_USERS, fit, history, planted

RECALL = [name for name in model_names() if model_info(name).stage == "recall"]
ARRAYS, HEADER = "model.npz", "model.json"
Array = NDArray[Any]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with limited_threads(1):
        yield


@pytest.fixture(scope="module")
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that was fitted for a moment."""
    name: str = request.param
    fields = model_info(name).cls.Config.model_fields
    short: dict[str, Any] = {
        "epochs": 1,
        "walks_per_node": 1,
        "dim": 4,
        "hidden": (4,),
        "blocks": 1,
        "max_len": 3,
    }
    folder = tmp_path_factory.mktemp(name)
    model = fit(name, planted()[0], **{key: short[key] for key in short if key in fields})
    model.save(folder)
    (folder / "name").write_text(name)
    return folder


every_model = pytest.mark.parametrize("saved", RECALL, indirect=True)


def far(array: Array) -> Array:
    return np.add(array, 10_000_000, dtype=array.dtype)


def negative(array: Array) -> Array:
    return -1 - array


def falling(array: Array) -> Array:
    return array[::-1]


def constant(array: Array) -> Array:
    return np.full_like(array, 1)


def nan(array: Array) -> Array:
    return np.full_like(array, np.nan)


def other_type(array: Array) -> Array:
    return array.astype(np.complex128)


def text(array: Array) -> Array:
    return array.astype("U8")


def other_byte_order(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder())


def shorter(array: Array) -> Array:
    return array[:-1]


def empty(array: Array) -> Array:
    return array[:0]


def deeper(array: Array) -> Array:
    return array[None]


def scalar(array: Array) -> Array:
    return array.reshape(-1)[:1].reshape(())


ANY = [other_type, text, other_byte_order, shorter, empty, deeper, scalar]
DAMAGES: dict[str, list[Callable[[Array], Array]]] = {
    "i": [far, negative, falling, constant, *ANY],
    "f": [nan, negative, *ANY],
    "b": [falling, *ANY],
    "u": [falling, *ANY],
}


def ask(name: str, folder: Path) -> None:
    """Load a model and let it do all it can."""
    model: RecallModel[Any] = model_info(name).cls.load(folder)
    histories = history([1, 2, 30], [], [0, 5])
    for top in (
        model.recommend(np.arange(N_USERS), 5),
        model.recommend(np.array([3, -1, 10**6]), 60, histories=histories, exclude_seen=False),
    ):
        assert top.items.max() <= N_ITEMS
    if isinstance(model, ItemToItem):
        model.similar_items(np.arange(5), 5)


def some_of_each_kind(arrays: Mapping[str, Array]) -> list[str]:
    """Choose all arrays but those of a network: one check goes over all of them alike."""
    chosen = {
        (key.startswith("module.") or key, array.dtype, array.ndim): key
        for key, array in arrays.items()
        if array.size
    }
    return list(chosen.values())


@every_model
def test_damaged_arrays_are_refused_or_do_no_harm(saved: Path, tmp_path: Path) -> None:
    name = (saved / "name").read_text()
    copytree(saved, tmp_path, dirs_exist_ok=True)  # with what may lie beside the arrays
    arrays = map_arrays(saved / ARRAYS)
    for key in some_of_each_kind(arrays):
        array = arrays[key]
        for damage in DAMAGES[array.dtype.kind]:
            damaged = damage(array)
            if damaged.dtype == array.dtype and np.array_equal(damaged, array):
                continue  # the other byte order of single bytes
            write_arrays(tmp_path / ARRAYS, {**arrays, key: damaged})
            try:
                ask(name, tmp_path)
            except InputError as error:
                assert "damaged" in str(error) or "not numbers" in str(error)  # noqa: PT017
                assert len(str(error)) < 400  # noqa: PT017
                continue
            assert damage in (falling, constant, negative, far, shorter, empty), (key, damage)


@every_model
def test_to_load_it_takes_no_compiler(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)  # seconds that nobody needs
    model_info((saved / "name").read_text()).cls.load(saved)


@every_model
def test_a_missing_array_is_named(saved: Path, tmp_path: Path) -> None:
    name = (saved / "name").read_text()
    copytree(saved, tmp_path, dirs_exist_ok=True)
    arrays = map_arrays(saved / ARRAYS)
    for key in arrays:
        write_arrays(tmp_path / ARRAYS, {k: v for k, v in arrays.items() if k != key})
        with pytest.raises(InputError, match=rf"damaged: .*'{key.removeprefix('module.')}'"):
            model_info(name).cls.load(tmp_path)


@pytest.mark.parametrize("saved", ["item-cf"], indirect=True)
def test_the_message_says_what_is_out_of_range(saved: Path, tmp_path: Path) -> None:
    (tmp_path / HEADER).write_bytes((saved / HEADER).read_bytes())
    arrays = map_arrays(saved / ARRAYS)
    neighbours = arrays["neighbours"].copy()
    neighbours[0] = 10_000_000
    write_arrays(tmp_path / ARRAYS, {**arrays, "neighbours": neighbours})
    with pytest.raises(InputError, match=r"neighbours has 10,000,000, there are 49\n.*--fresh"):
        model_info("item-cf").cls.load(tmp_path)


@pytest.mark.parametrize("saved", ["popularity"], indirect=True)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", "high"),
        ("threshold", {}),
        ("config", 5),
        ("config", None),
        ("class", []),
        ("format", "one"),
        ("fingerprint", 3),
    ],
)
def test_a_damaged_header_is_refused(saved: Path, tmp_path: Path, key: str, value: Any) -> None:
    header = json.loads((saved / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps({**header, key: value}))
    (tmp_path / ARRAYS).write_bytes((saved / ARRAYS).read_bytes())
    with pytest.raises(InputError, match=rf"damaged: model\.json has no proper '{key}'"):
        model_info("popularity").cls.load(tmp_path)
