"""Text tables as people have them: read as they are meant, or refused with what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Dataset
from recsys_core.data.describe import describe
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.load import load_dataset
from recsys_core.data.prepared import find_prepared
from recsys_core.errors import InputError
from tests.data.files import write_files

USER_ITEM = {"user": "1", "item": "2"}
WITH_RATING = {**USER_ITEM, "rating": "3"}
#: 2020-01-05 in UTC
DAY = 1_578_182_400


def read(tmp_path: Path, content: str | bytes, name: str = "t.csv", **options: Any) -> Dataset:
    content = content.encode() if isinstance(content, str) else content
    path = write_files(tmp_path, {name: content}) / name
    return import_dataset(path, tmp_path / "data", "t", ImportOptions(**options))


def rows(dataset: Dataset) -> list[tuple[str, str, float, int]]:
    users, items = dataset.user_ids[dataset.user], dataset.item_ids[dataset.item]
    columns = (users, items, dataset.rating, dataset.timestamp)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def summary(tmp_path: Path) -> dict[str, Any]:
    prepared = find_prepared(tmp_path / "data", "t")
    assert prepared is not None
    found: dict[str, Any] = prepared.meta["summary"]
    return found


@pytest.mark.parametrize(
    ("content", "columns", "first"),
    [
        ("userId,movieId\nu1,m1\nu2,m2\n", USER_ITEM, ("u1", "m1", 1, 0)),
        ("person,thing\nu1,m1\nu2,m2\n", USER_ITEM, ("u1", "m1", 1, 0)),
        ("who,what,C3\nanna,heat,4\nben,owl,5\n", WITH_RATING, ("anna", "heat", 4, 0)),
        ("1,j1,-7.8\n1,j2,4.5\n", WITH_RATING, ("1", "j1", -7.8, 0)),
        ("anna,heat\nben,owl\n", USER_ITEM, ("anna", "heat", 1, 0)),
        ("anna,00064X\nben,1234\n", USER_ITEM, ("anna", "00064X", 1, 0)),  # as an ISBN
        ("u,heat,1e0\nv,owl,2\n", WITH_RATING, ("u", "heat", 1, 0)),
        ("u,heat,2020-01-05\nv,owl,2020-01-06\n", {**USER_ITEM, "timestamp": "3"}, None),
        ('7,"Owl, The",5\n8,"Heat",3\n', WITH_RATING, ("7", "Owl, The", 5, 0)),
        ("\ufeff7,a,5\n8,b,3\n", WITH_RATING, ("7", "a", 5, 0)),
        ('\ufeff7,"a",5\n8,b,3\n', WITH_RATING, ("7", "a", 5, 0)),
        ("user, item, rating\n1, a, 5\n2, b, 4\n", {}, ("1", "a", 5, 0)),
        ('user, item\n1, "a, b"\n2, c\n', {}, ("1", "a, b", 1, 0)),
        ("1\tOwl, a, b, The\n2\tHeat\n", USER_ITEM, ("1", "Owl, a, b, The", 1, 0)),
        ("% a list\n# of two\n1 2 \t 1 100\n 3 4 1 200 \n", WITH_RATING, ("1", "2", 1, 0)),
        ("#cats,a\n#dogs,b\n", USER_ITEM, ("#cats", "a", 1, 0)),
        ("1 2\x0c 1\n3 4\u3000 1\n", WITH_RATING, ("1", "2\x0c", 1, 0)),
        ("1 2\t1 100\n3 4\t1 200\n", WITH_RATING, ("1", "2", 1, 0)),
        ("user,item\n1.0,a\n2,b\n1,c\n", {}, ("1", "a", 1, 0)),
        ("user,item\n1.0,a\n1.5,b\n", {}, ("1.0", "a", 1, 0)),
        ("user,item,click\n1,a,True\n2,b,0\n", {}, ("1", "a", 1, 0)),
        (b"user,item,title\n1,a,caf\xe9\n2,b,x\n", {}, ("1", "a", 1, 0)),  # is not read
        (b'user,item,title\n1,a,"caf\xe9"\n2,b,x\n', {}, ("1", "a", 1, 0)),
    ],
)
def test_the_first_row_is_what_it_is(
    tmp_path: Path, content: str | bytes, columns: dict[str, str], first: Any
) -> None:
    scale = (-10, 10) if "rating" in columns else None
    dataset = read(tmp_path, content, columns=columns, rating_range=scale)
    found = rows(dataset)
    assert found[0] == pytest.approx(first) if first else found[0][3] == DAY
    text = content if isinstance(content, str) else content.decode("latin-1")
    header = summary(tmp_path)["read_as"].endswith("the header")
    assert (
        len(found)
        == sum(line[:2] not in ("% ", "# ") for line in text.split("\n") if line) - header
    )


@pytest.mark.parametrize(
    ("times", "unit", "seconds"),
    [
        (("2020-01-05", "2020-01-06"), None, (DAY, DAY + 86_400)),
        (("2020-01-05T10:51:09.277Z", "2020-01-05 00:00:05 UTC"), None, (DAY + 39_069, DAY + 5)),
        (("2020-01-05 02:00:00+02:00", "2020-01-05T02:00:00"), None, (DAY, DAY + 7_200)),
        (('"2020-01-05"', "2020-01-06"), None, (DAY, DAY + 86_400)),  # line by line
        (("1578182400999", "1578182401000"), "ms", (DAY, DAY + 1)),
        (("1578182400999999999", "1578182401000000000"), "ns", (DAY, DAY + 1)),
        (('"1578182400999999999"', "1578182401000000000"), "ns", (DAY, DAY + 1)),
        (("18266", "18267"), "d", (DAY, DAY + 86_400)),
        (("20200105", "20200106"), "s", (20_200_105, 20_200_106)),
    ],
)
def test_times(
    tmp_path: Path, times: tuple[str, str], unit: str | None, seconds: tuple[int, int]
) -> None:
    content = "user,item,time\n1,a,{}\n2,b,{}\n".format(*times)
    assert tuple(read(tmp_path, content, time_unit=unit).timestamp.tolist()) == seconds


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        ("user,item,time\n1,a,20200105\n", {}, "look like dates, e.g. 20200105\nwrite them like"),
        ("user,item,time\n1,a,1578182400000\n", {}, "in milliseconds: .* --time-unit ms"),
        ("user,item,time\n1,a,20200105101112\n", {}, "write it like 2020-01-05T10:51:09"),
        ("user,item,time\n1,a,05/01/2020\n", {}, "'05/01/2020' is not a number; .* or all of"),
        ("user,item,time\n1,a,2020-01-05\n2,b,5\n", {}, "line 3.*'5' is not a time like 2020"),
        ("user,item,time\n1,a,1960-01-05\n", {}, "'1960-01-05' is not in seconds since 1970"),
        ("user,item\nnan,a\n2,b\n", {}, "line 2.*the id is missing .'nan' stands for no value"),
        ("user,item\n1,a\n2,NULL\n", {}, "line 3.*the id is missing"),
        ("user;item;rating\n1;a;4,5\n", {}, "'4,5' is not a number; write 4.5"),
        ("user,item,time\n1,a,2020-01-05\n2,b,\n", {}, "line 3.*the timestamp is missing"),
        ("user item\n1 a\n", {"separator": ""}, "unknown separator ''"),
        ('user,item\n1,"a\n2,b\n3,c\n', {}, "line 2: a quote is not closed"),
        ('user,item\n1,"a\n2,b"\n3,c\n', {}, "line 2.*has a line break; is a quote not closed"),
        ("1,a,5\n2,b,oops\n", {"columns": WITH_RATING}, "line 2.*'oops' is not a number"),
        ("1,a,oops\n2,b,4\n", {"columns": WITH_RATING}, "line 1.*'oops' is not a number"),
        ("user,item,rating,rating\n1,a,3,4\n", {}, "there are 2 columns 'rating'\nrename"),
        ("userId,user_id,item\n1,1,a\n", {}, "there are 2 columns 'userId'"),
        ("user,item,label\n1,a,2\n", {}, "'2' is not a label, which is 0 or 1"),
        (
            "u,i,r,l\n1,a,3,1\n",
            {"columns": {"user": "u", "item": "i", "rating": "r", "label": "l"}},
            "ratings and labels: a data set has one or the other\nleave out",
        ),
        (b"user,item\n1,caf\xe9\n", {}, "line 2.*not UTF-8 text; save the file as UTF-8"),
        (b"user,item,titr\xe9\n1,a,b\n", {}, "line 1: byte 15 is not UTF-8.*\n.*iconv"),
        ("user\n1\n2\n", {}, "the first line cannot be split into columns: user\n.*--separator"),
        ("0 5 6 7\n1 5\n2 8 9\n3\n", {}, "have 1 to 4 fields, .* blanks\n.*user=1,item=2+"),
        ("user,item,click\n1,a,1\n", {"rating_range": (0, 1)}, "no effect: there is no rating"),
        ("user,item\n1,a\n", {"time_unit": "ms"}, "no effect: there is no timestamp\nleave"),
        ("1,a\n", {"columns": {"user": "1+", "item": "2"}}, "only possible for items"),
        ("user,item\n1,a\n", {"separator": "semi"}, "unknown separator 'semi'\n.*semicolon"),
        ("user^item\n1^a\n", {"separator": ";"}, "the first line cannot be split into columns"),
        ('{"user": 1, "item": 2}\n', {}, "is JSON\nwrite it as CSV"),
        ("user,item\n1,a\n".encode("utf-16"), {}, "is in UTF-16\nsave the file as UTF-8"),
        (b"BZh91AY&SY", {}, "is packed with bzip2\nunpack it first"),
        (b"x" * 257 + b"ustar", {}, "is a tar archive\nunpack it"),
        (b"\0" * 99, {}, "null bytes; this is not text"),
        ("user,item,rating\n1,a,1e99\n", {}, "'1e99' is not within 0 to 10"),
        (
            "user,item\n1,a\n2,a\n",
            {"repeats": "greatest"},
            "no ratings, so the greatest cannot be kept",
        ),
        (
            "user,item,rating\n1,a,2\n",
            {"repeats": "count"},
            "has ratings; repeats can be counted only",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do_and_leaves_nothing(
    tmp_path: Path, content: str | bytes, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, content, **options)
    assert caught.value.remedy
    assert not list(tmp_path.glob("data/*"))


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.write(b"user,item\n1,")
        file.seek(40 * 2**20)  # a hole, which takes no room
        file.write(b"x")
    with pytest.raises(InputError, match="a line has more than 16 MiB"):
        import_dataset(path, tmp_path / "data", "t")


def test_the_summary_says_what_was_read_and_what_was_not(tmp_path: Path) -> None:
    read(tmp_path, "user,item,site,rating,\n1.0, a,x,3,\n2.0,b,y,4,\n")
    assert summary(tmp_path) == {
        "read_as": "table separated by comma, its first line is the header",
        "columns": {"user": "user", "item": "item", "rating": "rating"},
        "unused": ["site", "column 5"],
        "notes": [
            "user ids are whole numbers: 1.0 is read as 1",
            "item ids that begin or end with a blank, which is part of them: 1",
        ],
        "attributes": {},
        "vectors": [],
    }


@pytest.mark.parametrize("quote", ["", '"'])
def test_types_of_events_are_kept_where_they_are_said(tmp_path: Path, quote: str) -> None:
    content = f"user,item,type\n1,a,view\n1,b,{quote}buy{quote}\n2,a,view\n1,a,buy\n"
    columns = {"user": "user", "item": "item", "type": "type"}
    dataset = read(tmp_path, content, columns=columns, repeats="last")
    assert plain_values(dataset.event_columns["type"]) == ["buy", "view", "buy"]
    again = load_dataset("t", tmp_path / "data")
    assert plain_values(again.event_columns["type"]) == ["buy", "view", "buy"]
    assert replace(again, event_columns={}).fingerprint != again.fingerprint
    assert describe(again)["attributes"]["event"]["type"]["values"] == 2
    with pytest.raises(InputError, match=r"line 4, column 3 \(type\): the type is missing"):
        read(tmp_path, content.replace("2,a,view", "2,a,"), columns=columns, repeats="last")
    assert read(tmp_path, content, repeats="last").event_columns == {}  # none is guessed


SHOWN = "user,item,rating,timestamp\n1,a,0,300\n1,b,0,101\n1,a,1,200\n2,a,1,100\n2,a,1,100\n"


@pytest.mark.parametrize(
    ("rule", "kept", "other"),
    [
        ("first", [("1", "b", 0, 101), ("1", "a", 1, 200), ("2", "a", 1, 100)], 1),
        ("last", [("1", "a", 0, 300), ("1", "b", 0, 101), ("2", "a", 1, 100)], 1),
        ("greatest", [("1", "b", 0, 101), ("1", "a", 1, 200), ("2", "a", 1, 100)], 1),
    ],
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_which_repeat_stays(
    tmp_path: Path, rule: Any, kept: list[Any], other: int, quote: str
) -> None:
    content = SHOWN.replace("b", f"{quote}b{quote}")  # with quotes: line by line
    assert rows(read(tmp_path, content, repeats=rule)) == kept
    assert summary(tmp_path)["notes"] == [f"{other} of 2 repeats left out have another rating"]
    with pytest.raises(InputError, match="line 4: user 1 and item a were already on line 2"):
        read(tmp_path, content, repeats="error", on_bad_rows="skip")


def test_repeats_without_times_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    content = "user,item,rating\n1,a,5\n2,a,1\n1,a,4\n"
    assert rows(read(tmp_path, content, repeats="first"))[0] == ("1", "a", 5, 0)
    assert rows(read(tmp_path, content, repeats="last"))[1] == ("1", "a", 4, 0)
    counted = read(tmp_path, content, repeats="count", columns={"user": "user", "item": "item"})
    assert counted.explicit
    assert rows(counted) == [("2", "a", 1, 0), ("1", "a", 2, 0)]
