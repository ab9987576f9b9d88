"""Splits that were published as files, or as a column: what becomes of their rows and parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import PART, Dataset
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.errors import InputError
from tests.data.files import write_files, write_zip

#: user 10 has an item that train does not have
TRAIN, TEST = b"user,item\n9,a\n9,b\n1,a\n", b"user,item\n9,c\n10,a\n"
INTER = b"user_id:token\titem_id:token\n"


def load(path: Path, **options: Any) -> Dataset:
    return import_dataset(path, path.parent / "data", "split", ImportOptions(**options))


def rows(dataset: Dataset) -> list[tuple[str, str, str]]:
    """Give user, item and part of each row, in the order of the set."""
    parts = plain_values(dataset.event_columns[PART])
    return [
        (str(dataset.user_ids[user]), str(dataset.item_ids[item]), str(part))
        for user, item, part in zip(dataset.user, dataset.item, parts, strict=True)
    ]


ROWS = [
    ("9", "a", "train"),
    ("9", "b", "train"),
    ("1", "a", "train"),
    ("9", "c", "test"),
    ("10", "a", "test"),
]


def test_files_called_train_and_test_are_one_set(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "raw", {"train.csv": TRAIN, "test.csv": TEST})
    dataset = load(folder)
    assert rows(dataset) == ROWS
    assert dataset.user_ids.tolist() == ["1", "9", "10"]  # numeric order, over both files
    zipped = write_zip(tmp_path / "raw.zip", {"my_train.csv": TRAIN, "my_test.csv": TEST})
    assert load(zipped).fingerprint == dataset.fingerprint
    summary = json.loads((tmp_path / "data" / "split" / "meta.json").read_text())["summary"]
    assert summary["read_as"].startswith("2 parts of a split (train 3, test 2): table separated")


def test_a_column_says_the_same_as_files(tmp_path: Path) -> None:
    lines = [f"{user},{item},{part}" for user, item, part in ROWS]
    table = "\n".join(["user,item,fold", *lines]).encode()
    one = write_files(tmp_path / "one", {"events.csv": table}) / "events.csv"
    dataset = load(one, columns={"user": "user", "item": "item", "part": "fold"})
    summary = json.loads((tmp_path / "one" / "data" / "split" / "meta.json").read_text())["summary"]
    assert summary["columns"] == {"user": "user", "item": "item", "part": "fold"}
    assert "context" not in summary
    two = write_files(tmp_path / "two", {"train.csv": TRAIN, "test.csv": TEST})
    assert dataset.fingerprint == load(two).fingerprint
    assert dataset.context == {}  # no feature reads it


def test_lists_of_items_and_any_names(tmp_path: Path) -> None:
    """As NGCF and LightGCN publish them: a user and its items on each line."""
    files = {"data1.txt": b"9 5 6\n1 5\n", "test1.txt": b"9 7\n10 5\n", "users.txt": b"1 2\n"}
    folder = write_files(tmp_path / "gcn", files)
    lists = {"user": "1", "item": "2+"}
    dataset = load(folder, parts="train=data1.txt,test=test1.txt", columns=lists)
    named = {"a": "5", "b": "6", "c": "7"}
    assert rows(dataset) == [(user, named[item], part) for user, item, part in ROWS]


def test_parts_of_atomic_files_share_their_attributes(tmp_path: Path) -> None:
    files = {
        "shop.train.inter": INTER + b"1\ta\n2\tb\n",
        "shop.valid.inter": INTER + b"1\tb\n",
        "shop.test.inter": INTER + b"1\tc\n",
        "shop.item": b"item_id:token\tname:token\na\tOwl\nz\tFog\n",
    }
    dataset = load(write_files(tmp_path / "shop", files))
    assert [part for _, _, part in rows(dataset)] == ["train", "train", "valid", "test"]
    assert plain_values(dataset.item_columns["title"]) == ["Owl", None, None]


def test_folds_in_folders_are_parts_by_their_names(tmp_path: Path) -> None:
    folds = write_files(tmp_path / "folds", {})
    for fold in ("1", "2"):
        write_files(folds / fold, {"test.csv": f"user,item\n{fold},a\n{fold},b\n".encode()})
    dataset = load(folds, parts="1=1/test.csv,2=2/test.csv")
    assert [part for _, _, part in rows(dataset)] == ["1", "1", "2", "2"]


SHARED = {"train.csv": TRAIN, "test.csv": b"user,item\n9,b\n9,c\n"}


def test_rows_in_two_parts_are_refused_unless_it_is_said_which_stays(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "raw", SHARED)
    with pytest.raises(InputError, match="'test' and 'train' share rows: user 9 with item b\nfix"):
        load(folder)
    assert not (tmp_path / "data").exists()
    first, last = load(folder, repeats="first"), load(folder, repeats="last")
    assert [row for row in rows(first) if row[1] == "b"] == [("9", "b", "train")]
    assert [row for row in rows(last) if row[1] == "b"] == [("9", "b", "test")]
    kept = load(folder, repeats="keep")
    assert kept.n_interactions == 5
    with pytest.raises(InputError, match="share rows"):
        load(folder, repeats="count")


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({}, {"parts": "train=train.csv,test=no.csv"}, r"no file no\.csv in .*raw\ncheck its name"),
        ({}, {"parts": "train=train.csv"}, "a split has at least two parts"),
        ({}, {"parts": "train.csv,test.csv"}, "'train.csv' is not PART=FILE\ne.g. --parts train="),
        ({}, {"parts": "a=x,a=y"}, "'a=y' is there twice"),
        (
            {"test.csv": b"user,item,rating\n9,c,4\n"},
            {},
            "part 'test' has a rating, part 'train' has none\nall parts need the same columns",
        ),
        (
            {"train.csv": b"user,item,x\n9,a,1\n", "test.csv": b"user,item,x\n9,c,red\n"},
            {"columns": {"user": "user", "item": "item", "x": "x"}},
            "column 'x' holds numbers in one part and text in another\nsay .*x:category",
        ),
        ({"other.csv": TEST}, {}, "3 files may hold the ratings: .*\n.*--parts train=FILE,test="),
        ({"test.csv": b"user,item\n9,\n"}, {}, r"test\.csv, line 2, column 2 \(item\): the id is"),
    ],
)
def test_what_cannot_be_a_split_is_refused(
    tmp_path: Path, files: dict[str, bytes], options: dict[str, Any], message: str
) -> None:
    folder = write_files(tmp_path / "raw", {"train.csv": TRAIN, "test.csv": TEST, **files})
    with pytest.raises(InputError, match=message):
        load(folder, **options)


def test_a_file_is_no_place_for_parts(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "raw", {"train.csv": TRAIN})
    with pytest.raises(InputError, match="is not a folder or zip"):
        load(folder / "train.csv", parts="train=train.csv,test=test.csv")
