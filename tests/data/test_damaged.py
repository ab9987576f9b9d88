"""Prepared sets that are damaged or not ours: noticed when read, prepared again, never a crash."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recsys_core.data import prepared
from recsys_core.data.column_files import map_arrays, write_arrays
from recsys_core.data.importer import import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.prepared import find_prepared
from recsys_core.data.registered import COLUMNS, META, list_datasets
from recsys_core.errors import InputError
from recsys_core.reading import DamagedError
from tests.data.files import ML_1M, write_files

Arrays = dict[str, NDArray[Any]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with the set `mine`: 3 rows, 2 users, 2 items."""
    import_dataset(write_files(tmp_path / "raw", ML_1M), tmp_path / "data", "mine")
    return tmp_path / "data"


def changed(name: str, change: Callable[[NDArray[Any]], Any]) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {**arrays, name: np.asarray(change(arrays[name]))}


def rewrite(folder: Path, damage: Callable[[Arrays], Arrays]) -> None:
    """Change the arrays of a set, and what meta.json says of them."""
    meta = json.loads((folder / META).read_text())
    arrays = {x: np.load(folder / COLUMNS / at["file"]) for x, at in meta["arrays"].items()}
    shutil.rmtree(folder / COLUMNS)
    meta["arrays"] = write_arrays(folder, damage(arrays))
    (folder / META).write_text(json.dumps(meta))


def without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {key: value for key, value in arrays.items() if key != name}


#: what is wrong with the arrays -> how it comes about, and what the message says
DAMAGED_ARRAYS = {
    "codes as floats": (changed("user", lambda x: x.astype(np.float64)), "user is 1-dim"),
    "codes of 64 bits": (changed("item", lambda x: x.astype(np.int64)), "item is 1-dim"),
    "two dimensions": (changed("rating", lambda x: x[:, None]), "rating is 2-dim"),
    "a scalar": (changed("user", lambda x: x[0]), "user"),
    "fewer ratings": (changed("rating", lambda x: x[:-1]), "rating has 2 values where 3"),
    "a user below 0": (changed("user", lambda x: x - 1), "user has values from -1"),
    "an item beyond": (changed("item", lambda x: x + 1), "item has values from"),
    "a rating that is no number": (changed("rating", lambda x: x * np.nan), "rating"),
    "times before 1970": (changed("timestamp", lambda x: -x), "timestamp"),
    "times that overflow": (changed("timestamp", lambda x: x + (2**62)), "timestamp"),
    "ids that are numbers": (changed("user_ids", lambda x: np.arange(2)), "user_ids"),
    "no ids": (changed("item_ids", lambda x: x[:0]), "item"),
    "no rows": (
        lambda arrays: {
            name: values[:0] if name in {"user", "item", "rating", "timestamp"} else values
            for name, values in arrays.items()
        },
        "no rows",
    ),
    "ages beyond the vocabulary": (changed("user.age.codes", lambda x: x + 100), "user.age.codes"),
    "ages of other users": (changed("user.age.codes", lambda x: x[:1]), "user.age.codes"),
    "genres that go backwards": (
        changed("item.genres.offsets", lambda x: x[[0, 2, 1]]),
        "item.genres.offsets",
    ),
    "genres from the middle": (changed("item.genres.offsets", lambda x: x + 1), "offsets"),
    "genres below 0": (changed("item.genres.codes", lambda x: x - 9), "item.genres.codes"),
    "titles of other items": (changed("item.title.values", lambda x: x[:1]), "item.title.values"),
    "a part missing": (without("item.genres.offsets"), "offsets"),
    "no users": (without("user"), "user"),
    "a timeline of other rows": (changed("timeline", lambda x: x[:-1]), "timeline has 2 values"),
    "a row twice in the timeline": (changed("timeline", lambda x: x * 0), "timeline is not in"),
    "another rating": (changed("rating", lambda x: x[::-1]), "do not belong together"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGED_ARRAYS.values(), ids=DAMAGED_ARRAYS.keys())
def test_arrays_that_cannot_be_right_are_prepared_again(
    data: Path, damage: Callable[[Arrays], Arrays], message: str
) -> None:
    before = load_dataset("mine", data)
    rewrite(data / "mine", damage)
    found = find_prepared(data, "mine")
    assert found is not None
    with pytest.raises(DamagedError, match="damaged") as caught:
        found.load()
    assert message in str(caught.value)
    messages: list[str] = []
    again = load_dataset("mine", data, on_event=lambda event: messages.append(event.message))
    assert "preparing it again" in messages[0]
    assert again.fingerprint == before.fingerprint


def lie(path: Path, old: bytes, new: bytes) -> None:
    """Change the text in which NumPy says what `user` is; the file stays whole otherwise."""
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def seven_tebibytes(path: Path) -> None:
    lie(path, b"(3,), }" + b" " * 12, b"(1999999999999,), }")


def objects(path: Path) -> None:
    lie(path, b"'<i4'", b"'|O' ")


def other_numbers(path: Path) -> None:
    lie(path, b"'<i4'", b"'<f4'")


def deep_npy_header(path: Path) -> None:
    lie(path, b"(3,)", b"((((")


def no_npy(path: Path) -> None:
    lie(path, b"NUMPY", b"nummy")


def one_byte_less(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FILES = [
    *(seven_tebibytes, objects, other_numbers, deep_npy_header, no_npy, one_byte_less),
    *(nothing, gone, a_pipe, a_folder),
]


@pytest.mark.parametrize("damage", FILES)
def test_a_file_that_is_no_array_is_named_and_prepared_again(
    data: Path, damage: Callable[[Path], None]
) -> None:
    before = load_dataset("mine", data)
    damage(data / "mine" / COLUMNS / "user.npy")
    messages: list[str] = []
    again = load_dataset("mine", data, on_event=lambda event: messages.append(event.message))
    assert "preparing it again" in messages[0]
    assert "columns/user.npy" in messages[0]
    assert again.fingerprint == before.fingerprint


DAMAGED_META = {
    "no source": {"source": None},
    "a source that is a list": {"source": []},
    "a path that is a number": {"source": {"path": 5, "options": {}}},
    "options that are a text": {"source": {"path": "/", "options": "x"}},
    "a fingerprint that is a number": {"fingerprint": 5},
    "counts as text": {"users": "2"},
    "a count below 0": {"items": -1},
    "a count that no number holds": {"interactions": 10**200},
    "bad rows as a list": {"bad_rows": [1]},
    "bad rows as text": {"bad_rows": {"x": "y"}},
    "a format that is a list": {"format": [1]},
    "synthetic as text": {"synthetic": "no"},
}

DAMAGED_CONTENTS = {
    "no list of files": {"arrays": None},
    "a list of files that is none": {"arrays": [1]},
    "a file that is a number": {"arrays": {"user": {"file": 5}}},
    "a file elsewhere": {"arrays": {"user": {"file": "../../secret.npy"}}},
    "columns that are a list": {"columns": [1]},
    "a column of no kind": {"columns": {"user": {"age": []}}},
    "a column of other parts": {"columns": {"user": {"age": "Text"}}},
    "columns of nobody": {"columns": {"shop": {}}},
    "a flag that is a text": {"timed": "no"},
    "a fingerprint of another set": {"fingerprint": "0" * 32},
}


@pytest.mark.parametrize("change", DAMAGED_CONTENTS.values(), ids=DAMAGED_CONTENTS.keys())
def test_a_meta_that_does_not_fit_its_arrays_is_prepared_again(
    data: Path, change: dict[str, Any]
) -> None:
    before = load_dataset("mine", data)
    path = data / "mine" / META
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    messages: list[str] = []
    again = load_dataset("mine", data, on_event=lambda event: messages.append(event.message))
    assert "damaged" in messages[0]
    assert again.fingerprint == before.fingerprint


def test_values_are_checked_once_for_each_state_of_the_files(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set that is as it was when it was checked is not read; a copy of it is."""
    checked: list[str] = []
    monkeypatch.setattr(
        prepared, "check_dataset", lambda dataset, **_: checked.append(dataset.name)
    )
    for _ in range(3):
        load_dataset("mine", data)
    assert checked == ["mine"]
    shutil.copytree(data / "mine", data / "copy")
    path = data / "copy" / META
    path.write_text(path.read_text().replace('"mine"', '"copy"'))
    load_dataset("copy", data)
    load_dataset("copy", data)
    assert checked == ["mine", "copy"]
    os.utime(data / "mine" / COLUMNS / "rating.npy")
    load_dataset("mine", data)
    assert checked == ["mine", "copy", "mine"]


def test_what_is_written_to_a_mapped_column_stays_in_memory(data: Path) -> None:
    load_dataset("mine", data).rating[:] = 9
    assert load_dataset("mine", data).rating.tolist() != [9, 9, 9]


def test_columns_of_any_name_have_files(tmp_path: Path) -> None:
    arrays = {
        name: np.array([number])
        for number, name in enumerate(("item.a/b", "item.A_b", "item.é", "item." + "x" * 999))
    }
    index = write_arrays(tmp_path, arrays)
    found = map_arrays(tmp_path, index)
    assert {name: array.tolist() for name, array in found.items()} == {
        name: [number] for number, name in enumerate(arrays)
    }
    assert [entry["file"] for entry in index.values()][:3] == [
        *("item.a_b.npy", "item.A_b-2.npy", "item._.npy"),
    ]


@pytest.mark.parametrize("change", DAMAGED_META.values(), ids=DAMAGED_META.keys())
def test_one_damaged_set_does_not_hide_the_others(data: Path, change: dict[str, Any]) -> None:
    shutil.copytree(data / "mine", data / "other")
    path = data / "mine" / META
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    states = {row["name"]: row["state"] for row in list_datasets(data)}
    assert (states["mine"], states["other"]) == ("damaged", "ready")
    if "source" in change:
        with pytest.raises(InputError, match="import it again"):
            load_dataset("mine", data)
    else:  # it still says where the set was read from
        assert load_dataset("mine", data).n_interactions == 3


@pytest.mark.parametrize(
    "content", ["[" * 50_000, '{"format": ' + "9" * 5000, '{"a": "\\ud800"}', "[]", ""]
)
def test_a_meta_that_is_no_json_is_damaged(data: Path, content: str) -> None:
    (data / "mine" / META).write_text(content)
    states = {row["name"]: row["state"] for row in list_datasets(data)}
    assert states["mine"] == "damaged"
    with pytest.raises(InputError, match="import it again"):
        load_dataset("mine", data)


def test_a_damaged_set_whose_source_is_gone_is_an_error(data: Path, tmp_path: Path) -> None:
    (data / "mine" / COLUMNS / "rating.npy").write_bytes(b"")
    shutil.rmtree(tmp_path / "raw")
    with pytest.raises(InputError, match=r"is damaged: columns/rating\.npy.*\n.*import it again"):
        load_dataset("mine", data)
