"""Each family of files: what becomes of ids, times, titles, genres and people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Dataset
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.errors import DataError, InputError
from tests.data.files import ATOMIC, ML_1M, ML_20M, ML_100K, write_files, write_zip


def load(tmp_path: Path, files: Mapping[str, bytes], **options: object) -> Dataset:
    raw = write_files(tmp_path / "raw", files)
    return import_dataset(raw, tmp_path / "data", "x", ImportOptions(**options))  # type: ignore[arg-type]


def values(dataset: Dataset, side: str) -> dict[str, list[object]]:
    columns = dataset.user_columns if side == "user" else dataset.item_columns
    return {name: plain_values(column) for name, column in columns.items()}


def test_movielens_1m(tmp_path: Path) -> None:
    dataset = load(tmp_path, ML_1M)
    assert dataset.item_ids.tolist() == ["9", "10"]  # the film without a rating has no number
    assert dataset.item[:3].tolist() == [1, 0, 1]
    assert values(dataset, "item") == {
        "title": ["Les Misérables (1998)", "Who? :: The Film (1999)"],
        "year": [1998.0, 1999.0],
        "genres": [["Drama"], ["Animation", "Children's"]],
    }
    assert values(dataset, "user") == {
        "age": ["under 18", "56+"],
        "gender": ["F", "M"],
        "occupation": ["K-12 student", "self-employed"],
        "zip": ["48067", "70072"],
    }
    assert dataset.explicit
    assert dataset.timed
    assert not dataset.synthetic


def test_movielens_100k(tmp_path: Path) -> None:
    dataset = load(tmp_path, ML_100K)
    assert dataset.user.tolist() == [1, 0]
    assert values(dataset, "item") == {
        "title": ["Café (1994)"],
        "year": [1994.0],
        "genres": [["Animation", "Children's"]],
    }
    assert values(dataset, "user")["age"] == ["18-24", "50-55"]


def test_movielens_20m(tmp_path: Path) -> None:
    dataset = load(tmp_path, ML_20M)
    assert dataset.rating.tolist() == [3.5, 0.5]
    assert values(dataset, "item") == {
        "title": ["American President, The (1995)", 'Quote "d" (2001)'],
        "year": [1995.0, 2001.0],
        "genres": [["Comedy", "Drama"], None],
    }
    assert dataset.user_columns == {}


def test_atomic_files(tmp_path: Path) -> None:
    dataset = load(tmp_path, ATOMIC)
    assert dataset.item_ids.tolist() == ["x-10", "x-9"]
    assert values(dataset, "item") == {
        "title": ["Ten Things", "Nine"],
        "genres": [["Fiction", "Love"], ["Fiction"]],
        "price": [9.5, None],
    }
    assert values(dataset, "user") == {"age": ["18-24", None], "zip": ["01234", "99"]}


INTER = """\
session_id:token sku:token rating:float stars:float device:token zip:float seen:token_seq kind:token
1 a 4 40 tv 01 x view
1 b 5 50  02 y buy
2 a 3 30 7  y buy
"""
SKUS = """\
sku:token|name:token|category:token|sizes:token_seq
a|Owl|Living Room|M S
b|Fog||
"""


def test_further_columns_of_atomic_files_are_read_where_they_are_named(tmp_path: Path) -> None:
    columns = {"user": "session_id", "item": "sku:token", "device": "device", "area": "zip"}
    files = {
        "shop.inter": INTER.replace(" ", "\t").encode(),
        "shop.item": SKUS.replace("|", "\t").encode(),
    }
    dataset = load(tmp_path, files, columns=columns)
    assert dataset.rating.tolist() == [4, 5, 3], "RecBole's own names need not be given"
    assert {name: plain_values(column) for name, column in dataset.context.items()} == {
        "device": ["tv", None, "7"],  # a token, whatever it looks like
        "area": [1, 2, None],
    }
    assert values(dataset, "item") == {
        "title": ["Owl", "Fog"],
        "genres": [["Living Room"], None],
        "sizes": [["M", "S"], None],
    }
    more = {"rating": "stars", "type": "kind", "area": "zip:category"}
    again = load(tmp_path, files, columns=columns | more, rating_range=(0, 99), keep="buy")
    assert again.rating.tolist() == [50, 30]
    assert plain_values(again.event_columns["area"]) == ["02", None]
    with pytest.raises(InputError, match=r"'seen' holds lists \(token_seq\), not single values"):
        load(tmp_path, files, columns=columns | {"seen": "seen"})
    with pytest.raises(InputError, match=r"no column user_id\n.*--columns user=NAME,item=NAME"):
        load(tmp_path, files)
    with pytest.raises(InputError, match="one or the other"):
        load(tmp_path, files, columns=columns | {"rating": "stars", "label": "rating"})


@pytest.mark.parametrize(
    ("files", "needed"),
    [(ML_1M, "ratings.dat"), (ML_100K, "u.data"), (ML_20M, "ratings.csv"), (ATOMIC, "books.inter")],
)
def test_files_of_users_and_items_may_be_missing(
    tmp_path: Path, files: Mapping[str, bytes], needed: str
) -> None:
    dataset = load(tmp_path, {needed: files[needed]})
    assert dataset.user_columns == {}
    assert dataset.item_columns == {}
    assert dataset.n_interactions > 1


def test_a_folder_a_zip_and_windows_line_ends_give_the_same_data(tmp_path: Path) -> None:
    plain = load(tmp_path, ML_1M)
    zipped = write_zip(tmp_path / "a.zip", {k: v.replace(b"\n", b"\r\n") for k, v in ML_1M.items()})
    assert import_dataset(zipped, tmp_path / "data", "y").fingerprint == plain.fingerprint
    beside = write_zip(tmp_path / "folder" / "b.zip", ML_1M).parent
    assert import_dataset(beside, tmp_path / "data", "z").fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("files", "name", "line", "says"),
    [
        (ML_1M, "movies.dat", b"12::No genres\n", "movies.dat, line 4: 2 fields"),
        (ML_1M, "users.dat", b"1::F::1::10::48067\n", "users.dat, line 3: id 1 occurs twice"),
        (ML_1M, "users.dat", b"x::F::1::10::48067\n", "users.dat, line 3"),
        (ML_100K, "u.item", b"11|Short (1990)\n", "u.item, line 2: 2 fields"),
        (ML_20M, "movies.csv", b"12,a,b,c\n", "movies.csv, line 4: 4 fields"),
        (ML_20M, "movies.csv", b"\r12,a,b\n", "movies.csv, line 4: new-line character seen"),
        (ML_20M, "movies.csv", b"12," + b"x" * 200_000, "movies.csv, line 4: field larger than"),
        (ATOMIC, "books.item", b"x-1\tTwo\n", "books.item, line 4: 2 fields"),
        (ATOMIC, "books.user", b"ben\t\t98\n", "books.user, line 4: user_id ben occurs twice"),
        (ATOMIC, "books.user", b"eva\t\xff\t98\n", "books.user, line 4: .*utf-8"),
    ],
)
def test_a_bad_line_about_users_or_items(
    tmp_path: Path, files: Mapping[str, bytes], name: str, line: bytes, says: str
) -> None:
    broken = {**files, name: files[name] + line}
    with pytest.raises(DataError, match=says):
        load(tmp_path, broken)
    assert (
        load(tmp_path, broken, on_bad_rows="skip").fingerprint == load(tmp_path, files).fingerprint
    )


def test_an_atomic_file_without_the_needed_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1: the header has no column item_id"):
        load(tmp_path, {"a.inter": b"user_id:token\n1\n"})


def test_one_user_or_one_item_can_be_read(tmp_path: Path) -> None:
    one_user = load(tmp_path, {"ratings.dat": b"1::2::3::4\n1::3::3::4\n"})
    assert (one_user.n_users, one_user.n_items) == (1, 2)
    one_item = load(tmp_path, {"ratings.dat": b"1::2::3::4\n2::2::3::4\n"})
    assert (one_item.n_users, one_item.n_items) == (2, 1)


def test_equal_times_keep_the_order_of_the_file(tmp_path: Path) -> None:
    items = [5, 3, 9, 1, 7]
    lines = "".join(f"1::{item}::3::100\n" for item in items)
    dataset = load(tmp_path, {"ratings.dat": lines.encode()})
    assert dataset.item_ids[dataset.item].tolist() == [str(item) for item in items]
    order = np.argsort(dataset.timestamp, kind="stable")
    assert dataset.item_ids[dataset.item[order]].tolist() == [str(item) for item in items]


# ----------------------------------------------------------------------------------- plain tables


def table(tmp_path: Path, content: bytes, name: str = "My Books.csv", **options: object) -> Dataset:
    path = write_files(tmp_path, {name: content}) / name
    return import_dataset(path, tmp_path / "data", None, ImportOptions(**options))  # type: ignore[arg-type]


def test_usual_column_names_are_recognised(tmp_path: Path) -> None:
    dataset = table(tmp_path, b"Book_ID,other,userId,score,time\nb1,x,u1,7,100.9\nb2,y,u2,8,50\n")
    assert dataset.name == "my-books"
    assert dataset.user_ids.tolist() == ["u1", "u2"]
    assert dataset.item_ids.tolist() == ["b1", "b2"]
    assert dataset.rating.tolist() == [7, 8]
    assert dataset.timestamp.tolist() == [100, 50]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::"])
@pytest.mark.parametrize("header", [True, False])
def test_columns_by_number_with_and_without_a_header(
    tmp_path: Path, separator: str, header: bool
) -> None:
    rows = [["who", "x", "stars", "what"]] if header else []
    rows += [["anna", "-", "4", "b1"], ["ben", "-", "5", "b2"]]
    text = "\ufeff" if header else ""
    text += "".join(separator.join(row) + "\n" for row in rows)
    columns = {"user": "1", "item": "4", "rating": "3"}
    dataset = table(tmp_path, text.encode(), columns=columns)
    assert dataset.user_ids.tolist() == ["anna", "ben"]
    assert dataset.rating.tolist() == [4, 5]
    assert not dataset.timed


def test_without_ratings_and_times(tmp_path: Path) -> None:
    dataset = table(tmp_path, b"u,i\na,1\nb,2\n", columns={"user": "u", "item": "i"})
    assert not dataset.explicit
    assert not dataset.timed
    assert dataset.rating.tolist() == [1, 1]
    assert dataset.timestamp.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({}, "no column is recognised as the user or the item; the first line is: who, what"),
        ({"user": "who"}, "does not say which column of .* is the item\nsay which is which"),
        ({"user": "who", "item": "wat"}, "unknown column in .* 'wat'\ndid you mean 'what'"),
        ({"user": "who", "item": "9"}, "unknown column in .* '9'"),
        ({"user": "who", "item": "who"}, "gives one column of .* two roles"),
        ({"user": "who", "itm": "what"}, "unknown role in --columns 'itm'\ndid you mean 'item'"),
    ],
)
def test_a_mapping_that_does_not_fit(tmp_path: Path, columns: dict[str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        table(tmp_path, b"who,what\na,1\n", columns=columns)


def test_another_scale_of_ratings_has_to_be_said(tmp_path: Path) -> None:
    content = b"user,item,rating\na,1,85\nb,2,3\n"
    with pytest.raises(DataError, match=r"'85' is not within 0 to 10 \(.*--rating-range"):
        table(tmp_path, content)
    assert table(tmp_path, content, rating_range=(0, 100)).rating.tolist() == [85, 3]


def test_any_table_may_be_called_ratings_csv(tmp_path: Path) -> None:
    dataset = table(tmp_path, b"user,item,rating\na,1,8\n", name="ratings.csv")
    assert dataset.user_ids.tolist() == ["a"]


def test_lines_that_end_as_nowhere_today_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="end with a carriage return alone\nsave the file"):
        table(tmp_path, b"user,item,rating\ra,1,3\rb,2,4\r")
    assert table(tmp_path, b"user,item,rating\r\na,1,3\r\n").rating.tolist() == [3]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfeu\0s\0\n"])
def test_a_first_line_that_is_no_header(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"My Books\.csv"):
        table(tmp_path, content)


def test_markup_escapes_and_wide_characters_are_kept_as_they_are(tmp_path: Path) -> None:
    ids = ["[red]x[/red]", "\x1b[31mred", "映画", "a\u202eb", " padded "]
    content = "user,item\n" + "".join(f"u,{text}\n" for text in ids)
    dataset = table(tmp_path, content.encode())
    assert dataset.item_ids[dataset.item].tolist() == ids


def test_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def write(**columns: object) -> Path:
        path = tmp_path / "r.parquet"
        parquet.write_table(pa.table(columns), path)
        return path

    def read(path: Path, **options: object) -> Dataset:
        return import_dataset(path, tmp_path / "data", None, ImportOptions(**options))  # type: ignore[arg-type]

    path = write(
        user_id=[7, 12, 7],
        item_id=["b", "a", "a"],
        rating=[3.0, 4.5, 1.0],
        timestamp=pa.array([10, 20, 30], pa.timestamp("s")),
    )
    dataset = read(path)
    assert dataset.user_ids.tolist() == ["7", "12"]
    assert dataset.item.tolist() == [1, 0, 0]
    assert dataset.timestamp.tolist() == [10, 20, 30]

    path = write(user=[1, None, 2, 3, 3], item=[1, 1, 2, 4, 4], rating=[1.0, 2, float("nan"), 4, 5])
    with pytest.raises(DataError, match=r"r\.parquet, row 2: the user is missing"):
        read(path)
    dataset = read(path, on_bad_rows="skip")
    assert dataset.rating.tolist() == [1, 4]
    assert dataset.n_users == 2

    path = write(user=[1, 1], item=[2, 2])
    with pytest.raises(DataError, match=r"row 2: user 1 and item 2 were already on row 1"):
        read(path)

    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="not a readable parquet file"):
        read(path)
