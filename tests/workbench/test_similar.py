"""`similar`: which item is meant, what each run finds like it, and what cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recsys_core.data.load import load_dataset
from tests.workbench.conftest import Cli, Done
from tests.workbench.test_store_runs import write_run
from workbench.cli.main import run_command_line
from workbench.store.files import StoreError, write_json
from workbench.store.items import Item, Items, read_items
from workbench.store.listing import list_runs
from workbench.store.runs import METRICS, MODEL, Run, Status

FILMS = Items(
    [
        Item(0, "1", "Alien (1979)", ("Horror", "Sci-Fi")),
        Item(1, "2", "Aliens (1986)", ("Action",)),
        Item(2, "1979", "Matrix, The (1999)", ()),
        Item(3, "9", "Star Wars: Episode IV (1977)", ()),
        Item(4, "10", "Star Wars: Episode V (1980)", ()),
        Item(5, "11", "Amélie (2001)", ()),
        Item(6, "12", "", ()),
    ],
    "data set 'films'",
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 1),
        ("1979", 2),  # an id goes before a part of a title
        ("alien", 0),  # a whole title goes before a part of one
        ("alien (1979)", 0),
        ("liens (1986", 1),
        ("the matrix", 2),  # words in any order
        ("AMÉLIE", 5),
        (" episode v (", 4),
        ("12", 6),
    ],
)
def test_an_item_is_found_by_id_title_or_part_of_it(text: str, number: int) -> None:
    assert FILMS.find(text).number == number


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("star wars", r"fits 2 items of data set 'films': 9 Star Wars: Episode IV \(1977\), 10"),
        ("dune", "no item 'dune' in data set 'films'"),
        ("", "no item '' in data set 'films'"),
        ("()", "no item"),
    ],
)
def test_no_item_or_several(text: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        FILMS.find(text)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs that know item similarities and one that does not, on the sample set."""
    runs, data = tmp_path_factory.mktemp("runs"), tmp_path_factory.mktemp("data")
    line = ["--runs-dir", str(runs), "--data-dir", str(data), "eval", "--dataset", "sample"]
    models = ["--models", "item-cf,ease,popularity", "--quiet", "--threads", "1"]
    assert run_command_line([*line, *models], lambda *_: 1) == 0
    return runs, data


@pytest.fixture
def ask(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: str) -> Done:
        runs, data = map(str, folders)
        capsys.readouterr()
        line = ["--runs-dir", runs, "--data-dir", data, "--headless", "similar", *arguments]
        code = run_command_line(line, lambda *_: 1)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def by_label(folders: tuple[Path, Path]) -> dict[str, str]:
    return {run.label: run.run_id for run in list_runs(folders[0])}


def test_json_has_what_the_models_say(
    ask: Cli, by_label: dict[str, str], folders: tuple[Path, Path]
) -> None:
    from recsys_core.recall.ease import Ease

    runs = [word for name in ("ease", "item-cf") for word in ("--run", by_label[name])]
    done = ask("film 7:", *runs, "--k", "3", "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert content["item"]["title"].startswith("Made-up Film 7: ")
    assert [run["label"] for run in content["runs"]] == ["ease", "item-cf"]
    listed = content["runs"][0]["items"]
    assert [item["rank"] for item in listed] == [1, 2, 3]

    dataset = load_dataset("sample", folders[1], offline=True)
    number = dataset.item_ids.tolist().index(content["item"]["item_id"])
    model = Ease.load(folders[0] / by_label["ease"] / MODEL)
    row = model.weights[number].copy()
    row[number] = -np.inf
    best = np.argsort(-row)[:3]
    assert [item["item_id"] for item in listed] == dataset.item_ids[best].tolist()
    np.testing.assert_allclose([item["score"] for item in listed], row[best], rtol=1e-6)


def test_runs_stand_side_by_side_where_they_fit(
    ask: Cli, by_label: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("7", "--run", by_label["ease"], "--run", by_label["item-cf"], "--k", "4")
    for columns, tables in (("120", 1), ("60", 2)):
        monkeypatch.setenv("COLUMNS", columns)
        done = ask(*line)
        heads = [row for row in done.out.splitlines() if row.startswith("#")]
        assert len(heads) == tables
        assert max(map(len, done.out.splitlines())) <= int(columns)
        assert "ease" in heads[0]
        assert "item-cf" in heads[-1]
        assert all(f"\n{rank}  Made-up Film" in done.out for rank in range(1, 5))


def test_wrong_lines_say_what_to_do(
    ask: Cli, by_label: dict[str, str], folders: tuple[Path, Path], tmp_path: Path
) -> None:
    known = by_label["item-cf"]
    failed = write_run(tmp_path, "broken")
    failed.write_status(Status("failed", reason="no memory"))
    for words, message in (
        (("film",), "fits 800 items of data set 'sample'"),
        (("nothing like it",), "no item 'nothing like it' in data set 'sample'"),
        (("7", "--run", by_label["popularity"]), "a popularity (recall) has no similarity of"),
        (("7", "--run", str(failed.path)), f"run {failed.run_id} is failed: it has no model"),
    ):
        done = ask(*words, "--run", known)
        assert done.code == 2
        assert message in done.err
        assert done.err.count("\n") == 2
    assert "missing option '--run'" in ask("7").err


def test_runs_on_different_data_or_on_data_that_changed_are_refused(
    cli: Cli, by_label: dict[str, str], folders: tuple[Path, Path], tmp_path: Path
) -> None:
    run = Run(folders[0] / by_label["item-cf"])
    empty = str(tmp_path / "data")
    done = cli("similar", "7", "--run", str(run.path), "--data-dir", empty)
    assert done.code == 2
    assert "data set 'sample' is not in" in done.err
    with pytest.raises(StoreError, match="is not the one the run was trained on"):
        read_items(folders[1], "sample", "another fingerprint")
    other = write_run(tmp_path, "other")
    dataset = {"name": "elsewhere", "fingerprint": "cafe", "synthetic": False}
    write_json(other.path / METRICS, {**other.metrics, "dataset": dataset})
    other = Run(other.path)
    done = cli("similar", "7", "--run", str(run.path), "--run", str(other.path))
    assert f"run {other.run_id} is on data set 'elsewhere', {run.run_id} on 'sample'" in done.err


def test_a_run_whose_model_is_gone_is_refused(
    ask: Cli, by_label: dict[str, str], folders: tuple[Path, Path]
) -> None:
    model = folders[0] / by_label["ease"] / MODEL
    away = model.rename(model.with_name("away"))
    try:
        done = ask("7", "--run", by_label["ease"])
    finally:
        away.rename(model)
    assert done.code == 2
    assert "no saved model here" in done.err
    assert "--fresh" in done.err
