"""Events of every kind: repeated ones, labels, types with weights, further columns."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from recsys_core.data.attributes import WEIGHING
from recsys_core.data.browse import plain_values
from recsys_core.data.dataset import Categorical, Dataset, Numeric
from recsys_core.data.describe import describe
from recsys_core.data.load import load_dataset
from recsys_core.data.prepared import find_prepared
from recsys_core.registry import model_info, model_names
from tests.data.test_command import run
from tests.data.test_text_tables import read, summary

PLAYS = "user,item,time\nu1,a,30\nu1,b,20\nu1,a,10\nu2,a,5\nu1,a,30\n"
CLICKS = (
    "user,item,click,time,device,hour,zip,price\n"
    "u1,a,0,10,tv,8,01,1.5\nu1,b,1,11,phone,8,02,\nu2,a,1,12,,23,01,NA\nu2,c,0,13,tv,,02,2\n"
)
SHOP = "user,item,kind\nu1,a,view\nu1,a,buy\nu2,b,cart\nu2,a,view\nu3,c,view\n"
TYPED = {"user": "user", "item": "item", "type": "kind"}


def again(tmp_path: Path) -> Dataset:
    return load_dataset("t", tmp_path / "data")


@pytest.mark.parametrize("quote", ["", '"'])
def test_repeated_events_are_all_kept(tmp_path: Path, quote: str) -> None:
    content = PLAYS.replace("b", f"{quote}b{quote}")
    dataset = read(tmp_path, content, repeats="keep")
    assert dataset.item_ids[dataset.item].tolist() == ["a", "b", "a", "a", "a"]
    assert dataset.n_repeats == describe(dataset)["repeats"] == 2
    assert describe(dataset)["density"] == 3 / 4  # of four pairs, however often each occurs
    (note,) = summary(tmp_path)["notes"]
    assert note == "events of a user with an item met before, all kept: 2"
    assert again(tmp_path).fingerprint == dataset.fingerprint
    # user u1's timeline: oldest first, equal times in file order
    assert dataset.timeline.tolist() == [2, 1, 0, 4, 3]


def test_labels_are_no_ratings(tmp_path: Path) -> None:
    dataset = read(tmp_path, CLICKS)
    assert dataset.labelled
    assert dataset.rating.tolist() == [0, 1, 1, 0]
    assert again(tmp_path).labelled
    rated = read(tmp_path, CLICKS.replace("click", "rating"))
    assert not rated.labelled


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_label_that_is_neither_0_nor_1_names_the_remedy(tmp_path: Path, gzipped: bool) -> None:
    content = CLICKS.replace("u2,a,1", "u2,a,3").encode()
    name = "t.csv.gz" if gzipped else "t.csv"
    with pytest.raises(Exception, match=r"line 4, column 3 \(click\): '3'.*rating=COLUMN"):
        read(tmp_path, gzip.compress(content) if gzipped else content, name)
    assert not (tmp_path / "data").exists()


def named(*names: str) -> dict[str, str]:
    return {name.partition(":")[0]: name for name in names}


@pytest.mark.parametrize("quote", ["", '"'])
def test_further_columns_are_kept_by_their_names(tmp_path: Path, quote: str) -> None:
    content = CLICKS.replace("phone", f"{quote}phone{quote}")
    dataset = read(tmp_path, content, columns=named("device", "hour", "zip", "price"))
    for some in (dataset, again(tmp_path)):
        assert {name: plain_values(column) for name, column in some.context.items()} == {
            "device": ["tv", "phone", None, "tv"],
            "hour": [8, 8, 23, None],
            "zip": ["01", "02", "01", "02"],  # a code: no number is written so
            "price": [1.5, None, None, 2],
        }
    assert summary(tmp_path)["context"] == {
        "device": "categorical",
        "hour": "numeric",
        "zip": "categorical",
        "price": "numeric",
    }


def test_what_a_further_column_holds_can_be_said(tmp_path: Path) -> None:
    columns = named("hour:category") | {"postcode": "zip:number"}
    context = read(tmp_path, CLICKS, columns=columns).context
    hour, postcode = context["hour"], context["postcode"]
    assert isinstance(hour, Categorical)
    assert hour.vocabulary.tolist() == ["8", "23"]  # by number
    assert isinstance(postcode, Numeric)
    assert postcode.values.tolist() == [1, 2, 1, 2]


def test_numbers_of_a_column_are_those_of_the_rows_that_stay(tmp_path: Path) -> None:
    content = "user,item,kind,place\nu1,a,view,7\nu2,a,buy,1\nu1,a,buy,2\nu2,a,buy,3\n"
    columns = {**TYPED, "place": "place"}
    dataset = read(tmp_path, content, columns=columns, keep="buy", repeats="last")
    assert plain_values(dataset.event_columns["place"]) == [2, 3]


def test_parquet_has_further_columns_too(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pa.table(
        {
            "user": ["u1", "u1", "u2"],
            "item": ["a", "a", "b"],
            "click": [0, 1, 1],
            "price": [1.0, None, 1e39],
            "device": ["tv", None, "tv"],
            "ad": [12, 7, 12],
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    columns = named("price", "device", "ad:category")
    dataset = read(tmp_path, content, "t.parquet", columns=columns, repeats="keep")
    assert dataset.labelled
    assert {name: plain_values(column) for name, column in dataset.context.items()} == {
        "price": [1, None, None],
        "device": ["tv", None, "tv"],
        "ad": ["12", "7", "12"],
    }


def test_types_that_are_not_kept_are_counted(tmp_path: Path) -> None:
    dataset = read(tmp_path, SHOP, columns=TYPED, keep="buy,cart", repeats="keep")
    assert dataset.user_ids.tolist() == ["u1", "u2"]  # of u3 nothing is left
    assert dataset.item_ids.tolist() == ["a", "b"]
    prepared = find_prepared(tmp_path / "data", "t")
    assert prepared is not None
    assert prepared.meta["bad_rows"] == {"type": 3}


def test_types_weigh_what_is_said(tmp_path: Path) -> None:
    weights = "view=1,cart=2.5,buy=4"
    dataset = read(tmp_path, SHOP, columns=TYPED, type_weights=weights, repeats="keep")
    assert plain_values(dataset.event_columns["type_weight"]) == [1, 4, 2.5, 1, 1]
    assert dataset.context == {}  # what came of an event is no feature of it
    note = summary(tmp_path)["notes"][-1]
    assert note.startswith("what events weigh by type: view 1, cart 2.5, buy 4 (read by ")
    plain = read(tmp_path, SHOP, columns=TYPED, repeats="keep")
    assert plain.fingerprint != dataset.fingerprint


def test_models_that_weigh_events_are_those_that_the_note_names() -> None:
    recall = (name for name in model_names() if model_info(name).stage == "recall")
    assert tuple(name for name in recall if model_info(name).cls.reads_weights) == WEIGHING


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        (CLICKS, ["--columns", "devise"], "unknown column in .*'devise'\n.*'device'"),
        (CLICKS, ["--columns", "lable=click"], "unknown role in --columns 'lable'\n.*'label'"),
        (CLICKS, ["--columns", "score=price"], "usual name of the rating\n.*rating=score"),
        (CLICKS, ["--columns", "day=time"], "column 'time' .* is the timestamp already\n"),
        (CLICKS, ["--columns", "a b=hour,a_b=zip"], "two further columns are called a_b\n"),
        (CLICKS, ["--columns", "device:number"], r"line 2, column 5 \(device\): 'tv' is not a num"),
        (CLICKS, ["--keep", "buy"], "--keep has no effect: there is no type\n"),
        (CLICKS, ["--type-weights", "buy=2"], "--type-weights has no effect: there is no type\n"),
        (SHOP, ["--keep", "bought"], "unknown type of events .*'bought'\n.*valid: buy, cart, view"),
        (SHOP, ["--type-weights", "view=1,buy=2"], "nothing about the type 'cart'\n.*add cart=1"),
        (SHOP, ["--type-weights", "view=0"], "'view=0' is not TYPE=NUMBER .* above 0\n.*--keep"),
        (SHOP, ["--type-weights", "view=1,cart=1,buy=1,fav=1"], "unknown type of events .*'fav'\n"),
        ("1 2 3\n", ["--columns", "user=1,item=2+,device=3"], "names, or numbers|further columns"),
    ],
    ids=lambda value: value[1] if isinstance(value, list) else None,
)
def test_what_cannot_be_is_said_in_two_lines(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
    options: list[str],
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(content)
    columns = ["--columns", "user=user,item=item,type=kind"] if content == SHOP else []
    assert run("data", "import", "t.csv", "--repeats", "keep", *columns, *options) == 2
    error = capsys.readouterr().err.partition("error: ")[2]
    assert len(error.splitlines()) == 2
    assert re.search(problem, error), error
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_options_come_back_when_a_set_is_made_again(tmp_path: Path) -> None:
    options: dict[str, Any] = {"keep": "buy,view", "type_weights": "buy=3,view=1"}
    dataset = read(tmp_path, SHOP, columns=TYPED, repeats="keep", **options)
    (tmp_path / "data" / "t" / "meta.json").write_text(
        (tmp_path / "data" / "t" / "meta.json").read_text().replace(dataset.fingerprint, "0" * 32)
    )
    assert again(tmp_path).fingerprint == dataset.fingerprint
