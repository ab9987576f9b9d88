"""Run folders: reading, listing, finding, deleting."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys_core.errors import InputError
from tests.workbench.results import values_of
from workbench.store import results
from workbench.store.export import export, metrics_table, results_table
from workbench.store.files import StoreError, write_json
from workbench.store.listing import RunListing, list_runs
from workbench.store.manage import delete_run, find_reusable, resolve_run, sweep
from workbench.store.packed import metric_names, metric_of_users
from workbench.store.process import ProcessIdentity
from workbench.store.results import Tables, write_results
from workbench.store.runs import Run, Status, create_run


def result_of(label: str, ndcg: float | None) -> dict[str, Any]:
    return {
        "label": label,
        "model": "mf",
        "stage": "recall",
        "seed": 0,
        "params": {"epochs": 5},
        "dataset": {"name": "sample", "fingerprint": "d47a", "synthetic": True},
        "protocol": {"name": "user-timeline", "fingerprint": "f00d"},
        "metrics": {"ndcg@10": ndcg, "hit@10": 0.5},
        "ci95": {"ndcg@10": None if ndcg is None else [ndcg - 0.1, ndcg + 0.1]},
        "fit_seconds": 1.5,
        "reuse_key": f"key-{label}",
    }


def write_run(runs_dir: Path, label: str, ndcg: float | None = 0.25, *, age: float = 100.0) -> Run:
    """Make a run that succeeded `age` seconds ago."""
    run = create_run(runs_dir, {"model": "mf", "label": label, "dataset": "sample"}, label)
    moment = time.time() - age
    write_results(
        run.path / "results.sqlite",
        Tables(
            user_ids=np.array(["u1", "u2"]),
            item_ids=np.array(["i1", "i2", "i3"]),
            users=np.array([0, 1]),
            user_metrics={"ndcg@10": np.array([1.0, np.nan])},
            recommendations=(
                np.array([0, 1]),
                np.array([[2, 0], [1, -1]]),
                np.array([[0.9, 0.5], [0.7, -np.inf]]),
            ),
        ),
    )
    (run.path / "model").mkdir()
    write_json(run.path / "metrics.json", result_of(label, ndcg))
    run.write_status(Status("succeeded", created=moment, started=moment, ended=moment))
    settle(run)
    return run


def settle(run: Run) -> None:
    """Make the status file older than the second in which it might change unseen."""
    moment = time.time() - 10
    os.utime(run.path / "status.json", (moment, moment))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the run folders that were read in full."""
    from workbench.store import listing

    seen: list[str] = []
    real = listing.read_summary

    def spy(folder: Path) -> listing.RunSummary:
        seen.append(folder.name)
        return real(folder)

    monkeypatch.setattr(listing, "read_summary", spy)
    return seen


def test_results_keep_what_was_put_in(tmp_path: Path) -> None:
    path = write_run(tmp_path, "mf").path / "results.sqlite"
    values = values_of(path, "ndcg@10")
    assert values[0] == 1.0
    assert np.isnan(values[1])
    assert metric_names(path) == ["ndcg@10"]
    assert results.recommendations(path, 0) == [(2, 0.9, []), (0, 0.5, [])]
    assert results.recommendations(path, 1) == [(1, 0.7, [])]  # the padding is left out
    columns, rows = results.table(path, "recommendations")
    assert [dict(zip(columns, row, strict=True))["item_id"] for row in rows] == ["i3", "i1", "i2"]


def test_a_damaged_results_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    path.write_bytes(b"SQLite format 3\x00" + b"\x01" * 500)
    with pytest.raises(StoreError, match=r"results\.sqlite: damaged"):
        metric_of_users(path, "auc")


def test_listing_is_newest_first_and_says_what_is_known(tmp_path: Path) -> None:
    write_run(tmp_path, "old", age=200)
    write_run(tmp_path, "new", ndcg=None, age=100)
    new, old = list_runs(tmp_path)
    assert (new.label, old.label) == ("new", "old")
    assert (old.metrics, old.ci95) == (
        {"ndcg@10": 0.25, "hit@10": 0.5},
        {"ndcg@10": [0.15, 0.35]},
    )
    assert new.metrics == {"hit@10": 0.5}  # an undefined value is left out
    assert (old.state, old.stage, old.synthetic, old.seed) == ("succeeded", "recall", True, 0)
    assert old.split_fingerprint == "f00d"


def test_the_second_listing_reads_no_run(tmp_path: Path, reads: list[str]) -> None:
    run = write_run(tmp_path, "mf")
    first = list_runs(tmp_path)
    assert list_runs(tmp_path) == first
    assert reads == [run.run_id]


@pytest.mark.parametrize("damage", [b"", b"not a database", b"SQLite format 3\x00" + b"\xff" * 99])
def test_a_lost_or_damaged_index_is_rebuilt(
    tmp_path: Path, reads: list[str], damage: bytes
) -> None:
    run = write_run(tmp_path, "mf")
    first = list_runs(tmp_path)
    (tmp_path / "index.sqlite").write_bytes(damage)
    assert list_runs(tmp_path) == first
    (tmp_path / "index.sqlite").unlink(missing_ok=True)
    assert list_runs(tmp_path) == first
    assert reads == [run.run_id] * 3
    list_runs(tmp_path)
    assert len(reads) == 3, "the index was written again"


def test_an_index_of_another_version_is_replaced(tmp_path: Path) -> None:
    write_run(tmp_path, "mf")
    database = sqlite3.connect(tmp_path / "index.sqlite")
    database.executescript("CREATE TABLE runs (other); PRAGMA user_version = 99")
    database.close()
    assert [run.label for run in list_runs(tmp_path)] == ["mf"]
    assert [run.label for run in list_runs(tmp_path)] == ["mf"]


def test_changes_made_behind_the_index_are_seen(tmp_path: Path) -> None:
    kept, gone, renamed = (write_run(tmp_path, label) for label in ("kept", "gone", "renamed"))
    list_runs(tmp_path)
    delete_run(gone)
    renamed.path.rename(tmp_path / "20200101-000000-other-beef")
    kept.write_status(Status("failed", created=1.0, reason="disk full"))
    found = {run.run_id: run.state for run in list_runs(tmp_path)}
    assert found == {kept.run_id: "failed", "20200101-000000-other-beef": "succeeded"}


def test_a_status_changed_twice_within_a_clock_tick_is_seen(tmp_path: Path) -> None:
    run = write_run(tmp_path, "mf")
    run.write_status(Status("failed", reason="abc"))
    found = (run.path / "status.json").stat()
    assert list_runs(tmp_path)[0].reason == "abc"
    # same size, inode and time: only its youth tells that it may have changed
    (run.path / "status.json").write_text(json.dumps({"state": "failed", "reason": "xyz"}))
    os.utime(run.path / "status.json", ns=(found.st_atime_ns, found.st_mtime_ns))
    assert list_runs(tmp_path)[0].reason == "xyz"


def test_a_poll_without_changes_gives_the_same_object(tmp_path: Path) -> None:
    run = write_run(tmp_path, "mf")
    listing = RunListing(tmp_path)
    first = listing.refresh()
    assert listing.refresh() is first
    run.write_status(replace(run.status(), state="failed"))
    assert listing.refresh()[0].state == "failed"
    delete_run(run)
    assert listing.refresh() == ()


def test_a_dead_process_makes_its_run_interrupted(tmp_path: Path) -> None:
    run = write_run(tmp_path, "mf")
    me = ProcessIdentity.current()
    mine = Status(
        "running", created=1.0, pid=me.pid, process_started=me.started, boot_id=me.boot_id
    )
    run.write_status(mine)
    (run.path / "events.jsonl").write_text(
        '{"stage": "fit", "step": 3, "total": 20, "metrics": {"loss": 0.5}}\n{"stage": "fi'
    )
    seen = list_runs(tmp_path)[0]
    assert seen.state == "running"
    assert seen.progress is not None
    assert (seen.progress.step, seen.progress.metrics) == (3, {"loss": 0.5})
    run.write_status(replace(mine, process_started=me.started - 1))  # the pid was reused
    settle(run)
    for _ in range(2):
        seen = list_runs(tmp_path)[0]
        assert (seen.state, seen.reason) == ("interrupted", "the process that ran it is gone")


@pytest.mark.parametrize("name", ["status.json", "metrics.json"])
@pytest.mark.parametrize("content", ["", "{}", '{"state": "succe', '{"state": "done"}', "[]"])
def test_a_damaged_run_is_never_listed_as_good(tmp_path: Path, name: str, content: str) -> None:
    (write_run(tmp_path, "mf").path / name).write_text(content)
    (run,) = list_runs(tmp_path)
    assert run.state == "failed"
    assert name in run.problem


@pytest.mark.parametrize("content", ["{}", '{"metrics": 3, "ci95": {}}'])
def test_a_result_without_its_parts_is_damaged(tmp_path: Path, content: str) -> None:
    run = write_run(tmp_path, "mf")
    (run.path / "metrics.json").write_text(content)
    with pytest.raises(StoreError, match=r"metrics\.json: damaged: 'dataset' is missing"):
        _ = Run(run.path).metrics


@pytest.mark.parametrize("field", ["created", "ended", "pid"])
def test_a_state_with_times_that_are_no_numbers_does_not_stop_the_list(
    tmp_path: Path, field: str
) -> None:
    run, good = write_run(tmp_path, "mf"), write_run(tmp_path, "ease")
    write_json(run.path / "status.json", {"state": "succeeded", "created": 1.0, field: "x"})
    listed = {one.run_id: one for one in list_runs(tmp_path)}
    assert listed[run.run_id].state == "failed"
    assert f"{field} is 'x'" in listed[run.run_id].problem
    assert listed[good.run_id].state == "succeeded"


def test_other_things_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "notes").mkdir()
    (tmp_path / ".trash-x").mkdir()
    assert list_runs(tmp_path) == []
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "notes"]


def test_listing_something_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="Not a directory"):
        list_runs(tmp_path / "file")


def test_concurrent_listings_agree(tmp_path: Path) -> None:
    expected = {write_run(tmp_path, f"run{i}").run_id for i in range(20)}
    found: list[set[str]] = []

    def look() -> None:
        found.extend({run.run_id for run in list_runs(tmp_path)} for _ in range(5))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 20


def test_runs_are_found_by_id_start_end_and_path(tmp_path: Path) -> None:
    run = write_run(tmp_path, "mf")
    write_run(tmp_path, "ease")
    for text in (run.run_id, run.run_id[:-2], run.run_id[-7:], str(run.path)):
        assert resolve_run(tmp_path, text) == run
    with pytest.raises(StoreError, match="fits 2 runs"):
        resolve_run(tmp_path, run.run_id[:4])
    with pytest.raises(StoreError, match=f"did you mean '{run.run_id}'"):
        resolve_run(tmp_path, run.run_id.replace("-mf-", "-mff-"))
    for nothing in ("", "xyz", "../.."):
        with pytest.raises(StoreError, match="no run"):
            resolve_run(tmp_path, nothing)


def test_only_a_complete_run_is_reused(tmp_path: Path) -> None:
    run = write_run(tmp_path, "mf")
    assert find_reusable(tmp_path, "key-mf") == run
    assert find_reusable(tmp_path, "key-other") is None
    (run.path / "results.sqlite").unlink()
    assert find_reusable(tmp_path, "key-mf") is None


def test_labels_make_safe_folder_names(tmp_path: Path) -> None:
    run = create_run(tmp_path / "new", {"model": "mf"}, "../../$(rm) a/b\x1b[2J")
    assert run.path.parent == tmp_path / "new"
    assert run.run_id[16:-5] == "rm-a-b-2J"
    assert run.status().state == "queued"


def test_events_are_read_on_from_an_offset(tmp_path: Path) -> None:
    run = create_run(tmp_path, {"model": "mf"}, "mf")
    assert run.events() == ([], 0)
    path = run.path / "events.jsonl"
    path.write_bytes(b'{"step": 1}\nbroken\n{"step": 2}\n{"st')
    events, offset = run.events()
    assert [event["step"] for event in events] == [1, 2]
    path.write_bytes(path.read_bytes() + b'ep": 3}\n')
    assert [event["step"] for event in run.events(offset)[0]] == [3]


@pytest.mark.parametrize("extension", ["csv", "json", "parquet"])
def test_export(tmp_path: Path, extension: str) -> None:
    if extension == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet", reason="the extra [parquet]")
    runs_dir = tmp_path / "runs"
    run = write_run(runs_dir, "=cmd()")
    path = tmp_path / f"out.{extension}"
    export(path, *metrics_table(list_runs(runs_dir)))
    if extension == "csv":
        header, first, _ = path.read_text().splitlines()
        assert header.startswith("run_id,state,label,")
        assert first == (
            f"{run.run_id},succeeded,'=cmd(),mf,recall,sample,user-timeline,0,"
            "ndcg@10,0.25,0.15,0.35"
        )
    elif extension == "json":
        assert [row["value"] for row in json.loads(path.read_text())] == [0.25, 0.5]
    else:
        assert parquet.read_table(path).column("value").to_pylist() == [0.25, 0.5]
    export(path, *results_table([run], "user_metrics"))
    assert not list(tmp_path.glob("*.partial"))


def test_export_names_what_it_can_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"valid: \.csv, \.json, \.parquet"):
        export(tmp_path / "out.xlsx", ["a"], [])
    export(tmp_path / "none.json", ["a"], [])
    assert json.loads((tmp_path / "none.json").read_text()) == []
