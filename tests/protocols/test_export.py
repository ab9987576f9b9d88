"""Parts of a split as files: what is in them, read back, and when nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys_core.data.dataset import Categorical, Dataset, Numeric
from recsys_core.data.importer import ImportOptions, import_dataset
from recsys_core.data.score_file import read_scores
from recsys_core.errors import InputError
from recsys_core.pipeline.score_rows import rows_of as rows_of_file
from recsys_core.protocols import export
from recsys_core.protocols.export import FORMATS, write_split
from recsys_core.protocols.registry import make_protocol
from recsys_core.protocols.split import PARTS, Split
from recsys_core.ranking.rows import drawn_rows, ranking_rows
from tests.protocols.build import Row, dataset, random_dataset, split
from workbench.cli.main import run_command_line


def tiny() -> Dataset:
    """Four rows with a type, which one has not, and a price."""
    rows: list[Row] = [(1, 0, 4.5, 30), (0, 1, 5.0, 20), (0, 0, 4.0, 10), (1, 1, 1.0, 40)]
    types = Categorical(np.array([0, 1, -1, 0], dtype=np.int32), np.array(["buy", "view"]))
    price = Numeric(np.array([0.1, np.nan, 3, 4], dtype=np.float32))
    return replace(dataset(rows), event_columns={"type": types, "price": price})


def by_hand(data: Dataset) -> Split:
    return split(data, [1, 2], [0], [3])


def test_rows_keep_their_ids_and_order(tmp_path: Path) -> None:
    about = write_split(by_hand(tiny()), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "split.json",
        "test.csv",
        "train.csv",
        "valid.csv",
    ]
    assert (tmp_path / "out" / "train.csv").read_text() == (
        "user,item,rating,timestamp,type,price\nu0,i1,5.0,20,view,\nu0,i0,4.0,10,,3.0\n"
    )
    assert (tmp_path / "out" / "valid.csv").read_text().splitlines()[1] == "u1,i0,4.5,30,buy,0.1"
    assert json.loads((tmp_path / "out" / "split.json").read_text()) == about
    assert about["fingerprint"] == by_hand(tiny()).fingerprint
    assert about["rows"] == {"train": 2, "valid": 1, "test": 1}
    assert about["protocol"]["name"] == "by-hand"
    assert about["columns"] == ["user", "item", "rating", "timestamp", "type", "price"]


def test_atomic_files_have_types_and_the_name_of_the_folder(tmp_path: Path) -> None:
    about = write_split(by_hand(tiny()), tmp_path / "My Shop", "inter")
    assert about["files"]["valid"] == "my-shop.valid.inter"
    assert (tmp_path / "My Shop" / "my-shop.valid.inter").read_text() == (
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\ttype:token\tprice:float\n"
        "u1\ti0\t4.5\t30\tbuy\t0.1\n"
    )


def test_what_a_set_has_not_is_no_column(tmp_path: Path) -> None:
    data = dataset([(0, 0, 1.0, 0), (1, 1, 1.0, 0)], explicit=False, timed=False)
    write_split(split(data, [0], [], [1]), tmp_path / "out")
    assert (tmp_path / "out" / "test.csv").read_text() == "user,item\nu1,i1\n"
    assert not (tmp_path / "out" / "valid.csv").exists()


def test_scores_beside_the_parts_are_none_of_them(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_split(by_hand(tiny()), folder)
    before = import_dataset(folder, tmp_path / "data", "before")
    (folder / "ours.csv").write_text("user,item,rank\nu0,i1,1\n")
    again = import_dataset(folder, tmp_path / "data", "again")
    assert again.fingerprint == before.fingerprint
    (folder / "valid.csv").unlink()  # no longer what split.json tells of
    with pytest.raises(InputError, match=r"files may hold the ratings: ours\.csv, test\.csv"):
        import_dataset(folder, tmp_path / "data", "third")


@pytest.mark.parametrize("file_format", FORMATS)
def test_given_reads_the_folder_back(tmp_path: Path, file_format: Any) -> None:
    cut = make_protocol({"name": "random-rows"}).split(random_dataset(3))
    write_split(cut, tmp_path / "out", file_format)
    again = import_dataset(tmp_path / "out", tmp_path / "data", "again", ImportOptions())
    read = make_protocol({"name": "given"}).split(again)
    for name in ("train", "valid", "test"):
        assert rows_of(read, name) == rows_of(cut, name)


def rows_of(cut: Split, name: str) -> list[tuple[str, str, float, int]]:
    part = getattr(cut, name)
    data = part.dataset
    columns = (data.user_ids[part.user], data.item_ids[part.item], part.rating, part.timestamp)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_many_rows_are_written_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = make_protocol({"name": "random-rows"}).split(random_dataset(3))
    for size in (7, 10_000):
        monkeypatch.setattr(export, "CHUNK", size)
        for file_format in FORMATS:
            (tmp_path / f"{file_format}-{size}").mkdir()
            write_split(cut, tmp_path / f"{file_format}-{size}" / "x", file_format)
    for file in ("csv-{}/x/train.csv", "inter-{}/x/x.train.inter"):
        few, many = ((tmp_path / file.format(size)).read_bytes() for size in (7, 10_000))
        assert few == many
    tables = [pd.read_parquet(tmp_path / f"parquet-{size}/x/test.parquet") for size in (7, 10_000)]
    pd.testing.assert_frame_equal(tables[0], tables[1])


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out is there already\ngive the name of a new folder"):
        write_split(by_hand(tiny()), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(InputError, match="no/out cannot be written: No such file or directory"):
        write_split(by_hand(tiny()), tmp_path / "no" / "out")


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Iterator[pd.DataFrame]:
        yield pd.DataFrame({"user": [1]})
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "_frames", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_split(by_hand(tiny()), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_ids_that_atomic_files_cannot_hold_are_named(tmp_path: Path) -> None:
    data = replace(tiny(), item_ids=np.array(["a\tb", "c"]))
    with pytest.raises(InputError, match=r"cannot hold the text .*which has a tab.*\nwrite csv"):
        write_split(by_hand(data), tmp_path / "out", "inter")
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        return run_command_line(["data", "split", *arguments], lambda *_: 1)

    (tmp_path / "t.csv").write_text(
        "user,item\n" + "".join(f"{user},{item}\n" for user in range(5) for item in range(20))
    )
    line = ["./t.csv", "--protocol", "random-per-user", "--set", "protocol.test_share=0.2"]
    assert run(*line, "--to", "out") == 0
    assert "out/test.csv     20" in capsys.readouterr().out
    assert run(*line, "--to", "out") == 2
    assert capsys.readouterr().err.endswith(
        "error: out is there already\ngive the name of a new folder\n"
    )
    assert run("./t.csv", "--protocol", "given", "--to", "new") == 2
    assert "does not say which rows are test\n" in capsys.readouterr().err
    assert run("./t.csv", "--set", "protocol.x=1", "--to", "new", "--json") == 2
    assert not Path("new").exists()


@pytest.mark.parametrize("file_format", FORMATS)
def test_drawn_items_are_written_and_judged(tmp_path: Path, file_format: Any) -> None:
    """Whoever predicts the rows of both files has predicted all that are judged."""
    pairs = [
        (user, (user * 7 + place) % 40, 1.0, place) for user in range(20) for place in range(8)
    ]
    data = dataset(pairs, explicit=False)
    cut = make_protocol({"name": "user-timeline", "negatives": 2}).split(data)
    about = write_split(cut, tmp_path / "out", file_format, drawn=drawn_rows(cut))
    rows = ranking_rows(cut, "test")
    assert about["rows"]["test.drawn"] == rows.drawn > 0
    assert set(about["rows"]) == {f"{p}{end}" for p in PARTS for end in ("", ".drawn")}
    events, drawn = (
        frame_of(tmp_path / "out" / about["files"][name]) for name in ("test", "test.drawn")
    )
    assert not set(drawn.columns) & {"rating", "label"}
    # each event has a row of its user and moment for every item drawn beside it
    beside = drawn.merge(events, on=["user", "timestamp"], how="left", suffixes=("", "_of"))
    assert beside["item_of"].notna().all()
    known = set(zip(data.user_ids[data.user], data.item_ids[data.item], strict=True))
    assert not known & set(zip(drawn["user"], drawn["item"], strict=True))
    predicted = pd.concat([events.assign(score=0.75), drawn.assign(score=0.25)])
    names = ["user", "item", "timestamp", "score"]
    predicted[names].to_csv(tmp_path / "mine.csv", index=False)
    scored, counts = rows_of_file(read_scores(tmp_path / "mine.csv"), cut)
    np.testing.assert_array_equal(scored.scores == 0.75, scored.labels == 1)
    assert counts["other_rows"] == 0
    again = import_dataset(tmp_path / "out", tmp_path / "data", "again", ImportOptions())
    assert again.n_interactions == sum(len(part) for part in (cut.train, cut.valid, cut.test))


def frame_of(path: Path) -> pd.DataFrame:
    """Read a file of a split with plain names of columns."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    frame = pd.read_csv(path, sep="\t" if path.suffix == ".inter" else ",")
    plain = {name: name.partition(":")[0].removesuffix("_id") for name in frame.columns}
    return frame.rename(columns=plain)
