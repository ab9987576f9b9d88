"""Prepared sets: found again by name and by content, rebuilt when damaged, never half-written."""

from __future__ import annotations

import json
import os
import sqlite3
from array import array
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.data import importer, load, prepared
from recsys_core.data.browse import plain_values
from recsys_core.data.column_files import CHECKED
from recsys_core.data.dataset import Dataset
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.registered import BROWSE, COLUMNS, META, list_datasets
from recsys_core.data.sources import SOURCES
from recsys_core.errors import InputError
from tests.data.files import ML_1M, write_files


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_files(tmp_path / "films", ML_1M)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def forbid(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError(f"{name} was called")

    monkeypatch.setattr(module, name, fail)


def same(one: Dataset, other: Dataset) -> bool:
    """Compare content, not the stored fingerprint."""
    values = {field.name: getattr(other, field.name) for field in fields(other)}
    return Dataset(**values).fingerprint == one.fingerprint


def test_a_set_comes_back_from_the_cache_as_it_was(
    raw: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_dataset(str(raw), data)
    assert first.name == "films"
    forbid(monkeypatch, importer, "build_dataset")
    for again in (load_dataset("films", data), load_dataset(str(raw), data)):
        assert same(again, first)
        assert again.fingerprint == first.fingerprint
        assert np.array_equal(again.tie_rank, first.tie_rank)
        assert plain_values(again.item_columns["genres"]) == [
            ["Drama"],
            ["Animation", "Children's"],
        ]


def test_changed_files_are_read_again_and_do_not_replace_what_is_registered(
    raw: Path, data: Path
) -> None:
    first = load_dataset(str(raw), data)
    (raw / "ratings.dat").write_bytes(ML_1M["ratings.dat"] + b"2::9::1::978301969\n")
    second = load_dataset(str(raw), data)
    assert second.n_interactions == 4
    assert second.name.startswith("films-")
    assert load_dataset("films", data).fingerprint == first.fingerprint
    # an import by hand does replace
    import_dataset(raw, data)
    assert load_dataset("films", data).fingerprint == second.fingerprint


def test_the_fingerprint_tells_any_change(raw: Path, data: Path) -> None:
    prints = {import_dataset(raw, data, "a").fingerprint}
    changes = {
        "ratings.dat": ML_1M["ratings.dat"].replace(b"::978300760", b"::978300761"),
        "movies.dat": ML_1M["movies.dat"].replace(b"Drama", b"Crime"),
        "users.dat": ML_1M["users.dat"].replace(b"48067", b"48068"),
    }
    for name, content in changes.items():
        write_files(raw, {**ML_1M, name: content})
        prints.add(import_dataset(raw, data, "a").fingerprint)
    assert len(prints) == 4


def test_meta_says_where_the_set_is_from(raw: Path, data: Path) -> None:
    (raw / "ratings.dat").write_bytes(ML_1M["ratings.dat"] + b"oops\n")
    import_dataset(raw, data, "mine", ImportOptions("skip"))
    meta = json.loads((data / "mine" / META).read_text())
    assert meta["bad_rows"] == {"fields": 1}
    assert meta["source"]["path"] == str(raw)
    assert meta["source"]["checksum_official"] is None
    assert (meta["interactions"], meta["users"], meta["items"]) == (3, 2, 2)


def break_arrays(folder: Path) -> None:
    path = folder / COLUMNS / "rating.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)


def cut_arrays(folder: Path) -> None:
    path = folder / COLUMNS / "rating.npy"
    path.write_bytes(path.read_bytes()[:-4])


def lose_arrays(folder: Path) -> None:
    (folder / COLUMNS / "rating.npy").unlink()


def mix_sets(folder: Path) -> None:
    meta = json.loads((folder / META).read_text())
    (folder / META).write_text(json.dumps({**meta, "fingerprint": "of another set"}))


@pytest.mark.parametrize("damage", [break_arrays, cut_arrays, lose_arrays, mix_sets])
def test_a_damaged_set_is_prepared_again_with_the_same_options(
    raw: Path, data: Path, damage: Any
) -> None:
    (raw / "ratings.dat").write_bytes(ML_1M["ratings.dat"] + b"oops\n")
    first = import_dataset(raw, data, "mine", ImportOptions("skip"))
    damage(data / "mine")
    messages: list[str] = []
    again = load_dataset("mine", data, on_event=lambda event: messages.append(event.message))
    assert again.fingerprint == first.fingerprint
    assert "preparing it again" in messages[0]
    messages.clear()
    load_dataset("mine", data, on_event=lambda event: messages.append(event.message))
    assert messages == []


def old_format(folder: Path) -> None:
    (folder / META).write_text(json.dumps({"format": 1}))


def broken_meta(folder: Path) -> None:
    (folder / META).write_text("{")


@pytest.mark.parametrize("damage", [old_format, broken_meta])
def test_a_set_of_unknown_origin_that_cannot_be_read_is_an_error(
    raw: Path, data: Path, damage: Any
) -> None:
    import_dataset(raw, data, "mine")
    damage(data / "mine")
    with pytest.raises(InputError, match=r"meta\.json.*\n.*import it again"):
        load_dataset("mine", data)
    (row,) = (row for row in list_datasets(data) if row["name"] == "mine")
    assert row["state"] == ("earlier format" if damage is old_format else "damaged")
    import_dataset(raw, data, "mine")
    assert load_dataset("mine", data).n_interactions == 3


def test_a_set_of_an_earlier_format_is_made_again_from_its_source(raw: Path, data: Path) -> None:
    first = import_dataset(raw, data, "mine")
    path = data / "mine" / META
    path.write_text(path.read_text().replace('"format": 2', '"format": 1'))
    (data / "mine" / "prepared.npz").write_bytes(b"what it was in")
    (row,) = (row for row in list_datasets(data) if row["name"] == "mine")
    assert row["state"] == "earlier format"
    messages: list[str] = []
    again = load_dataset("mine", data, on_event=lambda event: messages.append(event.message))
    assert again.fingerprint == first.fingerprint
    assert "prepared in format 1, this version reads 2; preparing it again" in messages[0]
    assert {entry.name for entry in (data / "mine").iterdir()} == {COLUMNS, BROWSE, META}


@pytest.mark.parametrize("step", ["write_browse", "_to_arrays", "_move_into_place"])
def test_an_import_that_is_killed_leaves_nothing_behind(
    raw: Path, data: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prepared, step, killed)
        with pytest.raises(KeyboardInterrupt):
            import_dataset(raw, data, "mine")
    assert list(data.iterdir()) == []
    first = import_dataset(raw, data, "mine")
    with monkeypatch.context() as patch:
        patch.setattr(prepared, step, killed)
        with pytest.raises(KeyboardInterrupt):
            import_dataset(raw, data, "mine")
    assert load_dataset("mine", data).fingerprint == first.fingerprint


def test_what_a_killed_process_left_is_swept_up(raw: Path, data: Path) -> None:
    dead = data / ".mine.999999999.partial"
    dead.mkdir(parents=True)
    (dead / BROWSE).write_bytes(b"half")
    assert load_dataset(str(raw), data).name == "films"
    assert [entry.name for entry in data.iterdir()] == ["films"]


def test_raw_files_in_the_place_of_a_set_are_never_deleted(data: Path) -> None:
    raw = write_files(data / "films", ML_1M)
    for extra in ((), (CHECKED,)):
        first = import_dataset(raw, data)
        assert {entry.name for entry in raw.iterdir()} == {*ML_1M, COLUMNS, BROWSE, META, *extra}
        assert (raw / "ratings.dat").read_bytes() == ML_1M["ratings.dat"]
        assert load_dataset("films", data).fingerprint == first.fingerprint


def test_a_folder_columns_of_somebody_else_is_never_deleted(data: Path) -> None:
    raw = write_files(data / "films", ML_1M)
    write_files(raw / "columns", {"mine.txt": b"mine"})
    with pytest.raises(InputError, match=r"columns holds other files"):
        import_dataset(raw, data)
    assert (raw / "columns" / "mine.txt").read_bytes() == b"mine"


def test_a_data_folder_that_cannot_be_written(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"data folder .* cannot be written.*\n.*--data-dir"):
        import_dataset(raw, tmp_path / "file" / "data", "mine")


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", "Upper", ".hidden", "x" * 65, "é", "downloads"]
)
def test_names_that_cannot_be_folders(raw: Path, data: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a data set"):
        import_dataset(raw, data, name)


def test_names_that_are_taken(raw: Path, data: Path) -> None:
    with pytest.raises(InputError, match="'sample' is the built-in data set"):
        import_dataset(raw, data, "sample")
    with pytest.raises(InputError, match="is not ml-1m: it has 3 ratings, 2 users and 2 items"):
        import_dataset(raw, data, "ml-1m")


def test_a_set_with_rows_left_out_is_not_a_published_one(
    raw: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replace(SOURCES["ml-1m"], interactions=3, users=2, items=2)
    monkeypatch.setitem(SOURCES, "ml-1m", source)
    assert import_dataset(raw, data).name == "ml-1m"
    (raw / "ratings.dat").write_bytes(ML_1M["ratings.dat"] + b"oops\n")
    assert import_dataset(raw, data, None, ImportOptions("skip")).name == "films"
    with pytest.raises(InputError, match="is not ml-1m"):
        import_dataset(raw, data, "ml-1m", ImportOptions("skip"))


def test_what_is_neither_name_nor_path(data: Path) -> None:
    with pytest.raises(InputError, match=r"unknown data set 'ml1m'\ndid you mean 'ml-1m'"):
        load_dataset("ml1m", data)
    with pytest.raises(InputError, match="no such file or folder: nowhere/ml-1m"):
        load_dataset("nowhere/ml-1m", data)
    with pytest.raises(InputError, match="no such file or folder: ~nobody-at-all/x"):
        load_dataset("~nobody-at-all/x", data)
    with pytest.raises(InputError, match="unknown data set 'xxx"):  # no name of a file is as long
        load_dataset("x" * 5000, data)
    with pytest.raises(InputError, match="unknown data set ''"):  # not the current folder
        load_dataset("", data)


def test_the_sample_is_made_once_and_always_the_same(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_dataset("sample", data, offline=True)
    assert first.synthetic
    assert all("Made-up" in title for title in plain_values(first.item_columns["title"]))
    assert load_dataset("sample", tmp_path / "other").fingerprint == first.fingerprint
    break_arrays(data / "sample")
    assert load_dataset("sample", data).fingerprint == first.fingerprint
    forbid(monkeypatch, load, "write_prepared")
    assert load_dataset("sample", data).synthetic


def test_browse_tables_show_a_user_with_the_standard_library_alone(raw: Path, data: Path) -> None:
    (raw / "ratings.dat").write_bytes(b"1::10::5::300\n1::9::3::100\n2::10::4::50\n1::12::2::100\n")
    dataset = import_dataset(raw, data, "mine")
    connection = sqlite3.connect(data / "mine" / BROWSE)
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    assert meta["fingerprint"] == dataset.fingerprint
    assert meta["synthetic"] == "false"
    (user, events, attributes) = connection.execute(
        "SELECT user, events, attributes FROM users WHERE user_id = '1'"
    ).fetchone()
    assert (user, events) == (0, 3)
    assert json.loads(attributes)["occupation"] == "K-12 student"
    blobs = connection.execute(
        "SELECT items, ratings, timestamps FROM histories WHERE user = 0"
    ).fetchone()
    items, ratings, times = (
        array(code, blob).tolist() for code, blob in zip("ifq", blobs, strict=True)
    )
    # oldest first; equal times in the order of the file
    assert (items, ratings, times) == ([0, 2, 1], [3.0, 2.0, 5.0], [100, 100, 300])
    rows = connection.execute("SELECT item_id, events, title, attributes FROM items").fetchall()
    assert [row[:3] for row in rows] == [
        ("9", 1, "Les Misérables (1998)"),
        ("10", 2, "Who? :: The Film (1999)"),
        ("12", 1, ""),
    ]
    assert [json.loads(row[3]) for row in rows] == [
        {"year": 1998.0, "genres": ["Drama"]},
        {"year": 1999.0, "genres": ["Animation", "Children's"]},
        {},
    ]
    plan = " ".join(
        str(row)
        for row in connection.execute("EXPLAIN QUERY PLAN SELECT * FROM users WHERE user_id='1'")
    )
    assert "users_by_id" in plan


def test_a_path_that_is_not_utf8_is_read_and_shown_in_escapes(tmp_path: Path, data: Path) -> None:
    folder = write_files(tmp_path / os.fsdecode(b"f\xffilms"), ML_1M)
    dataset = import_dataset(folder, data)
    assert dataset.name == "f-ilms"
    meta = json.loads((data / dataset.name / META).read_text(encoding="utf-8"))
    assert meta["source"]["path"] == str(tmp_path / "f\\udcffilms")
    assert load_dataset(str(folder), data).name == dataset.name
    table = folder / os.fsdecode(b"r\xff.csv")
    table.write_text("user,item\n1,2\n")
    assert import_dataset(table, data).n_users == 1
    data = tmp_path / os.fsdecode(b"d\xff")
    assert import_dataset(folder, data).n_users == 2
    assert next(row["state"] for row in list_datasets(data)) == "ready"
