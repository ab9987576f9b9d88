"""Several files that are one table: named, by a pattern, numbered, or in folders with keys."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Dataset
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.many_files import split_paths
from recsys_core.errors import InputError
from tests.data.files import write_files

HEAD = b"user,item,rating\n"
ONE, TWO = b"1,a,3\n2,b,4\n", b"2,a,5\n10,c,1\n"


Load = Callable[..., Dataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def read(*paths: Path, **options: Any) -> Dataset:
        path, files = split_paths(paths)
        return import_dataset(path, tmp_path / "data", "x", ImportOptions(files=files, **options))

    return read


@pytest.fixture
def whole(tmp_path: Path, load: Load) -> Dataset:
    return load(write_files(tmp_path / "whole", {"all.csv": HEAD + ONE + TWO}) / "all.csv")


def test_files_are_read_as_one_table_in_the_order_of_their_paths(
    tmp_path: Path, load: Load, whole: Dataset
) -> None:
    files = {
        "part-0.csv": HEAD + ONE,
        "part-1.csv": b"",
        "part-2.csv.gz": gzip.compress(HEAD + TWO),
    }
    others = {"_SUCCESS": b"", ".part-0.csv.crc": b"x"}
    folder = write_files(tmp_path / "events", files | others)
    first, _, last = (folder / name for name in files)
    for paths in (
        [folder],
        [last, first],
        [folder / "part-*"],
        [folder, last],
        [tmp_path / "ev*/*"],
    ):
        assert load(*paths).fingerprint == whole.fingerprint
    with zipfile.ZipFile(tmp_path / "events.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(f"events/{name}", content)
    assert load(tmp_path / "events.zip").fingerprint == whole.fingerprint


def test_files_named_are_read_again_when_the_set_is_damaged(tmp_path: Path, load: Load) -> None:
    folder = write_files(tmp_path / "raw", {"a.csv": HEAD + ONE, "b.csv": HEAD + TWO})
    made = load(folder / "a.csv", folder / "b.csv")
    (tmp_path / "data" / "x" / "columns" / "user.npy").unlink()
    assert load_dataset("x", tmp_path / "data").fingerprint == made.fingerprint


def test_columns_may_stand_in_another_order(tmp_path: Path, load: Load, whole: Dataset) -> None:
    swapped = b"item;rating;user\na;5;2\nc;1;10\n"
    folder = write_files(tmp_path / "events", {"1.csv": HEAD + ONE, "2.csv": swapped})
    assert load(folder).fingerprint == whole.fingerprint


def keyed(tmp_path: Path) -> Path:
    for part, (key, content) in enumerate({"event=view": ONE, "event=buy": TWO}.items()):
        name = {f"{part}.csv": HEAD + content}
        write_files(tmp_path / "events" / "dt=2024-01-01" / key, name)
    return tmp_path / "events"


def test_what_folders_say_can_be_the_type_and_further_columns(
    tmp_path: Path, load: Load, whole: Dataset
) -> None:
    folder = keyed(tmp_path)
    columns = {"user": "user", "item": "item", "rating": "rating"}
    dataset = load(folder, columns={**columns, "type": "event", "day": "dt"})
    assert plain_values(dataset.event_columns["type"]) == ["buy", "buy", "view", "view"]
    assert plain_values(dataset.event_columns["day"]) == ["2024-01-01"] * 4
    assert load(folder, columns={**columns, "type": "event"}, keep="view").n_interactions == 2
    for pattern in ("dt=2024-*", "dt=*/event=*", "**"):  # of folders
        found = load(folder / pattern, columns={**columns, "type": "event"})
        assert found.fingerprint == load(folder, columns={**columns, "type": "event"}).fingerprint
    with pytest.raises(InputError, match="'dt' is the name of a folder, and cannot be the timest"):
        load(folder, columns={**columns, "timestamp": "dt"})


def parquet(path: Path, **columns: Any) -> Path:
    import pyarrow as pa
    from pyarrow import parquet as pq

    pq.write_table(pa.table(columns), path)
    return path


def parquet_with_items_twice(path: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet as pq

    columns = [pa.array([1]), pa.array(["a"]), pa.array(["b"])]
    pq.write_table(pa.table(columns, ["user", "item", "item"]), path)
    return path


def test_a_missing_key_is_a_missing_value_and_keys_are_unquoted(tmp_path: Path, load: Load) -> None:
    for key in ("__HIVE_DEFAULT_PARTITION__", "a%2Fb"):
        folder = tmp_path / "raw" / f"site={key}"
        folder.mkdir(parents=True)
        parquet(folder / "0.parquet", user=[len(key)], item=["x"])
    dataset = load(tmp_path / "raw", columns={"user": "user", "item": "item", "site": "site"})
    assert plain_values(dataset.event_columns["site"]) == [None, "a/b"]


def test_files_that_disagree_are_refused(tmp_path: Path, load: Load) -> None:
    def refused(says: str, *files: Path, **options: Any) -> None:
        with pytest.raises(InputError, match=says):
            load(*files, **options)
        assert not (tmp_path / "data").exists()

    def text(name: str, content: bytes) -> Path:
        return write_files(tmp_path / "raw", {name: content}) / name

    one = text("1.csv", HEAD + ONE)
    refused(
        r"1.csv has a column 'rating', .*2.csv has none\n", one, text("2.csv", b"user,item\n3,a\n")
    )
    more = text("2.csv", b"user,item,rating,time\n3,a,4,5\n")
    refused(r"2.csv has a column 'time', .*1.csv has none\nfiles that are read as one", one, more)
    dated = text("3.csv", b"user,item,rating,time\n3,a,4,2020-01-05\n")
    refused("3.csv has dates and .*2.csv numbers as times", more, dated)
    numbered = {"user": "1", "item": "2"}
    refused("in their columns|has a column", one, more, columns=numbered)
    typed = parquet(tmp_path / "raw" / "4.parquet", user=[1], item=["a"])
    refused("some files are parquet and some are text", one, typed)
    changed = parquet(tmp_path / "raw" / "5.parquet", user=["x"], item=["a"])
    refused(r"5.parquet: column 'user' holds text, in .*4.parquet whole numbers\n", typed, changed)
    other = parquet(tmp_path / "raw" / "6.parquet", user=[1], item=["a"], rating=[1.0])
    refused("6.parquet has a column 'rating', .*4.parquet has none", typed, other)
    twice = parquet_with_items_twice(tmp_path / "raw" / "8.parquet")
    refused("8.parquet: there are 2 columns 'item'", typed, twice)
    broken = text("7.parquet", b"PAR1 and nothing else")
    refused("7.parquet: not a readable parquet file", typed, broken)


def test_where_nothing_can_be_read_that_is_said(tmp_path: Path, load: Load) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, says in (
        (empty, "no rating file here"),
        (tmp_path / "none" / "*.csv", r"no such file or folder: .*\*.csv"),
    ):
        with pytest.raises(InputError, match=says):
            load(path)
    with pytest.raises(InputError, match="no rating file here"):
        load(empty, write_files(tmp_path / "raw", {"1.csv": HEAD + ONE}) / "1.csv")
    with pytest.raises(InputError, match=r"1,001 paths; 1,000 can be given\ngive their folder"):
        split_paths([tmp_path / str(number) for number in range(1_001)])


def test_text_times_of_parquet_are_dates_in_all_rows_or_in_none(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "t.parquet"
    parquet(path, user=[1, 2], item=["a", "b"], time=["2020-01-05", "7"])
    with pytest.raises(InputError, match="the timestamp column holds string, not numbers"):
        load(path)
    second = parquet(tmp_path / "u.parquet", user=[3], item=["a"], time=["8"])
    parquet(path, user=[1, 2], item=["a", "b"], time=["2020-01-05", "2020-01-06"])
    with pytest.raises(InputError, match=r"u[.]parquet: the timestamp column holds string"):
        load(path, second)
