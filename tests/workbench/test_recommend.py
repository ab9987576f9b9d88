"""`recommend`: lists to the terminal or to a file, of some users, among some items."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from recsys_core.pipeline.recommender import Recommender
from tests.workbench.conftest import Cli, Done
from workbench.cli.main import run_command_line
from workbench.store.listing import list_runs


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> tuple[Path, Path]:
    """One run on a small set: runs folder and data folder."""
    runs = tmp_path_factory.mktemp("runs")
    line = ["--runs-dir", str(runs), "--data-dir", str(data_dir), "train", "--dataset", "small"]
    assert run_command_line([*line, "--model", "item-cf", "--quiet"], lambda *_: 1) == 0
    return runs, data_dir


@pytest.fixture
def ask(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> Cli:
    def run(*arguments: str) -> Done:
        runs, data = map(str, folders)
        capsys.readouterr()
        line = ["--runs-dir", runs, "--data-dir", data, "recommend", "item-cf", *arguments]
        code = run_command_line(line, lambda *_: 1)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def recommender(folders: tuple[Path, Path]) -> Recommender:
    (run,) = list_runs(folders[0])
    return Recommender.load(run.folder, folders[1])


def read_csv(path: Path) -> list[tuple[str, str, int, float]]:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["user", "item", "rank", "score"]
    return [(user, item, int(rank), float(score)) for user, item, rank, score in rows]


def expected(recommender: Recommender, user: str, k: int) -> list[tuple[str, str, int, Any]]:
    found = recommender.recommend(user, k)
    return [(user, one.item_id, one.rank, pytest.approx(one.score)) for one in found]


def test_a_few_lists_are_printed(ask: Cli, recommender: Recommender) -> None:
    done = ask("--users", "7,3", "--k", "4", "--quiet")
    assert done.code == 0
    assert done.err == ""
    header, *lines = done.out.splitlines()
    assert header.split() == ["user", "rank", "item", "title", "score"]
    assert [line.split()[:3] for line in lines] == [
        [user, str(one.rank), one.item_id]
        for user in ("7", "3")
        for one in recommender.recommend(user, 4)
    ]


def test_users_for_whom_nothing_is_left_are_named(ask: Cli, recommender: Recommender) -> None:
    user = recommender.user_number("7")
    known = recommender.dataset.item_ids[recommender.known_of(user).items[:2]]
    done = ask("--users", "7", "--only", ",".join(known), "--quiet")
    assert done.code == 0
    assert done.err == "no item is left to list, as all that are allowed are known: '7'\n"


def test_every_user_gets_a_list_in_a_file(
    ask: Cli, recommender: Recommender, tmp_path: Path
) -> None:
    path = tmp_path / "lists.csv"
    path.write_text("from before")
    done = ask("--users", "all", "--k", "6", "--to", str(path), "--plain")
    assert done.code == 0
    users = recommender.dataset.user_ids.tolist()
    assert f"{len(users):,} lists with {6 * len(users):,} items written to {path}" in done.err
    rows = read_csv(path)
    assert list(dict.fromkeys(row[0] for row in rows)) == users
    assert [row for row in rows if row[0] == "9"] == expected(recommender, "9", 6)
    assert [each.name for each in tmp_path.iterdir()] == ["lists.csv"]


def test_parquet_holds_what_csv_holds(ask: Cli, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra [parquet]")
    for name in ("lists.csv", "lists.parquet"):
        assert ask("--users", "5,6", "--k", "3", "--to", str(tmp_path / name)).code == 0
    table = parquet.read_table(tmp_path / "lists.parquet")
    assert [str(kind) for kind in table.schema.types] == ["string", "string", "int32", "float"]
    columns = [table.column(name).to_pylist() for name in ("user", "item", "rank", "score")]
    assert read_csv(tmp_path / "lists.csv") == [
        (*row[:3], pytest.approx(row[3])) for row in zip(*columns, strict=True)
    ]


def test_users_and_items_come_from_files(
    ask: Cli, recommender: Recommender, tmp_path: Path
) -> None:
    whole = [one.item_id for one in recommender.recommend("8", 1000)]
    users, only = tmp_path / "users.txt", tmp_path / "only"
    users.write_text("\ufeff8\r\nnobody\r\n\r\n8\r\n")
    only.write_text("\n".join(whole[-5:]))
    path = tmp_path / "lists.csv"
    lists = ["--users", str(users), "--to", str(path), "--only", str(only)]
    done = ask(*lists, "--without", f"{whole[-5]}, {whole[-3]}")
    assert done.code == 0
    items = [whole[-4], *whole[-2:]]
    assert [(row[0], row[1]) for row in read_csv(path)] == [("8", item) for item in items]
    assert "1 of 2 users is not in data set 'small' and gets no list: 'nobody'" in done.err
    assert "1 list is shorter than 10: there was nothing left to recommend" in done.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--users all", "80 lists are too many for a terminal: at most 20\nadd --to"),
        ("--users nobody,none", "no user 'nobody', 'none' in data set 'small'\nids near"),
        ("--users ,", "--users ',': no ids here"),
        ("--users {}/none.txt", "none.txt: no such file"),
        ("--users {}", "cannot be read: Is a directory"),
        ("--users {}/binary", "byte 0 is not UTF-8 text"),
        ("--users 1 --only 1,x7", "no item 'x7' in data set 'small'\nids near it: "),
        ("--users 1 --only 1 --without 1", "no item is allowed"),
        ("--users 1 --to {}/x.xlsx", "x.xlsx: unknown extension\nvalid: .parquet, .csv"),
        ("--users 1 --to {}/no/x.csv", "no/x.csv: there is no folder"),
        ("--users 1 --to {}/folder.csv", "folder.csv: this is a folder"),
        ("--k 5", "missing option '--users'"),
    ],
)
def test_what_cannot_be_listed(ask: Cli, line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.csv").mkdir()
    before = sorted(tmp_path.iterdir())
    done = ask(*(word.format(tmp_path) for word in line.split()), "--quiet")
    assert (done.code, done.out) == (2, "")
    assert message in done.err.replace("error: ", "")
    assert len(done.err.splitlines()) <= 2
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_is_there_in_full_or_as_it_was(
    ask: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lists.csv"
    path.write_text("from before")
    monkeypatch.setattr("recsys_core.pipeline.recommender.BLOCK_USERS", 20)
    calls: list[int] = []

    def fail(*_: object) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("workbench.cli.recommend.check", fail)
    assert ask("--users", "all", "--to", str(path), "--quiet").code == 130
    assert path.read_text() == "from before"
    assert [each.name for each in tmp_path.iterdir()] == ["lists.csv"]
