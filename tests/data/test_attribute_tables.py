"""Tables of users and items beside the events: which column is what, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Dataset
from recsys_core.data.describe import describe
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.registered import COLUMNS, META
from recsys_core.errors import InputError
from tests.data.files import ML_1M, write_files
from tests.data.test_command import run
from workbench.store.items import read_items

LOANS = b"user,book_id,rating\n1,b1,5\n1,b2,4\n2,b1,3\n2,b3,4\n"
BOOKS = b"book,title,author,genres\nb1,Sea,Anna Ott,Poems|Travel\nb2,Hill,Bo Ek,Poems\nb9,No,X,Y\n"


def load(tmp_path: Path, table: bytes, name: str = "t.csv", **options: Any) -> Dataset:
    folder = write_files(tmp_path, {"loans.csv": LOANS, name: table})
    said = {side: f"{folder / name}{columns}" for side, columns in options.items()}
    return import_dataset(folder / "loans.csv", tmp_path / "data", "loans", ImportOptions(**said))  # type: ignore[arg-type]


def values(dataset: Dataset) -> dict[str, list[object]]:
    return {name: plain_values(column) for name, column in dataset.item_columns.items()}


def test_titles_and_genres_are_recognised(tmp_path: Path) -> None:
    dataset = load(tmp_path, BOOKS, items="")
    assert values(dataset) == {
        "title": ["Sea", "Hill", None, "No"],
        "author": ["Anna Ott", "Bo Ek", None, "X"],
        "genres": [["Poems", "Travel"], ["Poems"], None, ["Y"]],
    }
    summary = json.loads((tmp_path / "data" / "loans" / META).read_text())["summary"]
    assert summary["attributes"]["item"] == {
        "file": "t.csv",
        "rows": 3,
        "matched": 3,
        "of": 4,
        "columns": {"title": "text", "author": "categorical", "genres": "multi"},
    }


def test_the_key_and_the_columns_may_be_named(tmp_path: Path) -> None:
    dataset = load(tmp_path, BOOKS, items=",id=book,writer=author")
    assert values(dataset) == {"writer": ["Anna Ott", "Bo Ek", None, "X"]}
    summary = json.loads((tmp_path / "data" / "loans" / META).read_text())["summary"]
    assert summary["unused"] == ["title (t.csv)", "genres (t.csv)"]


@pytest.mark.parametrize(
    ("cells", "read_as"),
    [
        (("3", "4.5"), [3.0, 4.5, None]),
        (("01234", "99"), ["01234", "99", None]),  # as a zip
        (("NA", "7"), [None, 7.0, None]),
        (("1e99", "7"), [None, 7.0, None]),  # more than a float32 holds
        (("a|b", "c"), [["a", "b"], ["c"], None]),
        (("a, b", "c"), ["a, b", "c", None]),
        (
            ("a story of the sea", "and one of a hill"),
            ["a story of the sea", "and one of a hill", None],
        ),
    ],
)
def test_the_kind_of_a_column_is_guessed(
    tmp_path: Path, cells: tuple[str, str], read_as: list[Any]
) -> None:
    dataset = load(tmp_path, "item\tx.y\nb1\t{}\nb2\t{}\n".format(*cells).encode(), items="")
    assert values(dataset) == {"x_y": read_as}


@pytest.mark.parametrize(
    ("cells", "kind", "read_as"),
    [
        (("3", "4"), "one-of", ["3", "4", None]),
        (("3", "4"), "text", ["3", "4", None]),
        (("a, b", "c"), "any-of", [["a", "b"], ["c"], None]),
        (("a;b,c", "NA"), "any-of", [["a", "b,c"], None, None]),
        (("01234", ""), "number", [1234.0, None, None]),
        (('["a", "b"]', '["c|d"]'), "any-of", [["a", "b"], ["c|d"], None]),
        (('["a", "b"]', "[]"), "", [["a", "b"], None, None]),  # JSON needs no saying
        (('["a", "b"]', '["c"]'), "text", ["a, b", "c", None]),
        (('["a", {}]', "[1]"), "one-of", ['["a", {}]', "[1]", None]),
    ],
)
def test_the_kind_of_a_column_may_be_said(
    tmp_path: Path, cells: tuple[str, str], kind: str, read_as: list[Any]
) -> None:
    table = "item\tx\nb1\t{}\nb2\t{}\n".format(*cells).encode()
    option = f",x:{kind}" if kind else ""
    assert values(load(tmp_path, table, items=option)) == {"x": read_as}
    if kind:
        assert values(load(tmp_path, table, items=f",y=x:{kind}")) == {"y": read_as}


def test_items_without_an_event_are_part_of_the_set(tmp_path: Path) -> None:
    """They have numbers in the order of all ids; events, ratings and users stay as they were."""
    events = b"user,item,rating\n1,9,5\n1,10,4\n2,9,3\n"
    table = b"item,title\n10,Ten\n7,Seven\n11,Eleven\n"
    folder = write_files(tmp_path, {"e.csv": events, "t.csv": table})
    options = ImportOptions(items=str(folder / "t.csv"))
    dataset = import_dataset(folder / "e.csv", tmp_path / "data", "e", options)
    assert dataset.item_ids.tolist() == ["7", "9", "10", "11"]
    assert dataset.item.tolist() == [1, 2, 1]
    assert values(dataset) == {"title": ["Seven", None, "Ten", "Eleven"]}
    meta = json.loads((tmp_path / "data" / "e" / META).read_text())
    assert (meta["items"], meta["items_without_events"]) == (4, 2)
    about = describe(dataset)
    assert (about["items_without_events"], about["events_per_item"]["min"]) == (2, 0)
    items = read_items(tmp_path / "data", "e", dataset.fingerprint)
    assert items.find("Eleven").number == 3


def test_json_lines_and_parquet(tmp_path: Path) -> None:
    lines = (
        b'{"id": 1, "age": 31, "likes": ["sea"], "more": {"a": 1}}\n\n{"id": 2, "city": "Bonn"}\n'
    )
    dataset = load(tmp_path, lines, "readers.jsonl", users="")
    columns = {name: plain_values(column) for name, column in dataset.user_columns.items()}
    assert columns == {"age": [31, None], "likes": [["sea"], None], "city": [None, "Bonn"]}
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = {"user": [1.0, 2.0], "tags": [["a", "b"], None], "year": [1999, None]}
    parquet.write_table(pa.table(table), tmp_path / "p.parquet")
    content = (tmp_path / "p.parquet").read_bytes()
    dataset = load(tmp_path, content, "p.parquet", users="")
    columns = {name: plain_values(column) for name, column in dataset.user_columns.items()}
    assert columns == {"genres": [["a", "b"], None], "year": [1999, None]}


def test_binary_and_nested_columns_of_parquet(tmp_path: Path) -> None:
    """No ids, nothing that is read, and no error where nobody asks for them."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    pair = pa.array([{"x": 1}, {"x": 2}])
    table = {"book": ["b1", "b2"], "code": [b"b1", b"b2"], "pair": pair, "pages": [9, 8]}
    parquet.write_table(pa.table(table), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    for items, says in (
        (",id=code", "the column code holds binary, not text or whole numbers\nconvert"),
        (",id=book,cover=code", "column 'code' is nested or binary\nput its parts"),
        (",id=book,cover=pair", "column 'pair' is nested or binary\nput its parts"),
    ):
        with pytest.raises(InputError, match=says):
            load(tmp_path, content, "t.parquet", items=items)
        assert not list(tmp_path.glob("data/*"))
    dataset = load(tmp_path, content, "t.parquet", items=",id=book")
    assert values(dataset) == {"pages": [9, 8, None]}


@pytest.mark.parametrize("where", ["items", "users"])
def test_a_table_with_a_line_without_an_end_is_not_read_into_memory(
    tmp_path: Path, where: str
) -> None:
    with (tmp_path / "t.csv").open("wb") as file:
        file.write(b"book,reader,x\nb1,1,1\n" + b"b2,2," * 2**14)
        file.seek(40 * 2**20)  # a hole, which takes no room
        file.write(b"x")
    raw = write_files(tmp_path / "raw", {"loans.csv": LOANS})
    options: dict[str, Any] = {where: f"{tmp_path / 't.csv'},id=book"}
    with pytest.raises(InputError, match="a line has more than 16 MiB"):
        import_dataset(raw / "loans.csv", tmp_path / "data", "e", ImportOptions(**options))
    assert not list(tmp_path.glob("data/*"))


@pytest.mark.parametrize(
    ("table", "name", "items", "says"),
    [
        (b"book,title\nx1,Sea\n", "t.csv", ",id=book", "none of its 1 item has an event"),
        (b"book,x\nx1,Sea\n", "t.csv", "", "which column has the item ids.* none has\n?.*"),
        (b"a,b\nb1,b2\n", "t.csv", "", "Of a, b a, b have ids of the events\n.*,id=COLUMN"),
        (BOOKS, "t.csv", ",id=bok", "unknown column in .*'bok'\ndid you mean 'book'"),
        (BOOKS, "t.csv", ",id", "'id' is not NAME=COLUMN or NAME:KIND\ne.g."),
        (b"item,x,x\nb1,1,2\n", "t.csv", "", "there are 2 columns 'x'\nrename"),
        (b"item,title,name\nb1,1,2\n", "t.csv", "", "two columns could be the title\nsay which"),
        (BOOKS, "t.csv", ",authr:text", "unknown column in .*'authr'\ndid you mean 'author'"),
        (
            BOOKS,
            "t.csv",
            ",author:list",
            "'author:list' is not .*:KIND\n.* text, number, one-of, any-of",
        ),
        (BOOKS, "t.csv", ",author:number", "'Anna Ott' of the column author is not a number\nmend"),
        (b"item,x\nb1,1\nb2\n", "t.csv", "", "line 3: 1 field where 2 are expected"),
        (b"item,x\nb1,1\nb1,2\n", "t.csv", "", "row 2: id b1 occurs twice"),
        (b"item,x\nb1,caf\xe9\n", "t.csv", "", "is not UTF-8 text\nsave the file as UTF-8"),
        (b'{"item": "b1"}\n[1]\n', "t.jsonl", "", "line 2: expected a JSON object"),
        (b'{"item": "b1"}\n{"item\n', "t.jsonl", "", "line 2: this is not JSON"),
        (b'{"item": "b1", "x": {}}\n', "t.jsonl", ",x=x", "column 'x' is nested or binary\nput"),
        (b"PAR1", "t.parquet", "", "not a readable parquet file"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(
    tmp_path: Path, table: bytes, name: str, items: str, says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        load(tmp_path, table, name, items=items)
    assert caught.value.remedy
    assert not list(tmp_path.glob("data/*"))


def test_a_set_with_items_of_its_own_takes_no_others(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "films", {**ML_1M, "t.csv": b"item,x\n10,1\n"})
    with pytest.raises(InputError, match=r"has its own items: .*movies\.dat\nleave --items out"):
        import_dataset(folder, tmp_path / "data", "x", ImportOptions(items=f"{folder}/t.csv"))
    with pytest.raises(InputError, match="no such file: "):
        import_dataset(folder, tmp_path / "data", "x", ImportOptions(users="nowhere.csv"))


def test_on_the_command_line_and_made_again_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write_files(tmp_path / "raw", {"loans.csv": LOANS, "books.csv": BOOKS}))
    data = tmp_path / "data"
    assert run("--data-dir", str(data), "data", "import", "loans.csv", "--items", "books.csv") == 0
    out = capsys.readouterr().out
    line = "item attributes  3 of 4 items (books.csv has 3 rows): title (text), author (one of)"
    assert line in out
    assert "items            4 (1 without an event)\n" in out
    (data / "loans" / COLUMNS / "user.npy").unlink()
    monkeypatch.chdir(tmp_path)
    assert values(load_dataset("loans", data))["title"] == ["Sea", "Hill", None, "No"]
