"""Which of the files at a path are read, packed or not, and which set's files belong together."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Dataset
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.errors import InputError
from tests.data.files import ATOMIC, ML_1M, ML_20M, ML_100K, write_files, write_zip

TABLE = b"user,item\n1,a\n2,b\n2,a\n"


def load(path: Path, **options: Any) -> Dataset:
    return import_dataset(path, path.parent / "data", None, ImportOptions(**options))


def refused(path: Path, says: str, **options: Any) -> None:
    with pytest.raises(InputError, match=says):
        load(path, **options)
    assert not (path.parent / "data").exists()


def test_gzip_is_unpacked_wherever_it_lies(tmp_path: Path) -> None:
    plain = load(write_files(tmp_path / "raw", {"t.csv": TABLE}) / "t.csv")
    packed = {"t.csv.gz": gzip.compress(TABLE)}
    dataset = load(write_files(tmp_path / "one", packed) / "t.csv.gz")
    assert dataset.name == "t"
    assert dataset.fingerprint == plain.fingerprint
    assert load(tmp_path / "one").fingerprint == plain.fingerprint
    assert load(write_zip(tmp_path / "t.zip", packed)).fingerprint == plain.fingerprint
    films = write_files(tmp_path / "films", ML_1M)
    packed = {f"{name}.gz": gzip.compress(content) for name, content in ML_1M.items()}
    assert (
        load(write_files(tmp_path / "packed", packed)).fingerprint
        == import_dataset(films, tmp_path / "data", "films").fingerprint
    )


def test_gzip_that_is_damaged_or_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    def write(name: str, content: bytes) -> Path:
        return write_files(tmp_path / "raw", {name: content}) / name

    whole = gzip.compress(TABLE * 99)
    refused(
        write("cut.csv.gz", whole[:-9]), r"cut\.csv\.gz: the gzip file is damaged: .*\ndownload"
    )
    refused(write("no.csv.gz", TABLE), r"no\.csv\.gz: the gzip file is damaged: Not a gzipped file")
    refused(write("no.csv", whole), "packed with gzip, but its name does not end with .gz\nrename")
    bomb = gzip.compress(b"user,item\n" + b"1,a\n" * 2**20)
    refused(write("bomb.csv.gz", bomb), "refused: it unpacks to far more than its size")


def test_the_only_table_of_a_folder_or_zip_is_read(tmp_path: Path) -> None:
    files = {
        "README.txt": b"about",
        ".hidden.csv": b"x",
        "my events.tsv": TABLE.replace(b",", b"\t"),
    }
    assert load(write_files(tmp_path / "shop", files)).n_interactions == 3
    assert load(write_zip(tmp_path / "shop.zip", {**files, "__MACOSX/._a.csv": b"x"})).n_users == 2
    two = write_zip(tmp_path / "two.zip", {"a.csv": TABLE, "b.csv": TABLE})
    with pytest.raises(
        InputError, match=r"2 files may hold the ratings: ml/a.csv, ml/b.csv\nunpack"
    ):
        load(two)


def parts(tmp_path: Path) -> Path:
    inter = b"user_id:token\titem_id:token\n"
    return write_files(
        tmp_path / "shop",
        {
            "shop.train.inter": inter + b"1\ta\n2\tb\n",
            "shop.valid.inter": inter + b"1\tb\n",
            "shop.test.inter": inter + b"1\tc\n",
            "shop.item": b"item_id:token\tname:token\na\tOwl\nz\tFog\n",
        },
    )


def test_a_part_of_a_set_is_never_taken_for_the_whole(tmp_path: Path) -> None:
    dataset = load(parts(tmp_path) / "shop.train.inter")
    assert dataset.n_interactions == 2
    assert plain_values(dataset.item_columns["title"]) == ["Owl", None]
    folder = write_files(tmp_path / "more" / "both", {**ML_20M, **ML_100K})
    refused(folder, "2 files may hold the ratings: ratings.csv, u.data")
    assert load(folder / "u.data").item_columns["title"]


def test_a_label_of_an_atomic_file_is_read_and_told_apart_from_ratings(tmp_path: Path) -> None:
    head, row = b"user_id:token\titem_id:token\tlabel:float", b"1\ta\t1\n1\tb\t0\n"
    path = write_files(tmp_path, {"c.inter": head + b"\n" + row}) / "c.inter"
    dataset = load(path)
    assert dataset.explicit
    assert dataset.rating.tolist() == [1, 0]
    path.write_bytes(head + b"\trating:float\n" + row.replace(b"\n", b"\t4\n"))
    assert load(path).rating.tolist() == [4, 4]
    summary = json.loads((tmp_path / "data" / "c" / "meta.json").read_text())["summary"]
    assert summary["unused"] == ["label"]
    path.write_bytes(head + b"\tlabel:float\n")
    with pytest.raises(InputError, match="there are 2 columns 'label'"):
        load(path)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    strange = {**ML_1M, "movies.dat": b"77::Owl (1998)::Drama\n"}
    folder = write_files(tmp_path / "films", strange)
    refused(folder, r"movies\.dat: none of its 1 item .* first id is '77', .* '9'\nwrite the same")


def test_how_many_have_attributes_is_kept(tmp_path: Path) -> None:
    load(write_files(tmp_path / "books", ATOMIC))
    summary = json.loads((tmp_path / "data" / "books" / "meta.json").read_text())["summary"]
    assert summary["attributes"] == {
        "user": {
            "file": "books.user",
            "rows": 2,
            "matched": 2,
            "of": 2,
            "columns": {"age": "categorical", "zip": "categorical"},
        },
        "item": {
            "file": "books.item",
            "rows": 2,
            "matched": 2,
            "of": 2,
            "columns": {"title": "text", "genres": "multi", "price": "numeric"},
        },
    }
    assert summary["unused"] == ["vector (books.item)"]


@pytest.mark.parametrize("files", [ML_1M, ML_20M, ML_100K])
def test_movielens_files_with_a_scale_and_unit_of_their_own(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    main = next(iter(files))
    changed = (
        files[main].replace(b"978301968", b"978301968000").replace(b"1112486027", b"1112486027000")
    )
    folder = write_files(tmp_path / "own", {**files, main: changed})
    if changed != files[main]:
        refused(folder, "in milliseconds: recsys-workbench data import PATH --time-unit ms")
    refused(folder, "is not within 9 to 10 .*--rating-range", time_unit="ms", rating_range=(9, 10))
    assert load(folder, time_unit="ms", rating_range=(0, 10)).item_columns["title"]


def test_a_title_may_have_a_line_break(tmp_path: Path) -> None:
    movies = ML_20M["movies.csv"].replace(b"American President", b"American\nPresident")
    folder = write_files(tmp_path / "films", {**ML_20M, "movies.csv": movies})
    titles = plain_values(load(folder).item_columns["title"])
    assert titles == ["American President, The (1995)", 'Quote "d" (2001)']


def test_ids_that_movielens_does_not_have_come_with_the_way_to_read_them(tmp_path: Path) -> None:
    content = ML_20M["ratings.csv"].replace(b"\n1,", b"\nanna,")
    path = write_files(tmp_path / "own", {"ratings.csv": content}) / "ratings.csv"
    refused(path, "'anna' is not a whole number .*--columns user=1,item=2,rating=3,timestamp=4")
    columns = {"user": "1", "item": "2", "rating": "3", "timestamp": "4"}
    assert load(path, columns=columns).user_ids.tolist() == ["2", "anna"]
