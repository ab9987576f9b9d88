"""One damaged run folder hides no other, and is named in two lines."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from tests.workbench import hostile
from tests.workbench.conftest import Cli, Done
from tests.workbench.films import prepare_films, write_list_run
from tests.workbench.hostile import HARMLESS, LISTED, RESULTS, SHOWN, damaged_copies
from workbench.store.listing import list_runs
from workbench.store.manage import find_reusable
from workbench.store.runs import Run

LISTS = {0: ((3, 0.9), (2, 0.5), (4, 0.4)), 1: ((7, 0.8), (3, 0.2))}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    prepare_films(folder)
    return folder


def good_run(runs_dir: Path, label: str) -> Run:
    run = write_list_run(runs_dir, label, LISTS)
    (run.path / "model").mkdir()
    return run


@pytest.fixture
def good(runs_dir: Path) -> Run:
    return good_run(runs_dir, "good")


def says(done: Done, file: str) -> bool:
    """Tell whether a command ended with two short lines that name the file."""
    lines = done.err.splitlines()
    fits = done.code == 2 and file in lines[0] and len(lines) == 2
    return fits and all(len(line) < 250 for line in lines) and "Error:" not in done.err


def test_lists_go_on_beside_every_damage(
    cli: Cli, runs_dir: Path, good: Run, tmp_path: Path
) -> None:
    other = good_run(runs_dir, "other")
    damages = LISTED | SHOWN | HARMLESS
    copies = damaged_copies(good.path, damages.items())
    copies["log.txt pipe"].rename(runs_dir / os.fsdecode(b"not-utf-8-\xff"))
    queued = copies["checkpoint pipe"]
    (queued / "status.json").write_text('{"state": "queued", "created": 1}')
    (queued / "queue.json").write_text(hostile.DEEP)

    for _ in range(2):  # the second time from the index
        done = cli("runs", "list", "--json")
        assert done.code == 0, done.err
        listed = {run["run_id"]: run for run in json.loads(done.out)}
        assert len(listed) == 2 + len(damages)
    for name in LISTED:
        problem = listed[copies[name].name]["problem"]
        assert f"{copies[name]}/{name.partition(' ')[0]}" in problem, name
    assert [listed[run.run_id]["state"] for run in (good, other)] == ["succeeded"] * 2
    done = cli("runs", "list")
    assert (done.code, done.out.count("damaged")) == (0, len(LISTED))
    assert len(done.err.splitlines()) == 2

    done = cli("queue", "list")
    assert (done.code, done.out.count("damaged")) == (0, 1)
    assert f"{queued}/queue.json: damaged: nested too deeply" in done.err
    for words in (
        ("runs", "export", "--to", str(tmp_path / "out.csv")),
        ("runs", "prune", "--state", "failed", "--dry-run"),
        ("runs", "show", good.run_id),
        ("compare", good.run_id, other.run_id),
        ("user", "u0", "--run", good.run_id, "--run", other.run_id),
    ):
        done = cli(*words)
        assert done.code == 0, done.err
    found = find_reusable(runs_dir, "key-good")
    assert found is not None
    assert (runs_dir / found.run_id / "spec.yaml").is_file()


@pytest.mark.parametrize("name", (LISTED | SHOWN).keys())
def test_a_damaged_run_is_named_in_two_lines(cli: Cli, good: Run, name: str) -> None:
    (copy,) = damaged_copies(good.path, [(name, (LISTED | SHOWN)[name])]).values()
    file = name.partition(" ")[0]
    assert says(cli("runs", "show", copy.name), f"{copy}/{file}"), name
    if file != "annotations.json":
        assert says(cli("compare", good.run_id, copy.name), f"{copy}/{file}"), name
    if file in ("status.json", "metrics.json"):
        assert says(cli("user", "u0", "--run", copy.name), f"{copy}/{file}"), name


@pytest.mark.parametrize("name", RESULTS)
def test_damaged_results_of_users_are_named_in_two_lines(
    cli: Cli, good: Run, name: str, tmp_path: Path
) -> None:
    (copy,) = damaged_copies(good.path, [(name, RESULTS[name])]).values()
    file = f"{copy}/results.sqlite"
    asked = [
        cli("user", "u0", "--run", copy.name),
        cli("compare", good.run_id, copy.name, "--users"),
        cli("user", "--find", "best=ndcg@10", "--run", copy.name),
    ]
    to = ("--to", str(tmp_path / "out.csv"), "--table", "recommendations")
    asked.append(cli("runs", "export", copy.name, *to))
    assert all(done.code == 0 or says(done, file) for done in asked), [done.err for done in asked]
    assert any(says(done, file) for done in asked)


def test_a_row_of_the_index_that_was_changed_is_read_from_its_folder(good: Run) -> None:
    runs_dir = good.path.parent
    settled = good.path / "status.json"
    os.utime(settled, (1.0, 1.0))
    before = list_runs(runs_dir)
    for change in ("metrics = '{'", "label = 7", "ci95 = '[]'", "created = 'x'"):
        database = sqlite3.connect(runs_dir / "index.sqlite")
        assert database.execute(f"UPDATE runs SET {change}").rowcount == 1
        database.commit()
        database.close()
        assert list_runs(runs_dir) == before
        assert before[0].metrics == {"ndcg@10": 0.5}


@pytest.mark.parametrize("name", ["pipe", "endless view"])
def test_an_index_that_is_none_is_done_without(good: Run, name: str) -> None:
    path = good.path.parent / "index.sqlite"
    if name == "pipe":
        os.mkfifo(path)
    else:
        database = sqlite3.connect(path)
        database.executescript(f"CREATE VIEW runs {hostile._ENDLESS}; PRAGMA user_version = 3")
        database.close()
    assert [run.run_id for run in list_runs(good.path.parent)] == [good.run_id]


@pytest.mark.parametrize("name", ["spec.yaml", "metrics.json", "results.sqlite", "model"])
def test_a_run_without_one_of_its_files_is_not_reused(good: Run, name: str) -> None:
    assert find_reusable(good.path.parent, "key-good") == good
    hostile.missing(name)(good.path)
    assert find_reusable(good.path.parent, "key-good") is None


def test_prune_of_a_linked_run_takes_the_link_and_leaves_the_run(
    cli: Cli, good: Run, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    good.path.rename(elsewhere)
    good.path.symlink_to(elsewhere)
    (good.path.parent / ".trash-of-yesterday").symlink_to(elsewhere)
    done = cli("runs", "prune", "--keep", "0", "--yes")
    assert (done.code, done.err) == (0, "1 run deleted\n")
    assert (elsewhere / "status.json").is_file()
    assert not [path for path in good.path.parent.iterdir() if path.name != "index.sqlite"]


def test_prune_goes_on_behind_a_run_that_cannot_be_deleted(
    cli: Cli, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [good_run(runs_dir, label) for label in ("one", "two")]
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path == runs[1].path:
            raise PermissionError(1, "Operation not permitted")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    done = cli("runs", "prune", "--keep", "0", "--yes")
    assert done.code == 2
    assert done.err.splitlines()[:2] == [
        "1 run deleted",
        f"error: {runs[1].path}: cannot be deleted: Operation not permitted",
    ]
    assert not runs[0].path.exists()
