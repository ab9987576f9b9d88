"""Import below a limit of memory: the same set, column for column, as in memory; nothing stays."""

from __future__ import annotations

import builtins
import gzip
import json
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recsys_core.data import archive, linewise, parquet
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.on_disk import columns, engine, store
from recsys_core.data.prepared import find_prepared
from recsys_core.data.registered import list_datasets
from recsys_core.errors import InputError
from tests.data.files import ATOMIC, ML_1M, write_files
from tests.full_disk import full_disk

LIMIT = 400 * 2**20
BAD = b"user,item,time\n1,a,2020-01-05\n2,b,oops\n,b,2020-01-05\n3,\xe9,2020-01-06\n4,c,2020-01-06"
TYPED = {"user": "u", "item": "i", "timestamp": "t", "type": "k"}


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows be many: several pieces per file, several blocks per column."""
    monkeypatch.setattr(archive, "CHUNK", 200)
    monkeypatch.setattr(linewise, "MOST_ROWS", 2)
    monkeypatch.setattr(parquet, "BATCH_ROWS", 3)
    monkeypatch.setattr(columns, "BLOCK_ROWS", 15)
    monkeypatch.setattr(engine, "VECTORS", 1)


def prepared(path: Path, data: Path, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Import a set; give what meta.json says of it, and its columns."""
    import_dataset(path, data, "x", ImportOptions(**options))
    found = find_prepared(data, "x")
    assert found is not None
    meta = dict(found.meta)
    meta.pop("prepared")
    meta["source"]["options"].pop("memory_limit", None)
    arrays = {
        name: np.load(found.folder / "columns" / entry["file"])
        for name, entry in meta["arrays"].items()
    }
    return meta, arrays


def check_same(path: Path, tmp_path: Path, **options: Any) -> dict[str, Any]:
    """Import in memory and through the disk; give what both say."""
    meta, arrays = prepared(path, tmp_path / "memory", **options)
    other, stored = prepared(path, tmp_path / "disk", memory_limit=LIMIT, **options)
    assert other == meta
    for name, array in arrays.items():
        np.testing.assert_array_equal(stored[name], array, err_msg=name)
    browse = [(tmp_path / where / "x" / "browse.sqlite") for where in ("memory", "disk")]
    assert browse[0].read_bytes() == browse[1].read_bytes()
    assert names(tmp_path / "disk") == ["x"]
    return meta


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def log(rows: int = 40) -> bytes:
    """Write events that repeat, many of them at the same time."""
    rng = np.random.default_rng(3)
    kinds, sites = ("view", "buy", "like"), ("x", "y", "NA", "")
    lines = [
        f"{rng.integers(1, 6)},é{rng.integers(1, 9)},{rng.integers(5)},{rng.integers(3) * 50},"
        f"{kinds[rng.integers(3)]},{rng.integers(3) / 2},{sites[rng.integers(4)]}"
        for _ in range(rows)
    ]
    return "\n".join(["u,i,r,t,k,price,site", *lines]).encode()


@pytest.mark.parametrize(
    ("repeats", "columns"),
    [
        ("first", {**TYPED, "rating": "r", "price": "price", "site": "site"}),
        ("last", {**TYPED, "rating": "r", "p": "price:category"}),
        ("greatest", {"user": "u", "item": "i", "rating": "r"}),
        ("count", {**TYPED, "site": "site"}),
        ("keep", {**TYPED, "rating": "r"}),
        (None, {"user": "u", "item": "i", "rating": "r"}),
    ],
)
def test_repeats_ties_types_and_further_columns(
    tmp_path: Path, repeats: Any, columns: dict[str, str]
) -> None:
    path = write_files(tmp_path, {"log.csv": log()}) / "log.csv"
    options = {"repeats": repeats, "columns": columns, "on_bad_rows": "skip"}
    if "type" in columns and repeats == "first":
        options |= {"keep": "view,buy", "type_weights": "view=1,buy=3"}
    meta = check_same(path, tmp_path, **options)
    assert (meta["interactions"] < 40) == (repeats != "keep")


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"t.csv": b"user,item\n10,a \n9,b\n1.0,a \n10.0,b\n\n9,a \n"}, {}),
        ({"t.csv": b'user;item;label\n3;"x;1";1\n2;y;0\n\n1;y;1\n'}, {}),
        ({"t.csv.gz": gzip.compress(BAD)}, {}),
        ({"t.txt": b"0 5 6 7\n1 5\n2 8 9\n3\n"}, {"columns": {"user": "1", "item": "2+"}}),
        (ML_1M, {}),
        (ATOMIC, {}),
        (
            {"t.csv": b"user,item\n1,a\n2,b\n", "items.csv": b"id,name\na,A b c d\nz,Z\n"},
            {"items": "items.csv"},
        ),
    ],
)
def test_ids_encodings_bad_rows_and_attributes(
    tmp_path: Path, files: dict[str, bytes], options: dict[str, Any]
) -> None:
    folder = write_files(tmp_path / "raw", files)
    options = {key: str(folder / v) if key == "items" else v for key, v in options.items()}
    path = folder if len(files) > 1 and "items" not in options else folder / next(iter(files))
    check_same(path, tmp_path, on_bad_rows="skip", **options)


def test_parquet_with_missing_ids_and_times_of_their_own(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet as pq

    for part, users in enumerate([[3, 1, 2, 10], [None, 3, 2, 11]]):
        folder = tmp_path / "raw" / f"country={'de' if part else 'fr'}"
        folder.mkdir(parents=True)
        columns = {
            "user": users,
            "item": ["a", "b", "ü", None if part else "a"],
            "rating": [1.0, 2.5, 3, 4],
            "price": [1.5, None, 2, 0],
            "time": pa.array([1, 5, 3, 2], pa.timestamp("s")),
        }
        pq.write_table(pa.table(columns), folder / "some.parquet")
    said = {"user": "user", "item": "item", "rating": "rating", "timestamp": "time"}
    said |= {"price": "price", "country": "country"}
    meta = check_same(tmp_path / "raw", tmp_path, columns=said, on_bad_rows="skip", repeats="last")
    assert meta["summary"]["read_as"] == "2 files, each a parquet table"
    assert meta["summary"]["context"] == {"price": "numeric", "country": "categorical"}
    assert meta["bad_rows"] == {"row": 2, "duplicate": 1}


def test_the_first_repeat_is_named_with_file_and_line(tmp_path: Path) -> None:
    rows = b"user,item\n\n2,b\n1,a\n3,c\n"
    folder = write_files(
        tmp_path / "raw", {"p1.csv": rows, "p2.csv": b"user,item\n4,d\n1,a\n3,c\n"}
    )
    for limit in (None, LIMIT):
        with pytest.raises(InputError) as caught:
            import_dataset(folder, tmp_path / "data", None, ImportOptions(memory_limit=limit))
        said = "user 1 and item a were already on line 4 of"
        assert str(caught.value).startswith(f"{folder}/p2.csv, line 3: {said} {folder}/p1.csv\n")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("files", "options", "says"),
    [
        (
            {"t.csv": b"user,item\n1,a\n"},
            {"memory_limit": 2**20},
            r"1 MiB of memory is too little .*\n.*-limit 400M",
        ),
        (
            {"t.train.csv": b"user,item\n1,a\n", "t.test.csv": b"user,item\n1,b\n"},
            {},
            "parts of a split reads all rows into memory\nimport it without a limit of memory",
        ),
        ({"t.csv": b"user,item\n1,a\n"}, {"keep": "buy"}, "no type"),
        ({"t.csv": b"user,item,rating\n1,a,4\n"}, {"repeats": "count"}, "has ratings"),
        (
            {"t.csv": b"user,item,p\n1,a,b\n"},
            {"columns": {"user": "1", "item": "2", "p": "3:number"}},
            "not a number",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, files: dict[str, bytes], options: dict[str, Any], says: str
) -> None:
    folder = write_files(tmp_path / "raw", files)
    with pytest.raises(InputError, match=says):
        import_dataset(
            folder, tmp_path / "data", None, ImportOptions(**{"memory_limit": LIMIT, **options})
        )
    assert not (tmp_path / "data").exists()


def test_without_the_extra_its_name_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    path = write_files(tmp_path, {"t.csv": b"user,item\n1,a\n"}) / "t.csv"
    with pytest.raises(InputError, match=r"needs duckdb\npip install 'recsys-workbench\[large\]'"):
        import_dataset(path, tmp_path / "data", None, ImportOptions(memory_limit=LIMIT))
    assert not (tmp_path / "data").exists()


def test_a_disk_that_fills_up_is_said_and_nothing_stays(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"log.csv": log(400)}) / "log.csv"
    options = ImportOptions(columns=TYPED, repeats="keep", memory_limit=LIMIT)
    with full_disk(1_000), pytest.raises(InputError, match=r"cannot be written to: .*\nfree some"):
        import_dataset(path, tmp_path / "data", None, options)
    assert not (tmp_path / "data").exists()


def test_a_full_disk_below_the_engine_is_a_full_disk(tmp_path: Path) -> None:
    made = engine.Engine(tmp_path, LIMIT)
    error = made._module.IOException("could not write all bytes: No space left on device")
    with pytest.raises(OSError, match="No space left"), made._errors():
        raise error
    with pytest.raises(InputError, match=r"so little memory\ngive more"), made._errors():
        raise made._module.OutOfMemoryException("failed to allocate data of size 16.0 MiB")


@pytest.mark.parametrize("limit", [None, LIMIT])
def test_what_cannot_fit_on_the_disk_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    path = write_files(tmp_path, {"log.csv": log()}) / "log.csv"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000))
    with pytest.raises(InputError, match=r"rows, about 40, takes 0 MB in .*\nfree some space"):
        import_dataset(path, tmp_path / "data", None, ImportOptions(memory_limit=limit))
    assert not (tmp_path / "data").exists()


def test_what_a_killed_import_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_files(tmp_path, {"t.csv": b"user,item\n1,a\n2,b\n"}) / "t.csv"
    data, options = tmp_path / "data", ImportOptions(memory_limit=LIMIT)
    child = os.fork()
    if not child:
        monkeypatch.setattr(store, "sort_events", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        try:
            import_dataset(path, data, None, options)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert len(names(data)) == 1
    assert [row["name"] for row in list_datasets(data) if row["state"] == "ready"] == []
    import_dataset(path, data, None, options)
    assert names(data) == ["t"]


def test_a_set_read_below_a_limit_is_found_by_its_path_and_read_again_when_damaged(
    tmp_path: Path,
) -> None:
    files = {"1.csv": b"user,item\n1,a\n", "2.csv": b"user,item\n2,b\n"}
    folder = write_files(tmp_path / "raw", files)
    data = tmp_path / "data"
    made = import_dataset(folder, data, "mine", ImportOptions(memory_limit=LIMIT))
    assert load_dataset(str(folder), data).name == "mine"
    (data / "mine" / "columns" / "user.npy").unlink()
    assert load_dataset("mine", data).fingerprint == made.fingerprint
    meta = json.loads((data / "mine" / "meta.json").read_text())
    assert meta["source"]["options"]["memory_limit"] == LIMIT
